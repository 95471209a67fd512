/** Trains a network on images, in the worker, with checkpoints in the browser's database. */
import type {ComputeWorker, WorkerModel} from 'tfjs-swint/worker';
import {type ImageClass, SIDE} from './class_images.js';
import {checkpointStore} from './database.js';

/** What learns: a network with SwinT, or its twin with 3x3 convolutions in their place. */
export type LayerKind = 'swin' | 'convolution';

export const LAYER_NAMES: Readonly<Record<LayerKind, string>> = {
  swin: 'SwinT',
  convolution: '3x3 convolutions',
};

/** What stays the same in all trainings of one start, and has to after a reload. */
export interface Plan {
  layers: LayerKind[];
  epochs: number;
  /** Whether a mirror image shows the same. */
  mirror: boolean;
}

/** Where the checkpoints of a training are in the database. */
export const CHECKPOINTS = 'checkpoints/';

const HELD_OUT = 4;

/** Every fourth image of each class is for the test. */
export function split(classes: readonly ImageClass[]) {
  const isHeldOut = (index: number) => index % HELD_OUT === HELD_OUT - 1;
  return {
    train: packed('training images', classes, (index) => !isHeldOut(index)),
    test: packed('test images', classes, isHeldOut),
  };
}

function packed(name: string, classes: readonly ImageClass[], isIn: (index: number) => boolean) {
  const chosen = classes.flatMap(({images}, label) =>
    images.filter((_, index) => isIn(index)).map((bytes) => ({bytes, label})),
  );
  const size = SIDE * SIDE * 3;
  const images = new Uint8Array(chosen.length * size);
  for (const [i, {bytes}] of chosen.entries()) images.set(bytes, i * size);
  const labels = chosen.map(({label}) => label);
  return {name, height: SIDE, width: SIDE, classNames: classes.map((one) => one.name), labels, images};
}

type TrainOptions = NonNullable<Parameters<WorkerModel['train']>[1]>;

interface TrainingArgs extends Pick<TrainOptions, 'signal' | 'onBatch' | 'onEpoch'> {
  classes: readonly ImageClass[];
  plan: Plan;
  layer: LayerKind;
}

/**
 * Builds the network and trains it, or goes on from its last checkpoint where there is one.
 *
 * @throws what `train` throws.
 */
export async function trainNetwork(worker: ComputeWorker, args: TrainingArgs) {
  const {classes, plan, layer, ...told} = args;
  const data = split(classes);
  const model = await worker.build('swinResNet', {
    ...{depth: 10, widths: [24, 48, 96], dropPath: 0.1, seed: 1},
    inputShape: [3, SIDE, SIDE],
    numClasses: classes.length,
    convolution: layer === 'convolution',
  });
  try {
    const history = await model.train(data, {
      ...told,
      // For some dozens of images a class: smaller batches than the recipe's, and the rate that goes with them.
      recipe: 'small-images',
      batchSize: Math.min(16, data.train.labels.length),
      learningRate: 0.02,
      testViews: 1,
      epochs: plan.epochs,
      ...(plan.mirror ? {} : {flip: false}),
      checkpoint: {store: checkpointStore(`${CHECKPOINTS}${layer}/`), everySeconds: 3},
      resume: true,
    });
    return {model, history};
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

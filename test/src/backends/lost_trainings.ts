/**
 * Trainings on webgpu whose device is lost at random moments, each of which goes on from its checkpoints on a new device.
 *
 * A moment is a call of the backend, counted from the start of a life: a dispatch, an upload or a read, wherever in the
 * training it is (a step, an evaluation, a checkpoint that is written or restored). The device goes at that call, or in a
 * later turn of the event loop.
 */
import * as tf from '@tensorflow/tfjs';
import seedrandom from 'seedrandom';
import {batchNormalization, dropPath} from '../../../layers/index.js';
import {setupBackend} from '../../../src/backends/setup_backend.js';
import {type TrainOptions, train} from '../../../src/training/train.js';
import {colourSplit} from '../training/colour_squares.js';
import {memoryStore} from '../training/memory_store.js';
import {weightsOf} from '../training/small_networks.js';

const OPTIONS: TrainOptions = {
  epochs: 2,
  batchSize: 8,
  learningRate: 0.02,
  seed: 4,
  flip: true,
  testBatchSize: 8,
};
const SPLIT = colourSplit(24, 8);
/** Calls of which one is the moment: about half of those of a training. */
const MOMENTS = 1500;

/** Of few kernels: the software driver takes most of the time to compile their shaders, anew on each device. */
function smallModel(seed: number): tf.LayersModel {
  const kernelInitializer = tf.initializers.glorotUniform({seed});
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{filters: 4, kernelSize: 3, dataFormat: 'channelsFirst', inputShape: [3, 4, 4]},
        kernelInitializer,
      }),
      batchNormalization({axis: 1}),
      dropPath({rate: 0.2, seed: 6}),
      tf.layers.flatten(),
      tf.layers.dense({units: 3, kernelInitializer}),
    ],
  });
}

/** What is used of the backend beyond its typings. */
interface Backend extends tf.KernelBackend {
  device: GPUDevice;
  recordAndSubmit(...args: unknown[]): void;
  uploadToGPU(dataId: object): void;
}

/**
 * Calls `onCall` with the number of each call of the backend, from 1, before it, and `onDone` after those that
 * compute or upload and did not throw.
 *
 * @returns what ends that.
 */
function watchCalls(onCall: (number: number) => void, onDone: () => void): () => void {
  const backend = tf.backend() as Backend;
  const {recordAndSubmit, uploadToGPU, read} = backend;
  let number = 0;
  for (const [name, method] of Object.entries({recordAndSubmit, uploadToGPU, read})) {
    Object.assign(backend, {
      [name]: (...args: unknown[]) => {
        onCall(++number);
        const result = (method as (...args: unknown[]) => unknown).apply(backend, args);
        // A read tells of its failure later, by its promise.
        if (name !== 'read') onDone();
        return result;
      },
    });
  }
  return () => void Object.assign(backend, {recordAndSubmit, uploadToGPU, read});
}

const WAYS: Record<string, (destroy: () => void) => void> = {
  'at the call': (destroy) => destroy(),
  'in a microtask': (destroy) => queueMicrotask(destroy),
  'in the next turn': (destroy) => void setImmediate(destroy),
  'in a timer': (destroy) => void setTimeout(destroy, 3),
};

/** One training up to a loss, or to its end. */
interface Life {
  /** 'call 12, at the call'. */
  moment: string;
  /** The error that the training ended with. */
  error: string;
  /** Whether the device was destroyed before the training ended. */
  lost: boolean;
  /** Steps that were told after the device was destroyed. */
  stepsAfter: number;
  /** Calls that went through after the loss was told to everyone who waits for it. */
  callsAfter: number;
  /** Tensors more than before, once the model is disposed. */
  tensors: number;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

interface Training {
  store: ReturnType<typeof memoryStore>;
  seed: number;
}

/** @returns the weights too, where the training came to its end. */
async function live(
  {store, seed}: Training,
  loss: {call: number; way: string} | null,
): Promise<{life: Life; weights: Float32Array[] | null}> {
  await setupBackend('webgpu');
  const before = tf.memory().numTensors;
  const {device} = tf.backend() as Backend;
  const life: Life = {
    moment: `call ${loss?.call}, ${loss?.way}`,
    error: 'none',
    lost: false,
    stepsAfter: 0,
    callsAfter: 0,
    tensors: 0,
  };
  let told = false;
  device.lost.then(() => {
    told = true;
  });
  const destroy = () => {
    life.lost = true;
    device.destroy();
  };
  const unwatch = watchCalls(
    (number) => {
      if (number === loss?.call) WAYS[loss.way](destroy);
    },
    () => {
      if (told) life.callsAfter++;
    },
  );
  const model = smallModel(seed);
  let weights: Float32Array[] | null = null;
  try {
    await train(model, SPLIT, {
      ...OPTIONS,
      checkpoint: {store, everySeconds: 1e-9},
      resume: true,
      onBatch: () => {
        if (life.lost) life.stepsAfter++;
      },
    });
    weights = await weightsOf(model);
  } catch (error) {
    life.error = messageOf(error);
  }
  unwatch();
  model.dispose();
  life.tensors = tf.memory().numTensors - before;
  return {life, weights};
}

const same = (some: Float32Array[], others: Float32Array[]): boolean =>
  some.every((values, i) => values.every((value, at) => Object.is(value, others[i][at])));

/** Trains until the device was lost `count` times, and to the end of the last training. */
export async function lostTrainings(count: number): Promise<{
  /** Whether the driver gives the same weights when nothing is lost. */
  repeats: boolean;
  lives: Life[];
  /** Of each training that came to its end: whether its weights are those of an unbroken one, to the last bit. */
  equal: boolean[];
}> {
  const random = seedrandom.alea('losses');
  const whole = await live({store: memoryStore(), seed: 1}, null);
  const again = await live({store: memoryStore(), seed: 1}, null);
  const lives: Life[] = [];
  const equal: boolean[] = [];
  for (let lost = 0, seed = 1; lost < count || equal.length === 0; ) {
    const store = memoryStore();
    for (let weights: Float32Array[] | null = null; !weights; seed++) {
      const ways = Object.keys(WAYS);
      const loss = {call: 1 + Math.floor(MOMENTS * random()), way: ways[Math.floor(ways.length * random())]};
      const result = await live({store, seed: store.files.size === 0 ? 1 : seed}, lost < count ? loss : null);
      weights = result.weights;
      if (result.life.lost) lost++;
      lives.push(result.life);
      if (weights) equal.push(same(weights, whole.weights!));
    }
  }
  return {repeats: same(whole.weights!, again.weights!), lives, equal};
}

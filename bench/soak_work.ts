/** What the soak does over and over: it trains, predicts, saves and loads, and sets up and takes away backends. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {swinResNet, swinUNet} from '../architectures/index.js';
import {linear} from '../kernels/index.js';
import {type BackendName, setupBackend} from '../src/backends/setup_backend.js';
import {loadModel} from '../src/node/load_model.js';
import {saveModel} from '../src/node/save_model.js';
import {AdamW} from '../src/training/adamw.js';
import {namesOf} from './soak_names.js';

/** What of the work has been done. */
export interface Done {
  rounds: number;
  steps: number;
  predictions: number;
  saves: number;
  setUps: number;
  /** Names of weights and layers that were given (soak_names.ts). */
  names: number;
  /** Those of each model. */
  namesOfModels: string[][];
}

export const nothingDone = (): Done => ({
  ...{rounds: 0, steps: 0, predictions: 0, saves: 0, setUps: 0},
  ...{names: 0, namesOfModels: []},
});

/** Training steps between two predictions. */
const STEPS = 2;

const BATCH = 4;
const CLASSES = 3;

interface Subject {
  model: tf.LayersModel;
  /** Pixels of a side. */
  side: number;
  /** Labels of a batch, one-hot along `axis` of the logits. */
  labels: () => tf.Tensor;
  /** Axis of the classes. */
  axis: number;
}

function subjects(): Subject[] {
  const labels = (shape: number[]) => () => tf.oneHot(tf.randomUniform(shape, 0, CLASSES, 'int32'), CLASSES);
  const image = swinResNet({
    depth: 14,
    inputShape: [3, 16, 16],
    widths: [8, 8, 16],
    numHeads: [1, 1, 2],
    numClasses: CLASSES,
  });
  const map = swinUNet({
    ...{imageSize: 16, patchSize: 2, embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 4},
    numClasses: CLASSES,
  });
  return [
    {model: image, side: 16, labels: labels([BATCH]), axis: 1},
    {model: map, side: 16, labels: labels([BATCH, 16, 16]), axis: 3},
  ];
}

const allFinite = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite);

/** Some training steps. */
async function trainSteps({model, side, labels, axis}: Subject, steps: number): Promise<void> {
  const optimizer = new AdamW({learningRate: 1e-3});
  try {
    for (let i = 0; i < steps; i++) {
      const cost = tf.tidy(() => {
        const [x, y] = [tf.randomNormal([BATCH, 3, side, side]), labels()];
        const loss = () => {
          const logits = model.apply(x, {training: true}) as tf.Tensor;
          const last = axis === 3 ? tf.transpose(logits, [0, 2, 3, 1]) : logits;
          return tf.losses.softmaxCrossEntropy(y, last) as tf.Scalar;
        };
        return optimizer.minimize(loss, true) as tf.Scalar;
      });
      const value = await cost.data();
      cost.dispose();
      if (!allFinite(value)) throw new Error(`soak: the loss must be finite; got ${value[0]}.`);
    }
  } finally {
    optimizer.dispose();
  }
}

/** The logits of a model for an image that is always the same. */
async function predict({model, side}: Subject): Promise<ArrayLike<number>> {
  const y = tf.tidy(() => model.predict(tf.ones([1, 3, side, side])) as tf.Tensor);
  try {
    return await y.data();
  } finally {
    y.dispose();
  }
}

/** Saves and loads; what comes back must predict the same. */
async function saveAndLoad(subject: Subject, dir: string): Promise<void> {
  const before = await predict(subject);
  await saveModel(subject.model, dir);
  const model = await loadModel(dir);
  try {
    const after = await predict({...subject, model});
    if (!tf.util.arraysEqual(Array.from(before), Array.from(after))) {
      throw new Error('soak: a loaded model must predict what the saved one did; it does not.');
    }
  } finally {
    model.dispose();
  }
}

/**
 * One round on the backend that is set up: both networks are made, trained and asked in turn for `seconds`, saved, loaded and
 * disposed.
 */
export async function workRound(done: Done, seconds: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'swint-soak-'));
  const start = performance.now();
  const all = subjects();
  try {
    do {
      for (const subject of all) {
        await trainSteps(subject, STEPS);
        if (!allFinite(await predict(subject))) throw new Error('soak: logits must be finite; they are not.');
        done.steps += STEPS;
        done.predictions++;
      }
    } while (performance.now() - start < 1000 * seconds);
    for (const subject of all) {
      await saveAndLoad(subject, join(dir, 'model'));
      done.saves++;
    }
    done.namesOfModels = all.map(({model}) => namesOf(model));
    // The models that were made and those that were loaded.
    done.names += 2 * done.namesOfModels.flat().length;
    done.rounds++;
  } finally {
    for (const {model} of all) model.dispose();
    rmSync(dir, {recursive: true, force: true});
  }
}

/**
 * Sets up a backend and computes something large enough for worker threads; on wasm on two threads, on one and on two
 * again.
 */
export async function setUp(name: BackendName, done: Done): Promise<void> {
  for (const threads of name === 'wasm' ? [2, 1, 2] : [undefined]) {
    await setupBackend(name, threads === undefined ? {} : {threads});
    const product = tf.tidy(() => {
      const x = tf.ones([256, 256]);
      return linear({x, weight: x as tf.Tensor2D});
    });
    const [value] = await product.data();
    product.dispose();
    if (value !== 256) throw new Error(`soak: a product of ones must be 256; got ${value}.`);
    done.setUps++;
  }
}

/** Takes a backend away if it is there, and with it the workers of its kernels or its device. */
export async function takeAway(name: BackendName): Promise<void> {
  await setupBackend('cpu');
  if (tf.findBackend(name)) tf.removeBackend(name);
}

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, DataError, ShapeError} from '../../../src/errors.js';
import type {TrainingCallback, TrainingLogs} from '../../../src/training/callbacks.js';
import {train} from '../../../src/training/train.js';
import type {BatchTrainOptions} from '../../../src/training/train_on_batches.js';
import {eachBackend} from '../../helpers/backends.js';
import {errorOf} from '../data/memory_dataset.js';
import {colourSplit} from './colour_squares.js';

const CLASSES = 3;

/** Images [2, 2, 3] of one colour each, in turn, and their classes. */
const examples = (count: number, ys: (label: number) => number | number[] = (label) => label) =>
  Array.from({length: count}, (_, i) => {
    const label = i % CLASSES;
    const colour = Array.from({length: 3}, (__, c) => (c === label ? 1 : 0.1 * ((i * 7 + c) % 3)));
    return {xs: [0, 1].map(() => [0, 1].map(() => colour)), ys: ys(label)};
  });

const oneHot = (label: number) => Array.from({length: CLASSES}, (_, k) => (k === label ? 1 : 0));

const smallModel = () =>
  tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: [2, 2, 3]}),
      tf.layers.dense({units: CLASSES, kernelInitializer: tf.initializers.glorotUniform({seed: 1})}),
    ],
  });

const options = {epochs: 12, learningRate: 0.1} satisfies BatchTrainOptions;

describe('train with a tf.data.Dataset', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  eachBackend(() => {
    it('learns from {xs, ys} and [xs, ys], of classes and of shares, and keeps no tensor', async () => {
      const forms: [string, () => tf.data.Dataset<tf.TensorContainer>][] = [
        ['classes', () => tf.data.array(examples(24)).batch(6)],
        ['columns', () => tf.data.array(examples(24, (label) => [label])).batch(6)],
        ['one-hot', () => tf.data.array(examples(24, oneHot)).batch(6)],
        [
          'pairs',
          () =>
            tf.data
              .array(examples(24))
              .batch(6)
              .map((batch) => {
                const {xs, ys} = batch as {xs: tf.Tensor; ys: tf.Tensor};
                return [tf.clone(xs), tf.clone(ys)];
              }),
        ],
      ];
      const losses: number[] = [];
      for (const [form, make] of forms) {
        const model = smallModel();
        const before = tf.memory().numTensors;
        const data = {train: make(), test: make()};
        const history = await train(model, data, options);
        expect(tf.memory().numTensors, form).to.equal(before);
        expect([history.stopped, history.epochs.length, history.steps], form).to.deep.equal([
          'finished',
          12,
          48,
        ]);
        const {evaluation} = history;
        expect(evaluation!.accuracy, form).to.equal(1);
        expect([...evaluation!.predictions], form).to.deep.equal(
          Array.from({length: 24}, (_, i) => i % CLASSES),
        );
        expect(evaluation!.confusion, form).to.deep.equal([
          [8, 0, 0],
          [0, 8, 0],
          [0, 0, 8],
        ]);
        expect(history.epochs[11]!.testAccuracy).to.equal(1);
        losses.push(history.epochs[11]!.trainLoss);
        model.dispose();
      }
      for (const loss of losses) expect(loss).to.be.closeTo(losses[0]!, 1e-4);
    });
  });

  it('counts epochs in steps where that is asked for, and then needs no length', async () => {
    const made: number[] = [];
    const endless = tf.data
      .generator(function* () {
        for (let i = 0; ; i++) {
          made.push(i);
          yield examples(CLASSES)[i % CLASSES]!;
        }
      })
      .batch(6);
    const model = smallModel();
    const before = tf.memory().numTensors;
    const steps: number[] = [];
    const history = await train(model, endless, {
      ...options,
      ...{epochs: 3, stepsPerEpoch: 5, onBatch: ({epoch, step}) => steps.push(10 * epoch + step)},
    });
    expect(steps).to.deep.equal(
      [1, 2, 3].flatMap((epoch) => [1, 2, 3, 4, 5].map((step) => 10 * epoch + step)),
    );
    expect([history.evaluation, history.epochs[0]!.testLoss]).to.deep.equal([null, null]);
    expect(history.epochs[2]!.trainLoss).to.be.lessThan(history.epochs[0]!.trainLoss);
    // A data set that ends before its steps are done begins again.
    const short = tf.data.array(examples(12)).batch(6);
    expect((await train(model, {train: short}, {...options, epochs: 2, stepsPerEpoch: 3})).steps).to.equal(6);
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });

  it('stops by its signal, and says in one error what cannot be', async () => {
    const model = smallModel();
    const known = tf.data.array(examples(12)).batch(6);
    const unknown = tf.data.generator(() => examples(12)[Symbol.iterator]()).batch(6);
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const stopped = await train(model, known, {
      ...options,
      ...{signal: controller.signal, onBatch: () => controller.abort()},
    });
    expect(stopped.stopped).to.equal('aborted');
    const of = (ys: number | number[], xs = examples(1)[0]!.xs) =>
      tf.data.array([{xs, ys}] as tf.TensorContainerObject[]).batch(1);
    const cases: [data: unknown, given: object, kind: new (...args: never[]) => Error, words: RegExp][] = [
      [unknown, {}, ConfigError, /stepsPerEpoch must be given .* size of null/],
      [known.repeat(), {}, ConfigError, /stepsPerEpoch must be given .* size of Infinity/],
      [{train: known, test: known.repeat()}, {}, ConfigError, /the test set must .* has an end/],
      [known, {patience: 2}, ConfigError, /patience must have a test set/],
      [known, {schedule: 'plateau'}, ConfigError, /schedule 'plateau' must have a test set/],
      [known, {resume: true}, ConfigError, /resume .*no place to go on from/],
      [known, {checkpoint: {}}, ConfigError, /checkpoint .*no place to go on from/],
      [known, {batchSize: 2}, ConfigError, /batch, shuffle and map it/],
      [of(3), {}, DataError, /a class from 0 to 2; got 3/],
      [of(0.5), {}, DataError, /a class from 0 to 2; got 0.5/],
      [of([1, 0]), {}, ShapeError, /\[B, 3\]; got \[1, 2\]/],
      [of(1, [[[1, 2, 3]]]), {}, ShapeError, /must have xs \[B, 2, 2, 3\].*got xs \[1, 1, 1, 3\]/],
      [tf.data.array(examples(3)), {}, DataError, /dataset\.batch\(32\)/],
      [tf.data.array([{x: 1}]).batch(1), {}, DataError, /must be \{xs, ys\} or \[xs, ys\]/],
    ];
    for (const [data, given, kind, words] of cases) {
      const error = await errorOf(() => train(model, data as tf.data.Dataset<tf.TensorContainer>, given));
      expect(error, String(words)).to.be.instanceOf(kind);
      expect(error.message).to.match(words);
    }
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });
});

describe('callbacks of train', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  /** Writes down what it is told, some time after it is told. */
  function recorder(told: string[]): TrainingCallback {
    const write =
      (name: string) =>
      async (number?: number | TrainingLogs, logs: TrainingLogs = {}) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const which = typeof number === 'number' ? number : '';
        told.push(`${name} ${which} ${Object.keys(logs).sort().join()}`.replace(/ +/g, ' ').trim());
      };
    return {
      setModel: () => void told.push('model'),
      setParams: (params) => void told.push(`params ${JSON.stringify(params)}`),
      ...{onTrainBegin: write('train begins'), onTrainEnd: write('train ends')},
      ...{onEpochBegin: write('epoch begins'), onEpochEnd: write('epoch ends')},
      ...{onBatchBegin: write('batch begins'), onBatchEnd: write('batch ends')},
    };
  }

  it('are told of everything in order, and waited for, with both kinds of data', async () => {
    const batch = 'acc,accuracy,batch,loss';
    const figures = 'acc,accuracy,loss,val_acc,val_accuracy,val_loss';
    const epoch = (number: number) => [
      `epoch begins ${number}`,
      ...['batch begins 0 batch', 'batch begins 1 batch', `batch ends 0 ${batch}`, `batch ends 1 ${batch}`],
      `epoch ends ${number} ${figures}`,
    ];
    const expected = [
      ...['model', 'params {"epochs":2,"steps":2}', 'train begins', ...epoch(0), ...epoch(1), 'train ends'],
    ];
    const batches = () => tf.data.array(examples(12)).batch(6);
    const ofTensors = async (callbacks: TrainingCallback) => {
      const model = smallModel();
      await train(model, {train: batches(), test: batches()}, {epochs: 2, callbacks});
      model.dispose();
    };
    const ofImages = async (callbacks: TrainingCallback) => {
      const inputShape = [3, 4, 4];
      const layers = [tf.layers.flatten({inputShape}), tf.layers.dense({units: CLASSES})];
      const model = tf.sequential({layers});
      await train(model, colourSplit(), {epochs: 2, stepsPerEpoch: 2, batchSize: 6, callbacks: [callbacks]});
      model.dispose();
    };
    for (const run of [ofTensors, ofImages]) {
      const told: string[] = [];
      await run(recorder(told));
      expect(told).to.deep.equal(expected);
    }
  });

  it('stop it early: tf.callbacks.earlyStopping, and model.stopTraining', async () => {
    const batches = (count = 12) => tf.data.array(examples(count)).batch(6);
    const model = smallModel();
    const early = tf.callbacks.earlyStopping({monitor: 'val_acc', patience: 1});
    const history = await train(
      model,
      {train: batches(), test: batches()},
      {epochs: 50, learningRate: 0.1, callbacks: [early]},
    );
    expect(history.stopped).to.equal('early');
    expect(history.epochs.length).to.be.below(50);

    const ended: number[] = [];
    const stopping: TrainingCallback = {
      onBatchEnd: (number) => {
        if (number === 3) model.stopTraining = true;
      },
      onEpochEnd: (epoch) => void ended.push(epoch),
    };
    const stopped = await train(model, batches(60), {epochs: 5, callbacks: stopping});
    expect([stopped.stopped, stopped.steps, ended]).to.deep.equal(['early', 5, [0]]);
    // The next training is not stopped by what stopped the last one.
    expect((await train(model, batches(), {epochs: 2})).stopped).to.equal('finished');
    model.dispose();
  });

  it('take what tfjs-vis returns from fitCallbacks: handlers by name that read the metrics', async () => {
    // Of the published package: {[callbackName]: async (iteration, logs) => draws logs[metric] for its metrics}.
    const drawn: Record<string, number[]> = {};
    const fitCallbacks = (
      metrics: string[],
    ): {[name: string]: (i: number, logs: TrainingLogs) => Promise<void>} =>
      Object.fromEntries(
        ['onEpochEnd', 'onBatchEnd'].map((name) => [
          name,
          async (_: number, logs: TrainingLogs) => {
            for (const metric of metrics) {
              drawn[`${name} ${metric}`] ??= [];
              if (logs[metric] != null) drawn[`${name} ${metric}`]!.push(logs[metric]);
            }
          },
        ]),
      );
    const batches = () => tf.data.array(examples(12)).batch(6);
    const model = smallModel();
    const {epochs} = await train(
      model,
      {train: batches(), test: batches()},
      {epochs: 3, callbacks: fitCallbacks(['loss', 'acc', 'val_loss', 'val_acc'])},
    );
    expect(drawn['onEpochEnd loss']).to.deep.equal(epochs.map(({trainLoss}) => trainLoss));
    expect(drawn['onEpochEnd val_loss']).to.deep.equal(epochs.map(({testLoss}) => testLoss));
    expect(drawn['onEpochEnd val_acc']).to.have.length(3);
    expect(drawn['onBatchEnd loss']).to.have.length(6);
    expect(drawn['onBatchEnd val_loss']).to.deep.equal([]);
    model.dispose();
  });

  it('fail the training with their own error, and are refused where they are none', async () => {
    const batches = () => tf.data.array(examples(12)).batch(6);
    const model = smallModel();
    const before = tf.memory().numTensors;
    const reason = new Error('of a callback');
    const fail = async () => {
      throw reason;
    };
    for (const event of [
      'onTrainBegin',
      'onEpochBegin',
      'onBatchBegin',
      'onBatchEnd',
      'onEpochEnd',
      'onTrainEnd',
    ]) {
      const callbacks = {[event]: fail};
      expect(await errorOf(() => train(model, batches(), {epochs: 1, callbacks})), event).to.equal(reason);
    }
    for (const [callbacks, words] of [
      [() => undefined, /a callback must be an object with some of onTrainBegin.*got function/],
      [{}, /a callback must be an object/],
      [{onEpochEnd: fail, onYield: fail}, /got onYield, which nobody would call/],
    ] as const) {
      const error = await errorOf(() => train(model, batches(), {callbacks: callbacks as TrainingCallback}));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(words);
    }
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });
});

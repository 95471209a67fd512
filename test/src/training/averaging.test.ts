import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {type Averaging, checkAveraging, WeightAverage} from '../../../src/training/averaging.js';
import {evaluate} from '../../../src/training/evaluate.js';
import {type TrainOptions, train} from '../../../src/training/train.js';
import {eachBackend} from '../../helpers/backends.js';
import {colourSplit} from './colour_squares.js';

/** A model with weights that are trained, that are not, and, with many layers, more than are averaged at once. */
function model(layers = 1): tf.LayersModel {
  const dense = (_: unknown, seed: number) =>
    tf.layers.dense({units: 3, kernelInitializer: tf.initializers.glorotUniform({seed})});
  return tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: [3, 4, 4]}),
      tf.layers.batchNormalization({momentum: 0.5}),
      ...Array.from({length: layers}, dense),
    ],
  });
}

const variablesOf = ({weights}: tf.LayersModel) => weights.map((weight) => weight.read() as tf.Variable);

async function valuesOf(some: tf.LayersModel): Promise<number[]> {
  const all: number[] = [];
  for (const variable of variablesOf(some)) all.push(...(await variable.data()));
  return all;
}

/** Stands for an update: all weights become numbers that depend on the update. */
function update(some: tf.LayersModel, step: number): void {
  for (const [k, variable] of variablesOf(some).entries()) {
    tf.tidy(() =>
      variable.assign(tf.sin(tf.add(tf.range(0, variable.size), k + 1.7 * step)).reshape(variable.shape)),
    );
  }
}

const growing = (done: number) => 0.95 ** 5 * done ** 3;

const methods: [string, Averaging][] = [
  ['ema by default', {method: 'ema'}],
  ['ema of 0.3', {method: 'ema', decay: 0.3}],
  ['lookahead by default', {method: 'lookahead'}],
  ['lookahead of 3 updates', {method: 'lookahead', every: 3, decay: 0.2}],
  ['lookahead with a decay that grows', {method: 'lookahead', every: 2, decay: growing}],
];

/** The average in float64, update by update: takes the trained weights, returns those that training goes on from. */
class Reference {
  private t = 0;

  constructor(
    public average: number[],
    private readonly averaging: Averaging,
  ) {}

  update(trained: number[], done: number): number[] {
    const {averaging} = this;
    this.t += 1;
    if (averaging.method === 'ema') {
      const d = Math.min(averaging.decay ?? 0.999, (1 + this.t) / (10 + this.t));
      this.average = this.average.map((a, i) => d * a + (1 - d) * trained[i]);
      return trained;
    }
    const {every = 5, decay = 0.5} = averaging;
    if (this.t % every > 0) return trained;
    const d = typeof decay === 'number' ? decay : decay(done);
    this.average = this.average.map((a, i) => d * a + (1 - d) * trained[i]);
    return this.average;
  }
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).to.have.lengthOf(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i], `at ${i}`).to.be.closeTo(value, tolerance);
}

describe('averages of weights', () => {
  eachBackend(() => {
    for (const [name, averaging] of methods) {
      it(`${name} is the formula in float64, of all weights`, async () => {
        const network = model();
        const average = new WeightAverage('test', network, averaging);
        const reference = new Reference(await valuesOf(network), averaging);
        average.useTrained();
        for (let step = 1; step <= 13; step++) {
          update(network, step);
          const next = reference.update(await valuesOf(network), step / 13);
          average.update(step / 13);
          const trained = await valuesOf(network);
          expectClose(trained, next, 2e-6);
          average.useAverage();
          average.useAverage();
          expectClose(await valuesOf(network), reference.average, 2e-6);
          average.useTrained();
          expect(await valuesOf(network)).to.deep.equal(trained);
        }
        average.useAverage();
        average.dispose();
        expectClose(await valuesOf(network), reference.average, 2e-6);
        network.dispose();
      });
    }
  });

  describe('saved', () => {
    before(() => tf.setBackend('cpu'));

    for (const [name, averaging] of methods) {
      it(`${name} goes on bit-equal, wherever it is cut, and keeps one tensor for each weight`, async () => {
        const run = async (cut: number, shown: boolean): Promise<number[]> => {
          const network = model(35);
          const before = tf.memory().numTensors;
          let average = new WeightAverage('test', network, averaging);
          average.useTrained();
          for (let step = 1; step <= 7; step++) {
            if (step === cut) {
              if (shown) average.useAverage();
              const state = JSON.parse(JSON.stringify(average.getState()));
              const weights = (await average.getWeights()).map(({name, tensor}) => ({
                name,
                tensor: tf.clone(tensor),
              }));
              average.dispose();
              average = new WeightAverage('test', network, averaging);
              await average.setWeights(weights);
              average.setState(state);
              tf.dispose(weights.map(({tensor}) => tensor));
              average.useTrained();
            }
            tf.tidy(() => {
              for (const variable of variablesOf(network)) variable.assign(tf.sin(tf.add(variable, step)));
            });
            average.update(step / 7);
          }
          average.useAverage();
          expect(tf.memory().numTensors).to.equal(before + network.weights.length);
          average.dispose();
          expect(tf.memory().numTensors).to.equal(before);
          const values = await valuesOf(network);
          network.dispose();
          return values;
        };
        const whole = await run(0, false);
        for (const cut of [1, 4, 7]) {
          for (const shown of [false, true]) expect(await run(cut, shown)).to.deep.equal(whole);
        }
      });
    }

    it('is refused by a model with other weights', async () => {
      const [network, other] = [model(1), model(2)];
      const average = new WeightAverage('test', network, {method: 'ema'});
      average.useTrained();
      const fails = await new WeightAverage('test', other, {method: 'ema'})
        .setWeights(await average.getWeights())
        .catch((error: Error) => error);
      expect(fails).to.be.instanceOf(ConfigError);
      expect((fails as Error).message).to.match(/test: saved averages must be those of the model's weights/);
      average.dispose();
      network.dispose();
      other.dispose();
    });
  });

  describe('in train', () => {
    before(() => tf.setBackend('cpu'));

    /** Trains, and tells the weights after each step of the optimizer and at the end. */
    async function trained(options: TrainOptions) {
      const network = model();
      const before = tf.memory().numTensors;
      const start = await valuesOf(network);
      const optimizer = tf.train.sgd(0.05);
      const after: number[][] = [];
      const apply = optimizer.applyGradients.bind(optimizer);
      optimizer.applyGradients = (gradients) => {
        apply(gradients);
        // Of the forward pass before the step are the moving statistics that the step sees.
        after.push(variablesOf(network).flatMap((variable) => [...variable.dataSync()]));
      };
      const losses: number[] = [];
      const tests: number[] = [];
      const split = colourSplit();
      const history = await train(network, split, {
        ...{epochs: 3, batchSize: 16, optimizer, seed: 3},
        ...options,
        onBatch: ({loss}) => losses.push(loss),
        async onEpoch(report, evaluation) {
          const {testLoss} = report;
          await options.onEpoch?.(report, evaluation);
          tests.push(testLoss!, (await valuesOf(network))[0]);
        },
      });
      optimizer.dispose();
      const end = await valuesOf(network);
      const {mean, std} = history;
      const again = await evaluate(network, split.test, {mean, std});
      expect(again.loss).to.equal(history.evaluation!.loss);
      const left = tf.memory().numTensors - before;
      network.dispose();
      return {start, after, losses, tests, history, end, left};
    }

    it('ema: the model is tested with it, ends with it, and learns as without', async () => {
      const averaging: Averaging = {method: 'ema', decay: 0.9};
      const plain = await trained({});
      const averaged = await trained({averaging});
      expect(averaged.losses).to.deep.equal(plain.losses);
      expect(averaged.after).to.deep.equal(plain.after);
      const reference = new Reference(plain.start, averaging);
      const firsts: number[] = [];
      for (const [i, weights] of plain.after.entries()) {
        reference.update(weights, (i + 1) / plain.after.length);
        if (i % 3 === 2) firsts.push(reference.average[0]);
      }
      expectClose(averaged.end, reference.average, 1e-5);
      // A callback after an epoch finds the weights that were tested.
      expectClose(
        [1, 3, 5].map((i) => averaged.tests[i]),
        firsts,
        1e-5,
      );
      expect(averaged.tests[0]).not.to.equal(plain.tests[0]);
      expect(averaged.left).to.equal(plain.left);
    });

    it('lookahead: training goes on from the average', async () => {
      const averaging: Averaging = {method: 'lookahead', every: 2, decay: growing};
      const {start, after, end, losses, left} = await trained({averaging});
      const plain = await trained({});
      expect(losses.slice(0, 2)).to.deep.equal(plain.losses.slice(0, 2));
      expect(losses.slice(2)).not.to.deep.equal(plain.losses.slice(2));
      const reference = new Reference(start, averaging);
      for (const [i, weights] of after.entries()) reference.update(weights, (i + 1) / after.length);
      expectClose(end, reference.average, 1e-5);
      expect(left).to.equal(plain.left);
    });

    it('the best epoch is put back with its average', async () => {
      const {history, end, tests} = await trained({averaging: {method: 'ema'}, restoreBest: true, epochs: 4});
      expect(end[0]).to.equal(tests[2 * history.bestEpoch! - 1]);
    });

    for (const how of ['aborted', 'budget'] as const) {
      it(`is there where the training is ${how}`, async () => {
        const averaging: Averaging = {method: 'ema', decay: 0.5};
        const controller = new AbortController();
        const {start, after, end, history} = await trained({
          averaging,
          ...(how === 'budget' && {maxSeconds: 1e-6}),
          signal: controller.signal,
          onEpoch: () => (how === 'aborted' ? controller.abort() : undefined),
        });
        expect(history.stopped).to.equal(how);
        const reference = new Reference(start, averaging);
        for (const weights of after) reference.update(weights, 0);
        expectClose(end, reference.average, 1e-5);
        expect(end[0]).not.to.equal(after.at(-1)![0]);
      });
    }
  });

  const wrong: [string, unknown, RegExp][] = [
    ['no method', {}, /train\(averaging\): method must be one of 'ema', 'lookahead'; got undefined/],
    ['a name for an object', 'ema', /train\(averaging\): the arguments must be an object; got 'ema'/],
    ['every for ema', {method: 'ema', every: 2}, /got every/],
    ['a decay of 1', {method: 'ema', decay: 1}, /decay must be a number in \[0, 1\); got 1/],
    ['a decay above 1', {method: 'lookahead', decay: 2}, /decay must be a number from 0 to 1; got 2/],
    ['no updates', {method: 'lookahead', every: 0}, /every must be a whole number from 1; got 0/],
  ];
  for (const [what, averaging, message] of wrong) {
    it(`refuses ${what}`, () =>
      expect(() => checkAveraging('train', averaging as Averaging)).to.throw(ConfigError, message));
  }

  it('refuses a decay of its function that is none', () => {
    const network = model();
    const average = new WeightAverage('train', network, {method: 'lookahead', every: 1, decay: () => 1.5});
    average.useTrained();
    expect(() => average.update(0.25)).to.throw(
      ConfigError,
      /decay\(0.25\) must be a number from 0 to 1; got 1.5/,
    );
    average.dispose();
    network.dispose();
  });
});

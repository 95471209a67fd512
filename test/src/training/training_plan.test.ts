import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {AdamW} from '../../../src/training/adamw.js';
import {Muon} from '../../../src/training/muon.js';
import {cosineSchedule, plateauSchedule, triangularSchedule} from '../../../src/training/schedule.js';
import {SGD} from '../../../src/training/sgd.js';
import {runSteps} from '../../../src/training/steps.js';
import {type TrainOptions, train} from '../../../src/training/train.js';
import {type SegmentationTrainOptions, trainSegmentation} from '../../../src/training/train_segmentation.js';
import {tellSchedule, trainingPlan} from '../../../src/training/training_plan.js';
import {WeightUpdate} from '../../../src/training/weight_update.js';
import {eachBackend} from '../../helpers/backends.js';
import {memoryMasks} from '../data/memory_masks.js';
import {colourSplit} from './colour_squares.js';

const model = (units = 3): tf.LayersModel =>
  tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: [3, 4, 4]}),
      tf.layers.dense({units, kernelInitializer: tf.initializers.glorotUniform({seed: 1})}),
    ],
  });

async function valuesOf({weights}: tf.LayersModel): Promise<number[]> {
  const all: number[] = [];
  for (const weight of weights) all.push(...(await weight.read().data()));
  return all;
}

/** Trains; tells the rates of the steps, the losses of the tests and the weights at the end. */
async function trained(options: TrainOptions, size = 48) {
  const network = model();
  const before = tf.memory().numTensors;
  const rates: (number | null)[] = [];
  const losses: number[] = [];
  const history = await train(network, colourSplit(size), {
    ...{epochs: 2, batchSize: 16, mean: [0, 0, 0], std: [1, 1, 1]},
    ...options,
    onBatch: ({learningRate}) => rates.push(learningRate),
    onEpoch: ({testLoss}) => void losses.push(testLoss!),
  });
  const end = await valuesOf(network);
  expect(tf.memory().numTensors, 'tensors left').to.equal(before);
  network.dispose();
  return {rates, losses, history, end};
}

function expectClose(
  actual: readonly (number | null)[],
  expected: readonly number[],
  tolerance = 1e-9,
): void {
  expect(actual).to.have.lengthOf(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i], `at ${i}`).to.be.closeTo(value, tolerance);
}

const counted = (steps: number, schedule: (step: number) => number) =>
  Array.from({length: steps}, (_, step) => schedule(step));

describe('the plan of a training', () => {
  before(() => tf.setBackend('cpu'));

  it('has schedules by name: cosine, triangular, with a warm-up of their own', async () => {
    const common = {epochs: 10, learningRate: 0.02};
    const {rates} = await trained({...common, schedule: 'triangular'});
    expectClose(rates, counted(30, triangularSchedule({rate: 0.02, totalSteps: 30, warmupSteps: 6})));
    const cosine = counted(30, cosineSchedule({rate: 0.02, totalSteps: 30, warmupSteps: 2}));
    expectClose((await trained({...common, schedule: 'cosine'})).rates, cosine);
    expectClose((await trained(common)).rates, cosine);
    const long = await trained({...common, schedule: 'triangular', warmupEpochs: 4});
    expectClose(long.rates, counted(30, triangularSchedule({rate: 0.02, totalSteps: 30, warmupSteps: 12})));
  });

  it('lets schedules by name follow the time where that runs out first, and counts steps for those of the caller', () => {
    const network = model();
    const context = {who: 'test', model: network, stepsPerPass: 10, monitor: 'loss'};
    const common = {epochs: 10, learningRate: 0.5, maxSeconds: 200, accumulateSteps: 2};
    const [course, plateau] = [
      {rate: 0.5, totalSteps: 50, warmupSteps: 10},
      {rate: 0.5, warmupSteps: 3},
    ];
    const expected: [TrainOptions['schedule'], (step: number) => number][] = [
      ['triangular', triangularSchedule(course)],
      ['plateau', plateauSchedule(plateau)],
      ['cosine', cosineSchedule({...course, warmupSteps: 3})],
    ];
    for (const [schedule, rate] of expected) {
      const plan = trainingPlan({...common, schedule}, context);
      for (const seconds of [0, 3, 9, 40, 100, 199, 200, 300]) {
        for (const update of [0, 2, 20, 49]) {
          const reached = Math.max(update, Math.floor(seconds / 4));
          expect(plan.rate(update, seconds)).to.be.closeTo(rate(reached), 1e-12);
          expect(plan.done(update, seconds)).to.equal(Math.min(1, reached / 50));
        }
      }
      plan.dispose();
    }
    const plan = trainingPlan({...common, schedule: (step) => step}, context);
    expect(plan.rate(7, 199)).to.equal(7);
    plan.dispose();
    network.dispose();
  });

  it('lets the plateau follow the loss of the test', async () => {
    // A rate at which nothing is learnt: no test is better than the first.
    const options: TrainOptions = {epochs: 8, stepsPerEpoch: 1, learningRate: 1e-12, warmupEpochs: 0};
    const {rates} = await trained({...options, schedule: 'plateau'});
    expectClose(
      rates.map((rate) => rate! * 1e12),
      [1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01],
    );
    const own = plateauSchedule({rate: 1e-12, monitor: 'accuracy', patience: 1, factor: 0.5});
    const followed = await trained({...options, schedule: own});
    expectClose(
      followed.rates.map((rate) => rate! * 1e12),
      [1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625],
    );
    expect(own.getState!().rate).to.be.closeTo(1e-12 * 0.5 ** 7, 1e-18);
    const learning = await trained({epochs: 6, learningRate: 0.02, warmupEpochs: 0, schedule: 'plateau'});
    expect(learning.losses.every((loss, i) => i === 0 || loss < learning.losses[i - 1])).to.equal(true);
    expect(new Set(learning.rates).size).to.equal(1);
  });

  it("takes an optimizer's own rate for the highest, and gives it back", async () => {
    for (const optimizer of [new Muon({learningRate: 0.05}), tf.train.sgd(0.05), tf.train.adam(0.05)]) {
      for (let again = 0; again < 2; again++) {
        const {rates} = await trainedWith(optimizer);
        expectClose(rates, counted(6, triangularSchedule({rate: 0.05, totalSteps: 6, warmupSteps: 1})));
      }
      optimizer.dispose();
    }
  });

  /** As `trained`, with an optimizer that has tensors of its own. */
  async function trainedWith(optimizer: tf.Optimizer) {
    const network = model();
    const rates: (number | null)[] = [];
    await train(network, colourSplit(), {
      ...{epochs: 2, batchSize: 16, optimizer, schedule: 'triangular'},
      onBatch: ({learningRate}) => rates.push(learningRate),
    });
    network.dispose();
    return {rates};
  }

  describe('accumulateSteps', () => {
    it('is one batch that is as many times as large, the last one of an epoch included', async () => {
      const options: TrainOptions = {epochs: 3, learningRate: 0.02, clipNorm: 0.5, dropRemainder: false};
      for (const averaging of [undefined, {method: 'ema'} as const]) {
        const large = await trained({...options, batchSize: 24, averaging}, 63);
        const small = await trained({...options, batchSize: 8, accumulateSteps: 3, averaging}, 63);
        expect([large.history.steps, small.history.steps]).to.deep.equal([9, 24]);
        expectClose(small.end, large.end, 1e-5);
        expectClose(small.losses, large.losses, 1e-5);
        // Schedules count updates.
        const updates = small.rates.filter((_, i) => i % 8 === 0 || i % 8 === 3 || i % 8 === 6);
        expect(updates).to.deep.equal(large.rates);
        expect(small.rates.slice(0, 3)).to.deep.equal(Array(3).fill(large.rates[0]));
      }
      const other = await trained({...options, batchSize: 8}, 63);
      const same = await trained({...options, batchSize: 8, accumulateSteps: 1}, 63);
      expect(same.end).to.deep.equal(other.end);
      const large = await trained({...options, batchSize: 24}, 63);
      expect(Math.max(...other.end.map((value, i) => Math.abs(value - large.end[i])))).to.be.above(1e-3);
    });

    it('weighs images, not batches, where these differ', async () => {
      const options: TrainOptions = {epochs: 1, learningRate: 0.02, dropRemainder: false};
      const large = await trained({...options, batchSize: 20}, 20);
      const small = await trained({...options, batchSize: 16, accumulateSteps: 2}, 20);
      expectClose(small.end, large.end, 1e-5);
    });

    it('updates with the steps that are there when the time is spent', async () => {
      const options: TrainOptions = {learningRate: 0.02, warmupEpochs: 0, maxSeconds: 1e-6};
      const one = await trained(options);
      const cut = await trained({...options, accumulateSteps: 3});
      expect([one.history.steps, cut.history.steps]).to.deep.equal([1, 1]);
      expectClose(cut.end, one.end, 1e-6);
    });

    it('adds the regularisation once', async () => {
      const ends: number[][] = [];
      for (const options of [{batchSize: 16}, {batchSize: 4, accumulateSteps: 4}]) {
        const network = tf.sequential({
          layers: [
            tf.layers.flatten({inputShape: [3, 4, 4]}),
            tf.layers.dense({
              units: 3,
              kernelInitializer: 'ones',
              kernelRegularizer: tf.regularizers.l2({l2: 0.5}),
              kernelConstraint: tf.constraints.maxNorm({maxValue: 6}),
            }),
          ],
        });
        const optimizer = tf.train.sgd(0.05);
        await train(network, colourSplit(), {epochs: 1, optimizer, ...options});
        optimizer.dispose();
        ends.push(await valuesOf(network));
        network.dispose();
      }
      expectClose(ends[1], ends[0], 1e-5);
    });

    it('leaves no tensor where a step fails', async () => {
      const network = model();
      const before = tf.memory().numTensors;
      let batches = 0;
      const failing: TrainOptions = {
        ...{epochs: 1, batchSize: 8, accumulateSteps: 6, averaging: {method: 'lookahead'}},
        onBatch: () => {
          batches += 1;
          if (batches === 3) throw new Error('stop here');
        },
      };
      const error = await train(network, colourSplit(), failing).catch((reason: Error) => reason);
      expect((error as Error).message).to.equal('stop here');
      expect(tf.memory().numTensors).to.equal(before);
      network.dispose();
    });
  });

  eachBackend(
    () => {
      const optimizers: [string, () => tf.Optimizer][] = [
        ['Muon', () => new Muon({learningRate: 0.02, heads: 'nothing'})],
        [
          'SGD',
          () =>
            new SGD({
              learningRate: 0.02,
              momentum: 0.9,
              nesterov: true,
              groups: [{match: 'bias', rateScale: 8}],
            }),
        ],
        ['AdamW', () => new AdamW({learningRate: 0.02})],
      ];
      const averages: TrainOptions['averaging'][] = [{method: 'ema'}, {method: 'lookahead', every: 3}];
      for (const [name, make] of optimizers) {
        for (const averaging of averages) {
          it(`what ${name}, ${averaging!.method} and a plateau keep is all that a training needs to go on bit-equal`, async () => {
            const context = {who: 'test', stepsPerPass: 4, monitor: 'loss'};
            const options = {epochs: 6, accumulateSteps: 2, averaging, schedule: 'plateau'} as const;
            /** Six epochs; after some of them all that there is moves to a new model, optimizer and plan. */
            const run = async (moves: readonly number[]): Promise<number[]> => {
              let network = model();
              let plan = trainingPlan({...options, optimizer: make()}, {...context, model: network});
              let update = new WeightUpdate(network, plan, undefined);
              for (let epoch = 1; epoch <= 6; epoch++) {
                await runSteps({
                  ...{who: 'test', model: network, plan, update, epoch, secondsBefore: 0},
                  objective: (logits, labels) => ({
                    loss: tf.losses.softmaxCrossEntropy(labels, logits) as tf.Scalar,
                    counts: tf.zeros([1]),
                  }),
                  source: fixedBatches(epoch),
                  onStep: () => undefined,
                });
                tellSchedule(plan, {loss: 1});
                if (!moves.includes(epoch)) continue;
                const other = model();
                other.setWeights(network.getWeights());
                const next = trainingPlan({...options, optimizer: make()}, {...context, model: other});
                const saved = await plan.optimizer.getWeights();
                await next.optimizer.setWeights(saved);
                saved[0].tensor.dispose();
                await next.average!.setWeights(await plan.average!.getWeights());
                next.average!.setState(plan.average!.getState());
                next.schedule!.setState!(plan.schedule!.getState!());
                for (const old of [plan.optimizer, network, plan]) old.dispose();
                [network, plan] = [other, next];
                update = new WeightUpdate(network, plan, undefined);
              }
              const end = await valuesOf(network);
              for (const last of [plan.optimizer, network, plan]) last.dispose();
              return end;
            };
            const before = tf.memory().numTensors;
            const whole = await run([]);
            for (const moves of [[1], [3], [1, 2, 3, 4, 5]]) expect(await run(moves)).to.deep.equal(whole);
            expect(tf.memory().numTensors).to.equal(before);
          });
        }
      }
    },
    {only: ['cpu', 'wasm', 'tensorflow']},
  );

  async function* fixedBatches(epoch: number) {
    for (let step = 0; step < 4; step++) {
      const seed = 10 * epoch + step;
      const labels = tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, step % 3], 'int32'), 3));
      yield {
        images: tf.randomNormal([4, 3, 4, 4], 0, 1, 'float32', seed),
        labels,
        indices: [0, 1, 2, 3],
        place: {pass: 0, batch: step},
      };
    }
  }

  describe('of a segmentation', () => {
    const pixelModel = () =>
      tf.sequential({
        layers: [
          tf.layers.conv2d({
            inputShape: [null, null, 3] as unknown as number[],
            ...{filters: 3, kernelSize: 1, kernelInitializer: tf.initializers.heNormal({seed: 1})},
          }),
        ],
      });
    const sizes = Array.from({length: 6}, () => [12, 12] as const);
    const split = {
      train: memoryMasks({name: 'train', sizes}),
      test: memoryMasks({name: 'test', seed: 2, sizes}),
    };

    async function segmented(options: SegmentationTrainOptions) {
      const network = pixelModel();
      const rates: (number | null)[] = [];
      const history = await trainSegmentation(network, split, {
        ...{epochs: 2, dataFormat: 'channelsLast', cropSize: 12, mean: [0, 0, 0], std: [255, 255, 255]},
        ...options,
        onBatch: ({learningRate}) => rates.push(learningRate),
      });
      const end = await valuesOf(network);
      network.dispose();
      return {rates, end, history};
    }

    it('has schedules by name; the plateau follows the mean IoU', async () => {
      const options: SegmentationTrainOptions = {epochs: 10, batchSize: 2, learningRate: 0.02};
      const {rates} = await segmented({...options, schedule: 'triangular'});
      expectClose(rates, counted(30, triangularSchedule({rate: 0.02, totalSteps: 30, warmupSteps: 6})));
      const still = await segmented({
        ...{epochs: 5, stepsPerEpoch: 1, warmupEpochs: 0, learningRate: 1e-12, schedule: 'plateau'},
      });
      expectClose(
        still.rates.map((rate) => rate! * 1e12),
        [1, 1, 1, 1, 0.1],
      );
    });

    it('accumulates steps and averages weights', async () => {
      // The Dice loss looks at a batch as a whole, so a plain cross-entropy is compared.
      const loss: SegmentationTrainOptions['loss'] = (labels, logits) =>
        tf.losses.softmaxCrossEntropy(tf.oneHot(tf.cast(labels, 'int32'), 3), logits) as tf.Scalar;
      const optimizer = () => tf.train.sgd(0.5);
      const large = await segmented({batchSize: 6, loss, optimizer: optimizer()});
      const small = await segmented({batchSize: 2, accumulateSteps: 3, loss, optimizer: optimizer()});
      expectClose(small.end, large.end, 1e-5);
      const averaged = await segmented({
        ...{batchSize: 6, loss, optimizer: optimizer()},
        averaging: {method: 'lookahead', every: 2, decay: 1},
      });
      // A lookahead whose average never moves leaves the weights where they began.
      const [first] = [pixelModel()];
      expect(averaged.end).to.deep.equal(await valuesOf(first));
      first.dispose();
    });
  });

  const wrong: [string, TrainOptions, RegExp][] = [
    [
      'a schedule that is none',
      {schedule: 'linear' as never},
      /schedule must be one of 'cosine', 'triangular'/,
    ],
    ['half a step', {accumulateSteps: 0.5}, /accumulateSteps must be a whole number from 1; got 0.5/],
    ['no steps', {accumulateSteps: 0}, /accumulateSteps must be a whole number from 1; got 0/],
    [
      'an averaging that is none',
      {averaging: {method: 'swa'} as never},
      /train\(averaging\): method must be/,
    ],
  ];
  for (const [what, options, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const network = model();
      const error = await train(network, colourSplit(), options).catch((reason: Error) => reason);
      expect(error).to.be.instanceOf(ConfigError);
      expect((error as Error).message).to.match(message);
      network.dispose();
    });
  }
});

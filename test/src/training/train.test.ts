import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, DataError, SwintError} from '../../../src/errors.js';
import {evaluate} from '../../../src/training/evaluate.js';
import {train} from '../../../src/training/train.js';
import type {BatchReport} from '../../../src/training/training_history.js';
import {colourSplit, colourSquares} from './colour_squares.js';

function linearModel(seed = 1): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: [3, 4, 4]}),
      tf.layers.dense({units: 3, kernelInitializer: tf.initializers.glorotUniform({seed})}),
    ],
  });
}

async function weightsOf(model: tf.LayersModel): Promise<number[]> {
  const all: number[] = [];
  for (const weight of model.getWeights()) all.push(...(await weight.data()));
  return all;
}

const rejection = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('should have been rejected'),
    (error) => error,
  );

describe('train', () => {
  const models: tf.LayersModel[] = [];
  const made = <T extends tf.LayersModel>(model: T): T => {
    models.push(model);
    return model;
  };

  before(async () => {
    await tf.setBackend('cpu');
  });
  afterEach(() => {
    for (const model of models.splice(0)) model.dispose();
  });

  it('refuses images of one class, of which there is nothing to learn', async () => {
    const split = colourSplit();
    const oneClass = <T extends object>(dataset: T) => ({...dataset, classNames: ['red'], label: () => 0});
    const data = {train: oneClass(split.train), test: oneClass(split.test)};
    const error = await rejection(train(made(linearModel()), data));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/^train: .* must have at least 2 classes; got 1 \(red\)/);
  });

  it('counts stepsPerEpoch steps as an epoch, in the very order of whole passes', async () => {
    const split = colourSplit();
    const losses = async (options: {epochs: number; stepsPerEpoch?: number}) => {
      const seen: number[] = [];
      const common = {batchSize: 16, learningRate: 0.02, warmupEpochs: 0, schedule: () => 0.02};
      const history = await train(made(linearModel()), split, {
        ...common,
        ...options,
        onBatch: ({loss}) => seen.push(loss),
      });
      return {seen, history};
    };
    const whole = await losses({epochs: 2});
    const parts = await losses({epochs: 3, stepsPerEpoch: 2});
    expect(parts.history.epochs.map(({steps}) => steps)).to.deep.equal([2, 2, 2]);
    expect(whole.history.epochs.map(({steps}) => steps)).to.deep.equal([3, 3]);
    expect(parts.seen).to.deep.equal(whole.seen);
    const error = await rejection(train(made(linearModel()), split, {stepsPerEpoch: 0}));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.contain('stepsPerEpoch must be a whole number from 1');
  });

  it('learns, and its history agrees with an evaluation of the trained model', async () => {
    const model = made(linearModel());
    const split = colourSplit();
    const reports: BatchReport[] = [];
    const tested: number[] = [];
    const history = await train(model, split, {
      epochs: 6,
      batchSize: 16,
      learningRate: 0.02,
      onBatch: (report) => reports.push(report),
      onTestBatch: ({epoch, images}) => tested.push(epoch, images),
    });
    expect(history.stopped).to.equal('finished');
    expect(history.epochs.map(({epoch}) => epoch)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(history.epochs[5].trainLoss).to.be.below(history.epochs[0].trainLoss / 2);
    expect(history.epochs[5].testAccuracy).to.be.above(0.9);
    expect(history.steps).to.equal(18);
    expect(reports.map(({epoch, step}) => `${epoch}.${step}`).slice(0, 4)).to.deep.equal([
      '1.1',
      '1.2',
      '1.3',
      '2.1',
    ]);
    // Running means are those of the batches, and the epoch's figure is the last of them.
    const first = reports.slice(0, 3);
    expect(history.epochs[0].trainLoss).to.equal(first[2].runningLoss);
    expect(first[2].runningLoss).to.be.closeTo(first.reduce((sum, {loss}) => sum + loss, 0) / 3, 1e-9);
    expect(first[2].runningAccuracy).to.be.closeTo(
      first.reduce((sum, {accuracy}) => sum + accuracy, 0) / 3,
      1e-9,
    );
    expect(tested.slice(0, 2)).to.deep.equal([1, 21]);
    const again = await evaluate(model, split.test, {mean: history.mean, std: history.std});
    expect(history.evaluation!.loss).to.equal(again.loss);
    expect(history.epochs[5].testLoss).to.equal(again.loss);
    expect(history.stepMs).to.be.above(0);
    expect(history.imagesPerSecond).to.be.above(0);
  });

  it('is decided by its seed', async () => {
    const run = async (seed: number): Promise<number[]> => {
      const model = made(linearModel());
      await train(model, colourSplit(), {epochs: 2, batchSize: 16, seed, flip: true, cropPadding: 1});
      return weightsOf(model);
    };
    const first = await run(5);
    expect(await run(5)).to.deep.equal(first);
    expect(await run(6)).not.to.deep.equal(first);
  });

  it('takes the first step as computed by hand: label smoothing, schedule, one SGD step', async () => {
    const model = made(linearModel());
    const [kernel] = model.getWeights();
    const zeros = [tf.zeros([48, 3]), tf.zeros([3])];
    model.setWeights(zeros);
    tf.dispose(zeros);
    const split = {train: colourSquares('three', 3, 1), test: colourSquares('three', 3, 1)};
    let loss = Number.NaN;
    const optimizer = tf.train.sgd(999);
    await train(model, split, {
      epochs: 1,
      batchSize: 3,
      labelSmoothing: 0.3,
      optimizer,
      schedule: () => 0.5,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      onBatch: (report) => {
        loss = report.loss;
      },
    });
    optimizer.dispose();
    // All logits are 0, so the loss is ln 3 whatever the target, and the gradient of logit k is (1/3 - target_k) / 3.
    expect(loss).to.be.closeTo(Math.log(3), 1e-6);
    const expected = new Float64Array(48 * 3);
    for (let index = 0; index < 3; ++index) {
      const pixels = await split.train.read(index);
      for (let y = 0; y < 48; ++y) {
        const [channel, cell] = [Math.floor(y / 16), y % 16];
        for (let k = 0; k < 3; ++k) {
          const target = (k === index ? 0.7 : 0) + 0.1;
          expected[y * 3 + k] -= ((0.5 * pixels[cell * 3 + channel]) / 255) * ((1 / 3 - target) / 3);
        }
      }
    }
    const got = await kernel.data();
    for (const [i, value] of expected.entries()) expect(got[i]).to.be.closeTo(value, 1e-6);
  });

  it('adds the regularisation of the layers and applies their constraints', async () => {
    const model = made(
      tf.sequential({
        layers: [
          tf.layers.flatten({inputShape: [3, 4, 4]}),
          tf.layers.dense({
            units: 3,
            kernelInitializer: tf.initializers.ones(),
            kernelRegularizer: tf.regularizers.l2({l2: 0.01}),
            kernelConstraint: tf.constraints.maxNorm({maxValue: 0.5}),
          }),
        ],
      }),
    );
    const losses: number[] = [];
    const one = colourSquares('three', 3, 1);
    await train(
      model,
      {train: one, test: one},
      {epochs: 1, batchSize: 3, onBatch: ({loss}) => losses.push(loss)},
    );
    // Equal weights give equal logits: ln 3, plus 0.01 times 144 ones.
    expect(losses[0]).to.be.closeTo(Math.log(3) + 1.44, 1e-5);
    const norms = await tf.tidy(() => tf.norm(model.getWeights()[0], 'euclidean', 0)).array();
    for (const norm of norms as number[]) expect(norm).to.be.at.most(0.5 + 1e-6);
  });

  it('clips gradients by their global norm', async () => {
    const start = made(linearModel());
    const moved = async (clipNorm?: number): Promise<number> => {
      const model = made(linearModel());
      const optimizer = tf.train.sgd(1);
      const one = colourSquares('three', 3, 1);
      await train(model, {train: one, test: one}, {epochs: 1, batchSize: 3, optimizer, clipNorm});
      optimizer.dispose();
      const [before, after] = [await weightsOf(start), await weightsOf(model)];
      return Math.hypot(...after.map((value, i) => value - before[i]));
    };
    const free = await moved();
    expect(free).to.be.above(0.1);
    expect(await moved(0.1)).to.be.closeTo(0.1, 1e-5);
    expect(await moved(free * 2)).to.be.closeTo(free, 1e-5);
  });

  it('updates the moving statistics of batch normalisation', async () => {
    const model = made(
      tf.sequential({
        layers: [
          tf.layers.batchNormalization({inputShape: [4, 4, 3], momentum: 0.5}),
          tf.layers.flatten(),
          tf.layers.dense({units: 3}),
        ],
      }),
    );
    const options = {
      epochs: 2,
      batchSize: 16,
      dataFormat: 'channelsLast',
      mean: [0, 0, 0],
      std: [1, 1, 1],
    } as const;
    await train(model, colourSplit(), options);
    const movingMean = await model.layers[0].getWeights()[2].data();
    // Bytes are 0..127 with 100 more in one of three channels, so each channel's mean is about (63.5 + 33.3) / 255.
    for (const mean of movingMean) expect(mean).to.be.closeTo(0.38, 0.04);
  });

  it('keeps no tensor', async () => {
    const model = made(
      tf.sequential({
        layers: [
          tf.layers.batchNormalization({inputShape: [4, 4, 3]}),
          tf.layers.flatten(),
          tf.layers.dropout({rate: 0.1, seed: 1}),
          tf.layers.dense({units: 3}),
        ],
      }),
    );
    const before = tf.memory().numTensors;
    const during: number[] = [];
    await train(model, colourSplit(96), {
      epochs: 2,
      batchSize: 8,
      clipNorm: 1,
      dataFormat: 'channelsLast',
      onBatch: () => during.push(tf.memory().numTensors),
    });
    expect(tf.memory().numTensors).to.equal(before);
    expect(during).to.have.length(24);
    expect(during[22]).to.equal(during[2]);
  });

  it('warms up and anneals, or leaves an optimizer of the caller its own rate', async () => {
    const rates: (number | null)[] = [];
    const options = {
      epochs: 4,
      batchSize: 16,
      onBatch: (report: BatchReport) => rates.push(report.learningRate),
    };
    await train(made(linearModel()), colourSplit(), {...options, learningRate: 0.1, warmupEpochs: 1});
    expect(rates[0]).to.be.closeTo(0.025, 1e-9);
    expect(rates[3]).to.be.closeTo(0.1, 1e-9);
    expect(rates[11]).to.be.below(0.005);
    rates.length = 0;
    const optimizer = tf.train.adam(0.0125);
    await train(made(linearModel()), colourSplit(), {...options, epochs: 1, optimizer});
    expect(rates).to.deep.equal([0.0125, 0.0125, 0.0125]);
    optimizer.dispose();
  });

  it('stops at the end of a step when the time is spent, and still evaluates', async () => {
    const history = await train(made(linearModel()), colourSplit(480), {
      epochs: 50,
      batchSize: 4,
      maxSeconds: 1e-6,
    });
    expect(history.stopped).to.equal('budget');
    expect(history.steps).to.equal(1);
    expect(history.epochs).to.have.length(1);
    expect(history.epochs[0].testLoss).to.be.a('number');
    expect(history.evaluation!.predictions).to.have.length(21);
  });

  it('lets the rate follow the time where that runs out first', async () => {
    const rates: number[] = [];
    const history = await train(made(linearModel()), colourSplit(480), {
      epochs: 1_000_000,
      batchSize: 4,
      learningRate: 0.5,
      maxSeconds: 1,
      onBatch: ({learningRate}) => rates.push(learningRate!),
    });
    expect(history.stopped).to.equal('budget');
    // By the number of steps alone it would still be warming up.
    expect(Math.max(...rates)).to.be.above(0.4);
    expect(rates.at(-1)).to.be.below(0.1);
  });

  it('leaves a schedule of the caller to count steps', async () => {
    const rates: number[] = [];
    const schedule = (step: number) => 1 / (step + 2);
    await train(made(linearModel()), colourSplit(480), {
      epochs: 1_000_000,
      batchSize: 4,
      schedule,
      maxSeconds: 0.2,
      onBatch: ({learningRate}) => rates.push(learningRate!),
    });
    expect(rates).to.deep.equal(rates.map((_, step) => schedule(step)));
  });

  it('stops at the end of a step when told, with what there is', async () => {
    const controller = new AbortController();
    const before = tf.memory().numTensors;
    const model = linearModel();
    const history = await train(model, colourSplit(), {
      epochs: 5,
      batchSize: 8,
      signal: controller.signal,
      onBatch: ({epoch, step}) => {
        if (epoch === 2 && step === 2) controller.abort();
      },
    });
    expect(history.stopped).to.equal('aborted');
    expect(history.epochs).to.have.length(2);
    expect(history.epochs[0].testLoss).to.be.a('number');
    expect(history.epochs[1].steps).to.be.within(2, 4);
    expect(history.epochs[1].testLoss).to.equal(null);
    expect(history.evaluation!.loss).to.equal(history.epochs[0].testLoss);
    model.dispose();
    expect(tf.memory().numTensors).to.equal(before);

    const never = await train(made(linearModel()), colourSplit(), {signal: AbortSignal.abort()});
    expect([never.stopped, never.steps, never.epochs.length, never.stepMs]).to.deep.equal([
      'aborted',
      0,
      0,
      null,
    ]);
  });

  it('stops where a read never settles, in a step, a test or before the first step', async () => {
    const split = colourSplit();
    const stuck = (part: 'train' | 'test', from: number) => {
      let reads = 0;
      const controller = new AbortController();
      const read = (index: number) => {
        if (++reads <= from) return split[part].read(index);
        setTimeout(() => controller.abort(), 5);
        return new Promise<Uint8Array>(() => {});
      };
      return {data: {...split, [part]: {...split[part], read}}, signal: controller.signal};
    };
    const options = {epochs: 3, batchSize: 16, mean: [0, 0, 0], std: [1, 1, 1], prefetch: 0};
    const {size} = split.train;
    for (const [part, from, steps] of [
      ['train', 0, 0],
      ['train', 16, 1],
      ['train', size + 16, 4],
      ['test', 0, 3],
    ] as const) {
      const {data, signal} = stuck(part, from);
      for (const stepsPerEpoch of [undefined, 3]) {
        if (stepsPerEpoch !== undefined && part === 'test') continue;
        const fresh = stepsPerEpoch === undefined ? {data, signal} : stuck(part, from);
        const history = await train(made(linearModel()), fresh.data, {
          ...options,
          stepsPerEpoch,
          signal: fresh.signal,
        });
        expect([history.stopped, history.steps], `${part} ${from}`).to.deep.equal(['aborted', steps]);
      }
    }
    const {data, signal} = stuck('train', 0);
    const early = await train(made(linearModel()), data, {signal});
    expect([early.stopped, early.steps, early.mean]).to.deep.equal(['aborted', 0, []]);
  });

  it('refuses a label that is no class before the first step', async () => {
    const split = colourSplit();
    const last = split.test.size - 1;
    const label = (index: number) => (index === last ? Number.NaN : split.test.label(index));
    const error = await rejection(
      train(
        made(linearModel()),
        {...split, test: {...split.test, label}},
        {
          onBatch: () => expect.fail('no step should be taken'),
        },
      ),
    );
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(new RegExp(`the label of image ${last} must be .*; got NaN`));
  });

  it('can be stopped during an evaluation', async () => {
    const controller = new AbortController();
    const history = await train(made(linearModel()), colourSplit(48, 300), {
      epochs: 3,
      signal: controller.signal,
      onTestBatch: ({epoch}) => epoch === 2 && controller.abort(),
    });
    expect(history.stopped).to.equal('aborted');
    expect(history.epochs.map(({testLoss}) => testLoss === null)).to.deep.equal([false, true]);
  });

  it('stops with epoch and step when the loss is no longer finite, and leaves no tensor', async () => {
    const model = linearModel();
    const before = tf.memory().numTensors;
    const error = await rejection(
      train(model, colourSplit(), {epochs: 3, batchSize: 16, schedule: (step) => (step === 3 ? 1e38 : 1e-3)}),
    );
    expect(error).to.be.instanceOf(SwintError);
    expect(error.message).to.match(
      /loss must stay finite; got (NaN|Infinity) in epoch 2, step \d of 3; the model has the weights of epoch 1, step 3 again \(lower the/,
    );
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });

  it('leaves out what cannot be read, where told to, and otherwise fails', async () => {
    const split = {train: colourSquares('spoilt', 30, 1, [3, 4]), test: colourSquares('test', 6, 2)};
    const told = new Set<number>();
    const options = {epochs: 1, batchSize: 10, dropRemainder: false, mean: [0, 0, 0], std: [1, 1, 1]};
    const history = await train(made(linearModel()), split, {
      ...options,
      badImages: 'skip',
      onBadImage: (_, index) => told.add(index),
    });
    expect([...told].sort()).to.deep.equal([3, 4]);
    expect(history.stopped).to.equal('finished');
    expect(await rejection(train(made(linearModel()), split, options))).to.be.instanceOf(DataError);
  });

  it('trains what is trainable', async () => {
    const model = made(linearModel());
    model.layers[1].trainable = false;
    const error = await rejection(train(model, colourSplit()));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/must have trainable weights; got none/);
  });

  it('asks for the gradients where none are registered', async () => {
    const gradient = tf.getGradient('Add');
    tf.unregisterGradient('Add');
    try {
      const error = await rejection(train(made(linearModel()), colourSplit()));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(/gradients must be registered; got none.*import '@tensorflow\/tfjs'/);
    } finally {
      tf.registerGradient(gradient);
    }
  });

  const wrong: [string, Parameters<typeof train>[2], RegExp][] = [
    ['no epochs', {epochs: 0}, /epochs must be a whole number from 1; got 0/],
    ['half an image', {batchSize: 1.5}, /batchSize must be .* got 1.5/],
    ['a negative rate', {learningRate: -1}, /learningRate must be a number from 0; got -1/],
    ['full smoothing', {labelSmoothing: 1}, /labelSmoothing must be in \[0, 1\); got 1/],
    ['a clip norm of 0', {clipNorm: 0}, /clipNorm must be above 0; got 0/],
    ['no time', {maxSeconds: 0}, /maxSeconds must be above 0; got 0/],
    ['only warm-up', {epochs: 2, warmupEpochs: 2}, /warmupEpochs must be in \[0, 2\); got 2/],
    [
      'a batch larger than the set',
      {batchSize: 64, dropRemainder: true},
      /must fill at least one batch; got 48 images/,
    ],
  ];
  for (const [what, options, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const error = await rejection(train(made(linearModel()), colourSplit(), options));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(message);
    });
  }
});

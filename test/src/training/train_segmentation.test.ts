import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import type {SegmentationSplit} from '../../../src/data/segmentation_dataset.js';
import {ConfigError, DataError, SwintError} from '../../../src/errors.js';
import {evaluateSegmentation} from '../../../src/training/evaluate_segmentation.js';
import type {SegmentationBatchReport} from '../../../src/training/segmentation_history.js';
import {type SegmentationTrainOptions, trainSegmentation} from '../../../src/training/train_segmentation.js';
import {errorOf} from '../data/memory_dataset.js';
import {memoryMasks} from '../data/memory_masks.js';

/** Pixels by their brightness: two 1x1 convolutions. */
function pixelModel(classes = 3): tf.LayersModel {
  const seeded = (seed: number) => tf.initializers.heNormal({seed});
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [null, null, 3] as unknown as number[],
        ...{filters: 8, kernelSize: 1, activation: 'relu', kernelInitializer: seeded(1)},
      }),
      tf.layers.conv2d({filters: classes, kernelSize: 1, kernelInitializer: seeded(2)}),
    ],
  });
}

const split = (ignoreIndex?: number): SegmentationSplit => ({
  train: memoryMasks({name: 'train', ignoreIndex, sizes: Array.from({length: 6}, () => [24, 20] as const)}),
  test: memoryMasks({
    name: 'test',
    seed: 2,
    ignoreIndex,
    sizes: [
      [24, 20],
      [17, 30],
    ],
  }),
});

const common: SegmentationTrainOptions = {
  dataFormat: 'channelsLast',
  cropSize: 12,
  flip: true,
  rotate: true,
  learningRate: 0.03,
};

describe('trainSegmentation', () => {
  const models: tf.LayersModel[] = [];
  const made = (classes?: number): tf.LayersModel => {
    models.push(pixelModel(classes));
    return models.at(-1)!;
  };
  before(() => tf.setBackend('cpu'));
  afterEach(() => {
    for (const model of models.splice(0)) model.dispose();
  });

  it('learns, and its history agrees with an evaluation of the trained model', async () => {
    const model = made();
    const data = split();
    const reports: SegmentationBatchReport[] = [];
    const told: number[] = [];
    const history = await trainSegmentation(model, data, {
      ...common,
      epochs: 4,
      stepsPerEpoch: 10,
      onBatch: (report) => reports.push(report),
      onEpoch: ({epoch}, evaluation) => {
        told.push(epoch, evaluation!.confusion.flat().length);
      },
    });
    expect([history.stopped, history.steps]).to.deep.equal(['finished', 40]);
    expect(told).to.deep.equal([1, 9, 2, 9, 3, 9, 4, 9]);
    const [first, last] = [history.epochs[0]!, history.epochs[3]!];
    expect(last.trainLoss).to.be.below(first.trainLoss / 2);
    expect(last.testMeanIou).to.be.above(0.85);
    expect(last.testPixelAccuracy).to.be.above(0.93);
    expect(last.trainMeanIou).to.be.above(first.trainMeanIou);
    expect(reports).to.have.length(40);
    const losses = reports.slice(0, 10).map(({loss}) => loss);
    expect(first.trainLoss).to.be.closeTo(losses.reduce((a, b) => a + b) / 10, 1e-9);
    const accuracies = reports.slice(0, 10).map(({pixelAccuracy}) => pixelAccuracy);
    expect(first.trainPixelAccuracy).to.be.closeTo(accuracies.reduce((a, b) => a + b) / 10, 1e-9);
    const {mean, std} = history;
    const again = await evaluateSegmentation(model, data.test, {mean, std, dataFormat: 'channelsLast'});
    expect(history.evaluation).to.deep.equal(again);
    // What the model says of itself is enough to use it.
    expect(await evaluateSegmentation(model, data.test)).to.deep.equal(again);
    const {classNames} = data.train;
    expect(model.getUserDefinedMetadata()).to.deep.equal({classNames, mean, std, dataFormat: 'channelsLast'});
    expect(last.testMeanIou).to.equal(again.meanIou);
    expect(history.stepMs).to.be.above(0);
  });

  it('takes mean and standard deviation from the training images', async () => {
    const {train} = split();
    let [sum, squares, count] = [0, 0, 0];
    for (let index = 0; index < train.size; index++) {
      const {data} = await train.read(index);
      for (let at = 0; at < data.length; at += 3) {
        sum += data[at]! / 255;
        squares += (data[at]! / 255) ** 2;
        count++;
      }
    }
    const {mean, std} = await trainSegmentation(made(), split(), {...common, epochs: 1, stepsPerEpoch: 1});
    expect(mean[0]).to.be.closeTo(sum / count, 1e-9);
    expect(std[0]).to.be.closeTo(Math.sqrt(squares / count - (sum / count) ** 2), 1e-9);
    const given = {mean: [0.1, 0.2, 0.3], std: [1, 2, 3]};
    const history = await trainSegmentation(made(), split(), {
      ...common,
      ...given,
      epochs: 1,
      stepsPerEpoch: 1,
    });
    expect({mean: history.mean, std: history.std}).to.deep.equal(given);
  });

  it('is decided by its seed', async () => {
    const run = async (seed: number) => {
      const history = await trainSegmentation(made(), split(), {
        ...common,
        seed,
        epochs: 2,
        stepsPerEpoch: 3,
      });
      return history.epochs.map(({trainLoss, testMeanIou}) => [trainLoss, testMeanIou]);
    };
    const first = await run(5);
    expect(await run(5)).to.deep.equal(first);
    expect(await run(6)).not.to.deep.equal(first);
  });

  it('counts one crop of every image as an epoch by default, and warms up and anneals', async () => {
    const rates: number[] = [];
    const history = await trainSegmentation(made(), split(), {
      ...common,
      epochs: 4,
      warmupEpochs: 1,
      onBatch: ({learningRate}) => rates.push(learningRate!),
    });
    expect(history.epochs.map(({steps}) => steps)).to.deep.equal([2, 2, 2, 2]);
    expect(rates[0]).to.be.closeTo(0.01, 1e-9);
    expect(rates[2]).to.be.closeTo(0.03, 1e-9);
    expect(rates[7]).to.be.below(0.003);
  });

  it('minimises a loss of the caller', async () => {
    let calls = 0;
    const loss = (labels: tf.Tensor, logits: tf.Tensor) => {
      calls++;
      expect([labels.rank, logits.rank]).to.deep.equal([3, 4]);
      return tf.sum(tf.square(logits)) as tf.Scalar;
    };
    const {epochs} = await trainSegmentation(made(), split(), {...common, loss, epochs: 2, stepsPerEpoch: 5});
    expect(calls).to.equal(10);
    expect(epochs[1]!.trainLoss).to.be.below(epochs[0]!.trainLoss / 2);
  });

  it('counts no pixel that is to be ignored', async () => {
    const history = await trainSegmentation(made(), split(255), {...common, epochs: 1, stepsPerEpoch: 2});
    const counted = history.evaluation!.confusion.flat().reduce((a, b) => a + b, 0);
    expect(counted).to.equal(22 * 18 + 15 * 28);
    expect(history.epochs[0]!.trainLoss).to.be.a('number');
  });

  it('stops when the time is spent, and still evaluates', async () => {
    const history = await trainSegmentation(made(), split(), {
      ...common,
      epochs: 9,
      stepsPerEpoch: 9,
      maxSeconds: 1e-6,
    });
    expect([history.stopped, history.steps, history.epochs.length]).to.deep.equal(['budget', 1, 1]);
    expect(history.evaluation!.pixelAccuracy).to.be.a('number');
  });

  it('stops at the end of a step when told, and during an evaluation', async () => {
    const controller = new AbortController();
    const history = await trainSegmentation(made(), split(), {
      ...common,
      ...{epochs: 3, stepsPerEpoch: 4, signal: controller.signal},
      onBatch: ({epoch, step}) => epoch === 2 && step === 2 && controller.abort(),
    });
    expect([history.stopped, history.epochs.length]).to.deep.equal(['aborted', 2]);
    expect(history.epochs.map(({testMeanIou}) => testMeanIou === null)).to.deep.equal([false, true]);
    expect(history.evaluation!.meanIou).to.equal(history.epochs[0]!.testMeanIou);

    const evaluating = new AbortController();
    const data = split();
    const read = (index: number) => {
      evaluating.abort();
      return data.test.read(index);
    };
    const test = {...data.test, read};
    const options = {...common, epochs: 3, stepsPerEpoch: 1, signal: evaluating.signal};
    const cut = await trainSegmentation(made(), {...data, test}, options);
    expect([cut.stopped, cut.epochs.length, cut.evaluation]).to.deep.equal(['aborted', 1, null]);

    const never = await trainSegmentation(made(), data, {...common, signal: AbortSignal.abort()});
    expect([never.stopped, never.steps, never.epochs.length]).to.deep.equal(['aborted', 0, 0]);
  });

  it('keeps no tensor', async () => {
    const model = made();
    const before = tf.memory().numTensors;
    await trainSegmentation(model, split(), {...common, epochs: 2, stepsPerEpoch: 3, clipNorm: 1});
    expect(tf.memory().numTensors).to.equal(before);
    await errorOf(() =>
      trainSegmentation(model, split(), {...common, epochs: 2, stepsPerEpoch: 3, schedule: () => 1e38}),
    );
    expect(tf.memory().numTensors).to.equal(before);
  });

  it('stops with epoch and step when the loss is no longer finite', async () => {
    const error = await errorOf(() =>
      trainSegmentation(made(), split(), {...common, epochs: 2, stepsPerEpoch: 3, schedule: () => 1e38}),
    );
    expect(error).to.be.instanceOf(SwintError);
    expect(error.message).to.match(
      /trainSegmentation: the loss must stay finite; got \S+ in epoch 1, step \d of 3/,
    );
  });

  const wrong: [string, SegmentationTrainOptions, typeof SwintError, RegExp][] = [
    ['no epochs', {epochs: 0}, ConfigError, /epochs must be a whole number from 1; got 0/],
    ['no crop', {cropSize: 0}, ConfigError, /cropSize must be a whole number from 1; got 0/],
    [
      'a crop larger than an image',
      {cropSize: 21},
      DataError,
      /train: image\d must be at least as large as cropSize/,
    ],
    [
      'another data format',
      {dataFormat: 'channelsFirst'},
      ConfigError,
      /in channelsFirst; got \[\*, \*, 3\]/,
    ],
  ];
  for (const [what, options, kind, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const error = await errorOf(() => trainSegmentation(made(), split(), {...common, ...options}));
      expect(error).to.be.instanceOf(kind);
      expect(error.message).to.match(message);
    });
  }

  it('refuses a model of other classes, and sets that differ', async () => {
    const other = await errorOf(() => trainSegmentation(made(2), split(), common));
    expect(other).to.be.instanceOf(ConfigError);
    expect(other.message).to.match(/a logit per pixel and class, \[B, H, W, 3\] .* got \[B, \*, \*, 2\]/);
    const data = split();
    const test = {...data.test, classNames: ['grey', 'bright', 'black']};
    const differ = await errorOf(() => trainSegmentation(made(), {...data, test}, common));
    expect(differ.message).to.match(/must have the same channels and classes/);
  });
});

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, DataError, SwintError} from '../../../src/errors.js';
import {evaluate} from '../../../src/training/evaluate.js';
import {colourSquares} from './colour_squares.js';

/** Logits are the weighted sums of the channel means: `weights[c][k]`, on channels-first input. */
function channelModel(weights: number[][], dataFormat: 'channelsFirst' | 'channelsLast' = 'channelsFirst') {
  const model = tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({
        inputShape: dataFormat === 'channelsFirst' ? [3, 4, 4] : [4, 4, 3],
        dataFormat,
      }),
      tf.layers.dense({units: weights[0].length, useBias: false}),
    ],
  });
  const kernel = tf.tensor2d(weights);
  model.layers[1].setWeights([kernel]);
  kernel.dispose();
  return model;
}

const identity = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

describe('evaluate', () => {
  const dataset = colourSquares('squares', 10, 3);

  before(async () => {
    await tf.setBackend('cpu');
  });

  it('gives loss, accuracy and confidences as computed by hand', async () => {
    const scale = 8;
    const model = channelModel(identity.map((row) => row.map((value) => value * scale)));
    const result = await evaluate(model, dataset, {batchSize: 4});
    let lossSum = 0;
    for (let index = 0; index < dataset.size; ++index) {
      const pixels = await dataset.read(index);
      const logits = [0, 0, 0];
      for (const [at, byte] of pixels.entries()) logits[at % 3] += (scale * byte) / 255 / 16;
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
      lossSum -= Math.log(Math.exp(logits[index % 3]) / sum);
      expect(result.predictions[index]).to.equal(index % 3);
      expect(result.confidences[index]).to.be.closeTo(Math.exp(logits[index % 3]) / sum, 1e-6);
    }
    expect(result.loss).to.be.closeTo(lossSum / 10, 1e-6);
    expect(result.accuracy).to.equal(1);
    expect(result.confusion).to.deep.equal([
      [4, 0, 0],
      [0, 3, 0],
      [0, 0, 3],
    ]);
    model.dispose();
  });

  it('puts true classes in rows and predicted ones in columns', async () => {
    // Red is taken for green, green for green, blue for red.
    const model = channelModel([
      [0, 1, 0],
      [0, 1, 0],
      [1, 0, 0],
    ]);
    const {confusion, accuracy} = await evaluate(model, dataset, {mean: [0.3, 0.3, 0.3]});
    expect(confusion).to.deep.equal([
      [0, 4, 0],
      [0, 3, 0],
      [3, 0, 0],
    ]);
    expect(accuracy).to.equal(0.3);
    model.dispose();
  });

  it('does the same in both data formats', async () => {
    const [first, last] = [channelModel(identity), channelModel(identity, 'channelsLast')];
    const options = {mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.1]};
    const one = await evaluate(first, dataset, options);
    const other = await evaluate(last, dataset, {...options, dataFormat: 'channelsLast'});
    expect(other.loss).to.be.closeTo(one.loss, 1e-6);
    expect([...other.predictions]).to.deep.equal([...one.predictions]);
    first.dispose();
    last.dispose();
  });

  it('leaves out what cannot be read, where told to', async () => {
    const model = channelModel(identity);
    const told: number[] = [];
    const result = await evaluate(model, colourSquares('spoilt', 10, 3, [0, 7]), {
      batchSize: 4,
      badImages: 'skip',
      onBadImage: (_, index) => told.push(index),
    });
    expect(told).to.deep.equal([0, 7]);
    expect(
      [...result.predictions].flatMap((prediction, index) => (prediction < 0 ? [index] : [])),
    ).to.deep.equal([0, 7]);
    expect(result.confidences[7]).to.equal(0);
    expect(result.confusion.flat().reduce((a, b) => a + b)).to.equal(8);
    expect(result.accuracy).to.equal(1);
    model.dispose();
  });

  it('keeps no tensor, reports progress and stops when told', async () => {
    const model = channelModel(identity);
    const before = tf.memory().numTensors;
    const seen: number[] = [];
    await evaluate(model, dataset, {batchSize: 4, onBatch: ({images}) => seen.push(images)});
    expect(seen).to.deep.equal([4, 8, 10]);
    const controller = new AbortController();
    const stopped = evaluate(model, dataset, {
      batchSize: 4,
      signal: controller.signal,
      onBatch: () => controller.abort(new Error('enough')),
    });
    expect(await rejection(stopped)).to.have.property('message', 'enough');
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });

  const rejection = (promise: Promise<unknown>): Promise<Error> =>
    promise.then(
      () => expect.fail('should have been rejected'),
      (error) => error,
    );

  const failing: [string, () => Promise<unknown>, new (message: string) => Error, RegExp][] = [
    [
      'the wrong number of classes',
      () => evaluate(channelModel([[1], [1], [1]]), dataset),
      ConfigError,
      /one logit per class of squares, \[B, 3\]; got \[\*, 1\]/,
    ],
    [
      'the wrong data format',
      () => evaluate(channelModel(identity), dataset, {dataFormat: 'channelsLast'}),
      ConfigError,
      /images of squares, \[4, 4, 3\] in channelsLast; got \[3, 4, 4\]/,
    ],
    [
      'weights that are not finite',
      () => evaluate(channelModel(identity.map((row) => row.map(() => Number.NaN))), dataset),
      SwintError,
      /logits must be finite; got a loss of NaN for image 0/,
    ],
    [
      'no readable image',
      () =>
        evaluate(channelModel(identity), colourSquares('spoilt', 2, 3, [0, 1]), {
          badImages: 'skip',
          onBadImage: () => {},
        }),
      DataError,
      /at least one image must be readable; got none of 2/,
    ],
    [
      'an unreadable image',
      () => evaluate(channelModel(identity), colourSquares('spoilt', 2, 3, [1])),
      DataError,
      /image 1 must be readable/,
    ],
  ];
  for (const [what, run, kind, message] of failing) {
    it(`refuses ${what}`, async () => {
      const error = await rejection(run());
      expect(error).to.be.instanceOf(kind);
      expect(error.message).to.match(message);
    });
  }
});

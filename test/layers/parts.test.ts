import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  batchNormalization,
  dropPath,
  gelu,
  globalMaxPooling,
  patchEmbed,
  patchExpanding,
  patchMerging,
  ShapeError,
  swinBlock,
  windowAttention,
} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';
import {expectAbsClose, expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';

const parts: [string, () => tf.layers.Layer, number[], number[]][] = [
  [
    'windowAttention',
    () => windowAttention({numHeads: 2, windowSize: 4, shiftSize: [2, 1]}),
    [2, 8, 6, 7],
    [2, 8, 6, 7],
  ],
  [
    'windowAttention, cosine',
    () => windowAttention({numHeads: 2, windowSize: 3, score: 'cosine'}),
    [2, 8, 6, 7],
    [2, 8, 6, 7],
  ],
  [
    'swinBlock',
    () => swinBlock({numHeads: 2, windowSize: 4, shifted: true, dropPath: 0.1}),
    [2, 8, 6, 7],
    [2, 8, 6, 7],
  ],
  ['patchMerging', () => patchMerging(), [2, 8, 5, 6], [2, 16, 3, 3]],
  ['patchMerging, post-norm', () => patchMerging({filters: 6, norm: 'post'}), [2, 8, 5, 6], [2, 6, 3, 3]],
  ['patchExpanding', () => patchExpanding(), [2, 8, 3, 5], [2, 4, 6, 10]],
  ['patchExpanding by 4', () => patchExpanding({outChannels: 3, scale: 4}), [2, 8, 3, 5], [2, 3, 12, 20]],
  ['patchEmbed', () => patchEmbed({embedDim: 12}), [2, 3, 9, 8], [2, 12, 3, 2]],
  [
    'patchEmbed without norm',
    () => patchEmbed({filters: 5, patchSize: [2, 3], patchNorm: false}),
    [2, 3, 8, 9],
    [2, 5, 4, 3],
  ],
  ['dropPath', () => dropPath({rate: 0.3, seed: 2}), [2, 8, 5, 6], [2, 8, 5, 6]],
  ['gelu', () => gelu(), [2, 8, 5, 6], [2, 8, 5, 6]],
  ['globalMaxPooling', () => globalMaxPooling(), [2, 8, 5, 6], [2, 6]],
  ['batchNormalization, axis 1', () => batchNormalization({axis: 1}), [2, 8, 5, 6], [2, 8, 5, 6]],
  ['batchNormalization, last axis', () => batchNormalization({scale: false}), [2, 8, 5, 6], [2, 8, 5, 6]],
];

describe('parts of a Swin stage as layers', () => {
  for (const [name, make, input, output] of parts) {
    it(`${name}: shape, training, save and load`, async () => {
      const image = tf.input({shape: input.slice(1)});
      const model = tf.model({inputs: image, outputs: make().apply(image) as tf.SymbolicTensor});
      const x = tf.randomNormal(input);
      const y = model.predict(x) as tf.Tensor;
      expect(y.shape).to.deep.equal(output);
      expect(model.outputs[0].shape.slice(1)).to.deep.equal(output.slice(1));
      if (model.trainableWeights.length > 0) {
        model.compile({optimizer: tf.train.adam(1e-2), loss: 'meanSquaredError'});
        const target = tf.randomNormal(output);
        const {history} = await model.fit(x, target, {epochs: 20, verbose: 0});
        const losses = history.loss as number[];
        expect(losses.at(-1)).to.be.lessThan(losses[0]);
      }
      const loaded = await savedAndLoaded(model);
      expectBitEqual(
        'y',
        (loaded.predict(x) as tf.Tensor).dataSync(),
        (model.predict(x) as tf.Tensor).dataSync(),
      );
    });
  }

  it('globalMaxPooling takes the maximum of each channel, and gives one cell its gradient', () => {
    const layer = globalMaxPooling();
    const x = tf.tensor4d([1, 8, 5, 2, 5, 8, 0, -1], [1, 2, 2, 2]);
    const y = layer.apply(x) as tf.Tensor;
    expect(Array.from(y.dataSync())).to.deep.equal([5, 8]);
    const dx = tf.grad((input) => layer.apply(input) as tf.Tensor)(x, tf.tensor2d([[3, 4]]));
    expect(Array.from(dx.dataSync())).to.deep.equal([0, 4, 3, 0, 0, 0, 0, 0]);
    for (const shape of [
      [2, 3, 4],
      [2, 0, 3, 4],
    ]) {
      expect(() => layer.apply(tf.zeros(shape))).to.throw(ShapeError, 'the input must be a map [B, H, W, C]');
    }
  });

  it('patchEmbed is a convolution whose stride is its kernel', () => {
    const layer = patchEmbed({embedDim: 4, patchSize: 2, patchNorm: false, dataFormat: 'channelsLast'});
    const x = tf.randomNormal([2, 6, 8, 3]) as tf.Tensor4D;
    const y = layer.apply(x) as tf.Tensor;
    const [kernel] = layer.getWeights();
    const expected = tf.conv2d(x, kernel as tf.Tensor4D, 2, 'valid');
    expectAbsClose('y', y.dataSync(), expected.dataSync(), 1e-5);
  });

  it('patchExpanding puts the parts of a cell into a square', () => {
    const layer = patchExpanding({scale: 2, dataFormat: 'channelsLast'});
    tf.dispose(layer.apply(tf.zeros([1, 1, 2, 4])) as tf.Tensor);
    // Four cells of two channels: the product copies channel c of the cell into part p scaled by p + 1.
    const expand = tf.buffer([4, 8]);
    for (let part = 0; part < 4; part++) for (let c = 0; c < 2; c++) expand.set(part + 1, c, 2 * part + c);
    layer.setWeights([expand.toTensor(), tf.zeros([2]), tf.tensor1d([5, 7])]);
    const y = layer.apply(
      tf.tensor4d([
        [
          [
            [1, 2, 0, 0],
            [3, 5, 0, 0],
          ],
        ],
      ]),
    ) as tf.Tensor;
    expect(y.shape).to.deep.equal([1, 2, 4, 2]);
    // A norm without gain leaves its offset, wherever the cells went.
    expect(Array.from(y.dataSync())).to.deep.equal(Array.from({length: 16}, (_, i) => (i % 2 ? 7 : 5)));
    layer.setWeights([expand.toTensor(), tf.ones([2]), tf.zeros([2])]);
    const spread = layer.apply(
      tf.tensor4d([
        [
          [
            [1, 2, 0, 0],
            [5, 3, 0, 0],
          ],
        ],
      ]),
    ) as tf.Tensor;
    // Which of its two channels is larger tells which cell a square came from.
    const signs = Array.from(spread.dataSync()).map(Math.sign);
    const row = [-1, 1, -1, 1, 1, -1, 1, -1];
    expect(signs).to.deep.equal([...row, ...row]);
  });
});

describe('batchNormalization', () => {
  eachBackend(() => {
    for (const axis of [1, 3, -1]) {
      it(`normalises axis ${axis} in training and keeps moving statistics`, async () => {
        const layer = batchNormalization({axis, momentum: 0.5, epsilon: 1e-5});
        const x = tf.add(tf.mul(tf.randomNormal([4, 3, 5, 3], 0, 1, 'float32', 1), 3), 2);
        const y = layer.apply(x, {training: true}) as tf.Tensor;
        const others = [0, 1, 2, 3].filter((a) => a !== (axis + 4) % 4);
        const {mean, variance} = tf.moments(y, others);
        expectAbsClose('mean', await mean.data(), [0, 0, 0], 1e-5);
        expectAbsClose('variance', await variance.data(), [1, 1, 1], 1e-3);
        const batch = tf.moments(x, others);
        const [, , movingMean, movingVariance] = layer.getWeights();
        expectAbsClose('moving mean', await movingMean.data(), await tf.mul(batch.mean, 0.5).data(), 1e-5);
        const expected = await tf.add(tf.mul(batch.variance, 0.5), 0.5).data();
        expectAbsClose('moving variance', await movingVariance.data(), expected, 1e-4);
      });
    }
  });

  it('equals tfjs’s own over the last axis, in training and at inference', async () => {
    const ours = batchNormalization();
    const theirs = tf.layers.batchNormalization({});
    const x = tf.randomNormal([4, 5, 6, 3]);
    for (const training of [true, true, false]) {
      const a = ours.apply(x, {training}) as tf.Tensor;
      const b = theirs.apply(x, {training}) as tf.Tensor;
      expectAbsClose('y', a.dataSync(), b.dataSync(), 1e-5);
    }
    const grad = (layer: tf.layers.Layer) =>
      tf.grad((input) => tf.sum(tf.mul(layer.apply(input, {training: true}) as tf.Tensor, tf.sin(input))))(x);
    expectAbsClose('dx', grad(ours).dataSync(), grad(theirs).dataSync(), 1e-4);
  });

  it('has two weights to train and two that move', () => {
    const layer = batchNormalization({axis: 1});
    layer.build([null, 8, null, null]);
    expect(layer.trainableWeights.length).to.equal(2);
    expect(layer.nonTrainableWeights.length).to.equal(2);
    expect(layer.countParams()).to.equal(32);
  });
});

/**
 * Tensors with an axis of no cells, in the stock kernels that are replaced and in the layers: a sum of nothing is 0, a
 * mean NaN, a product with no terms its bias, and shapes are kept.
 */
import '../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {SwintError} from '../../kernels/common/errors.js';
import {gelu} from '../../kernels/operations/gelu.js';
import * as tensorflow from '../../kernels/tensorflow/tfjs/replacements.js';
import * as wasm from '../../kernels/wasm/tfjs/replacements.js';
import * as webgpu from '../../kernels/webgpu/tfjs/replacements.js';
import {patchEmbed, patchMerging, swinBlock, swinT} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';

interface Expected {
  shape: number[];
  values: number[];
  dtype?: tf.DataType;
}

eachBackend((backend) => {
  const replaced = {cpu: undefined, wasm, webgpu, tensorflow}[backend];
  before(() => replaced?.replaceStockKernels());
  after(() => replaced?.restoreStockKernels());

  const gives = (name: string, compute: () => tf.Tensor, {shape, values, dtype = 'float32'}: Expected) =>
    it(name, async () => {
      // What lies in the heap is not zeros.
      tf.dispose(Array.from({length: 20}, () => tf.fill([64], 7)));
      const result = tf.tidy(compute);
      const found = {shape: result.shape, values: Array.from(await result.data()), dtype: result.dtype};
      result.dispose();
      expect(found).to.deep.equal({shape, values, dtype});
    });
  const empty = (name: string, compute: () => tf.Tensor, shape: number[], dtype?: tf.DataType) =>
    gives(name, compute, {shape, values: [], dtype});

  gives('sum over an empty axis', () => tf.sum(tf.zeros([0, 3]), 0), {shape: [3], values: [0, 0, 0]});
  gives('sum of int32', () => tf.sum(tf.zeros([2, 0], 'int32'), 1, true), {
    ...{shape: [2, 1], values: [0, 0], dtype: 'int32'},
  });
  gives('sum over axes apart', () => tf.sum(tf.zeros([0, 2, 3]), [0, 2]), {shape: [2], values: [0, 0]});
  gives('sum of everything', () => tf.sum(tf.zeros([0])), {shape: [], values: [0]});
  empty('sum beside an empty axis', () => tf.sum(tf.zeros([0, 3]), 1), [0]);
  empty('GELU', () => gelu({x: tf.zeros([2, 0, 3])}), [2, 0, 3]);
  empty('the gradient of GELU', () => tf.grad((x) => gelu({x}))(tf.zeros([0, 3])), [0, 3]);
  if (backend !== 'cpu') {
    // tfjs's cpu backend gives 0.
    const none = {shape: [3], values: [Number.NaN, Number.NaN, Number.NaN]};
    gives('mean over an empty axis', () => tf.mean(tf.zeros([0, 3]), 0), none);
    gives('mean of int32', () => tf.mean(tf.zeros([0, 3], 'int32'), 0), none);
  }
  for (const dtype of ['float32', 'int32', 'bool'] as const) {
    empty(`transpose of ${dtype}`, () => tf.transpose(tf.zeros([0, 3, 2], dtype)), [2, 3, 0], dtype);
    const shape = [2, 0, 3, 1, 1, 4];
    const moved = [4, 1, 3, 0, 2, 1];
    empty(
      `transpose of six axes, ${dtype}`,
      () => tf.transpose(tf.zeros(shape, dtype), [5, 3, 2, 1, 0, 4]),
      moved,
      dtype,
    );
  }

  const [a, b] = [() => tf.zeros([2, 0]), () => tf.zeros([0, 3])];
  gives('product without terms', () => tf.matMul(a(), b()), {shape: [2, 3], values: [0, 0, 0, 0, 0, 0]});
  gives('product of no rows', () => tf.matMul(tf.zeros([4, 0, 2]), tf.ones([2, 3])), {
    shape: [4, 0, 3],
    values: [],
  });
  const bias = () => tf.tensor1d([1, -2, 8]);
  const rows = {linear: [1, -2, 8], relu: [1, 0, 8], relu6: [1, 0, 6]};
  for (const [activation, row] of Object.entries(rows)) {
    gives(
      `product without terms, a bias and ${activation}`,
      () => tf.fused.matMul({a: a(), b: b(), bias: bias(), activation: activation as 'relu'}),
      {shape: [2, 3], values: [...row, ...row]},
    );
  }
  gives('product without terms and sigmoid', () => tf.fused.matMul({a: a(), b: b(), activation: 'sigmoid'}), {
    ...{shape: [2, 3], values: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]},
  });
  gives(
    'convolution of no channels',
    () =>
      tf.fused.conv2d({
        x: tf.ones([1, 1, 2, 0]) as tf.Tensor4D,
        filter: tf.ones([2, 2, 0, 2]) as tf.Tensor4D,
        ...{strides: 1, pad: 'same', bias: tf.tensor1d([1, -2]), activation: 'relu'},
      }),
    {shape: [1, 1, 2, 2], values: [1, 0, 1, 0]},
  );

  const map = () => tf.zeros([0, 8, 6, 4]);
  const dataFormat = 'channelsLast';
  empty(
    'swinT',
    () => swinT({numHeads: 2, windowSize: 4}).apply(tf.zeros([0, 4, 8, 6])) as tf.Tensor,
    [0, 4, 8, 6],
  );
  for (const variant of ['v1', 'v2', 'miziha'] as const) {
    empty(
      `swinT ${variant} with downsampling`,
      () =>
        swinT({numHeads: 2, windowSize: 4, variant, downsample: true, dataFormat}).apply(map()) as tf.Tensor,
      [0, 4, 3, 4],
    );
  }
  empty(
    'swinBlock',
    () => swinBlock({numHeads: 2, windowSize: 4, dataFormat}).apply(map()) as tf.Tensor,
    [0, 8, 6, 4],
  );
  empty(
    'swinBlock with convolutions and layer scale',
    () =>
      swinBlock({
        ...{numHeads: 2, windowSize: 4, dataFormat, layerScale: 0.1},
        ...{positionConvolution: true, valueConvolution: true, mlpConvolution: true},
      }).apply(map()) as tf.Tensor,
    [0, 8, 6, 4],
  );
  empty('patchMerging', () => patchMerging({dataFormat}).apply(map()) as tf.Tensor, [0, 4, 3, 8]);
  empty(
    'patchEmbed',
    () => patchEmbed({patchSize: 2, embedDim: 8}).apply(tf.zeros([0, 3, 8, 6])) as tf.Tensor,
    [0, 8, 4, 3],
  );

  if (replaced && backend !== 'tensorflow') {
    it('a filter larger than the input is an error, one that gives no cells is not', () => {
      const convolve = (size: number, activation?: 'elu') =>
        tf.tidy(
          () =>
            tf.fused.conv2d({
              x: tf.ones([1, size, size, 1]) as tf.Tensor4D,
              filter: tf.ones([3, 3, 1, 2]) as tf.Tensor4D,
              ...{strides: 1, pad: 'valid', activation},
            }).shape,
        );
      for (const activation of [undefined, 'elu'] as const) {
        expect(() => convolve(1, activation)).to.throw(SwintError, 'filter of [3, 3] and an input of [1, 1]');
        expect(convolve(2, activation)).to.deep.equal([1, 0, 0, 2]);
      }
    });
  }
});

/** A gradient of a gradient through our operations is one clear error, whatever computes them; a first one within another is not. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError} from '../../kernels/common/errors.js';
import {
  batchNorm,
  batchStatistics,
  depthwiseConvolution,
  gelu,
  layerNorm,
  linear,
  patchMerge,
  swinBlock,
  windowAttention,
} from '../../kernels/index.js';
import {eachBackend} from '../helpers/backends.js';

const ones = (...shape: number[]) => tf.ones(shape) as never;
const attention = {
  ...{numHeads: 2, windowSize: [2, 2] as [number, number], shift: [0, 0] as [number, number]},
  ...({padding: 'masked', score: 'dot', scale: 1} as const),
};

/** Functions of a map of [2, 4, 4, 4]. */
const operations: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  batchNorm: (x) => batchNorm({x, ...batchStatistics(x, 3)}, {axis: 3, epsilon: 1e-3, statistics: 'batch'}),
  depthwiseConvolution: (x) =>
    depthwiseConvolution({x: x as tf.Tensor4D, weight: ones(3, 3, 4, 1)}, {residual: true}),
  gelu: (x) => gelu({x}),
  layerNorm: (x) => layerNorm({x, gamma: ones(4), beta: ones(4)}),
  linear: (x) => linear({x, weight: ones(4, 3)}, {activation: 'gelu'}),
  patchMerge: (x) => patchMerge({x: x as tf.Tensor4D}),
  swinBlock: (x) => {
    const vector = {gamma1: ones(4), beta1: ones(4), gamma2: ones(4), beta2: ones(4), projBias: ones(4)};
    const matrices = {
      qkvWeight: ones(4, 12),
      projWeight: ones(4, 4),
      fc1Weight: ones(4, 8),
      fc2Weight: ones(8, 4),
    };
    return swinBlock(
      {x: x as tf.Tensor4D, ...vector, ...matrices, fc1Bias: ones(8), fc2Bias: ones(4), table: ones(9, 2)},
      {attention, norm: 'pre', epsilon: 1e-5},
    );
  },
  windowAttention: (x) =>
    windowAttention({qkv: tf.concat([x, x, x], 3) as tf.Tensor4D, table: ones(9, 2)}, attention),
};

eachBackend(() => {
  const x = () => tf.randomNormal([2, 4, 4, 4], 0, 1, 'float32', 1);

  for (const [name, operation] of Object.entries(operations)) {
    it(`${name} refuses the gradient of its gradient`, () => {
      const squares = (value: tf.Tensor) => tf.sum(tf.square(operation(value)));
      const penalty = (value: tf.Tensor) => tf.sum(tf.square(tf.grad(squares)(value)));
      expect(() => tf.tidy(() => tf.grad(penalty)(x()))).to.throw(
        ConfigError,
        'got the gradient of its gradient',
      );
    });
  }

  it('gives a first gradient within another function that is differentiated', async () => {
    const gradient = (value: tf.Tensor) => tf.grad((one) => tf.sum(operations.layerNorm(one)))(value);
    const [alone, within] = tf.tidy(() => {
      let inner: tf.Tensor | undefined;
      tf.grad((value) => {
        inner = tf.keep(gradient(x()));
        return tf.square(value);
      })(tf.scalar(3));
      return [gradient(x()), inner!];
    });
    expect(Array.from(await within.data())).to.deep.equal(Array.from(await alone.data()));
    tf.dispose([alone, within]);
  });
});

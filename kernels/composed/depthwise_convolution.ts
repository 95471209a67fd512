/** depthwiseConvolution and its gradient from stock tfjs operations. Contract: contracts/depthwise_convolution. */
import * as tf from '@tensorflow/tfjs-core';
import type {
  DepthwiseConvolutionAttrs,
  DepthwiseConvolutionInputs,
} from '../contracts/depthwise_convolution.js';
import {asRows, sumRows} from './mat_mul.js';

/** Forward. */
export function depthwiseConvolutionComposed(
  {x, weight, bias, addend}: DepthwiseConvolutionInputs,
  {residual}: DepthwiseConvolutionAttrs,
): tf.Tensor4D {
  return tf.tidy(() => {
    let y = tf.depthwiseConv2d(x, weight, 1, 'same');
    if (bias) y = tf.add(y, bias);
    if (residual) y = tf.add(y, x);
    return addend ? tf.add(y, addend) : y;
  });
}

/** dx: the convolution of dy with the weight turned by half a circle. */
export function depthwiseConvolutionGradX(
  dy: tf.Tensor4D,
  weight: tf.Tensor4D,
  {residual}: DepthwiseConvolutionAttrs,
): tf.Tensor4D {
  return tf.tidy(() => {
    const turned = tf.depthwiseConv2d(dy, tf.reverse(weight, [0, 1]), 1, 'same');
    return residual ? tf.add(turned, dy) : turned;
  });
}

/** dW: tap by tap, since not every backend has a kernel for it. */
export function depthwiseConvolutionGradWeight(x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const padded = tf.pad(x, [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ]);
    const taps = Array.from({length: 9}, (_, tap) => {
      const seen = tf.slice(padded, [0, Math.floor(tap / 3), tap % 3, 0], x.shape);
      return sumRows(asRows(tf.mul(seen, dy)));
    });
    return tf.reshape(tf.stack(taps), [3, 3, x.shape[3], 1]);
  });
}

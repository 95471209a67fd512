/** layerNorm and its gradient from stock tfjs operations. Contract: contracts/layer_norm. */
import * as tf from '@tensorflow/tfjs-core';
import type {LayerNormAttrs, LayerNormInputs} from '../contracts/layer_norm.js';
import {asRows, sumRows} from './mat_mul.js';
import {scaleSamples} from './scale_samples.js';

/** Forward. Returns y and, each [M, 1], the mean and 1 / sqrt(var + epsilon) of every row. */
export function layerNormComposed(inputs: LayerNormInputs, {epsilon}: LayerNormAttrs): tf.Tensor[] {
  const {x, gamma, beta, residual, sampleScale} = inputs;
  return tf.tidy(() => {
    const rows = asRows(x);
    const mean = tf.mean(rows, 1, true);
    const centred = tf.sub(rows, mean);
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
    const h = tf.mul(centred, inverse);
    let y = tf.reshape(tf.add(tf.mul(h, gamma), beta), x.shape);
    if (sampleScale) y = scaleSamples(y, sampleScale);
    if (residual) y = tf.add(y, residual);
    return [y, mean, inverse];
  });
}

export interface LayerNormGradInputs {
  dy: tf.Tensor;
  x: tf.Tensor;
  /** Of every row, as the forward pass returned them, [M, 1] each. */
  mean: tf.Tensor;
  inverse: tf.Tensor;
  gamma: tf.Tensor1D;
  sampleScale?: tf.Tensor1D;
}

/** Gradient: [dx, dgamma, dbeta]. */
export function layerNormGradComposed({
  dy,
  x,
  mean,
  inverse,
  gamma,
  sampleScale,
}: LayerNormGradInputs): [tf.Tensor, tf.Tensor1D, tf.Tensor1D] {
  return tf.tidy(() => {
    const rows = asRows(sampleScale ? scaleSamples(dy, sampleScale) : dy);
    const h = tf.mul(tf.sub(asRows(x), mean), inverse);
    const g = tf.mul(rows, gamma);
    const along = tf.mul(h, tf.mean(tf.mul(g, h), 1, true));
    const dx = tf.mul(tf.sub(tf.sub(g, tf.mean(g, 1, true)), along), inverse);
    return [tf.reshape(dx, dy.shape), sumRows(tf.mul(rows, h)), sumRows(rows)];
  });
}

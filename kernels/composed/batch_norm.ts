/** batchNorm, its gradient and the statistics of a batch from stock tfjs operations. Contract: contracts/batch_norm. */
import * as tf from '@tensorflow/tfjs-core';
import type {BatchNormAttrs, BatchNormInputs} from '../contracts/batch_norm.js';
import {sumRows} from './mat_mul.js';

/**
 * How a tensor looks with its channels apart: [outer, C] where they are the last axis, else [outer, C, inner], with
 * the axes to reduce over and the shape in which a vector [C] broadcasts.
 */
function channelView(shape: number[], axis: number): {view: number[]; axes: number[]; vector: number[]} {
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channels = shape[axis];
  return inner === 1
    ? {view: [outer, channels], axes: [0], vector: [channels]}
    : {view: [outer, channels, inner], axes: [0, 2], vector: [channels, 1]};
}

/** Sum over everything but the channels of a channel view, [C]. */
function sumPerChannel(cells: tf.Tensor, axes: number[]): tf.Tensor1D {
  return axes.length === 1 ? sumRows(cells as tf.Tensor2D) : tf.sum(cells, axes);
}

/** Mean and biased variance of every channel, each [C]. */
export function batchStatisticsComposed(x: tf.Tensor, axis: number): [tf.Tensor1D, tf.Tensor1D] {
  return tf.tidy(() => {
    const {view, axes, vector} = channelView(x.shape, axis);
    const cells = tf.reshape(x, view);
    const count = x.size / x.shape[axis];
    const mean: tf.Tensor1D = tf.div(sumPerChannel(cells, axes), count);
    const centred = tf.sub(cells, tf.reshape(mean, vector));
    return [mean, tf.div(sumPerChannel(tf.square(centred), axes), count)];
  });
}

/** (x - mean) / sqrt(variance + epsilon) in the channel view of x. */
export function normaliseComposed(
  {x, mean, variance}: Pick<BatchNormInputs, 'x' | 'mean' | 'variance'>,
  {axis, epsilon}: BatchNormAttrs,
): tf.Tensor {
  return tf.tidy(() => {
    const {view, vector} = channelView(x.shape, axis);
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const centred = tf.sub(tf.reshape(x, view), tf.reshape(mean, vector));
    return tf.mul(centred, tf.reshape(inverse, vector));
  });
}

/** Forward. */
export function batchNormComposed(inputs: BatchNormInputs, attrs: BatchNormAttrs): [tf.Tensor] {
  return tf.tidy(() => {
    const {x, gamma, beta} = inputs;
    const {vector} = channelView(x.shape, attrs.axis);
    let y = normaliseComposed(inputs, attrs);
    if (gamma) y = tf.mul(y, tf.reshape(gamma, vector));
    if (beta) y = tf.add(y, tf.reshape(beta, vector));
    return [tf.reshape(y, x.shape)];
  });
}

export interface BatchNormGradInputs {
  dy: tf.Tensor;
  x: tf.Tensor;
  mean: tf.Tensor1D;
  variance: tf.Tensor1D;
  gamma?: tf.Tensor1D;
}

/** Gradient: [dx, dgamma, dbeta]. */
export function batchNormGradComposed(
  inputs: BatchNormGradInputs,
  attrs: BatchNormAttrs,
): [tf.Tensor, tf.Tensor1D, tf.Tensor1D] {
  return tf.tidy(() => {
    const {dy, x, variance, gamma} = inputs;
    const {view, axes, vector} = channelView(x.shape, attrs.axis);
    const h = normaliseComposed(inputs, attrs);
    const g = tf.reshape(dy, view);
    const dgamma = sumPerChannel(tf.mul(g, h), axes);
    const dbeta = sumPerChannel(g, axes);
    let factor: tf.Tensor = tf.rsqrt(tf.add(variance, attrs.epsilon));
    if (gamma) factor = tf.mul(factor, gamma);
    let dx = g;
    if (attrs.statistics === 'batch') {
      const cells = x.size / variance.size;
      const along = tf.mul(h, tf.reshape(tf.div(dgamma, cells), vector));
      dx = tf.sub(tf.sub(g, tf.reshape(tf.div(dbeta, cells), vector)), along);
    }
    return [tf.reshape(tf.mul(dx, tf.reshape(factor, vector)), x.shape), dgamma, dbeta];
  });
}

/**
 * batchNorm: normalises one axis by given statistics.
 *
 *   y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
 *
 *   x               any rank from 2, C cells along `axis`
 *   mean, variance  [C]
 *   gamma           [C], optional (1)
 *   beta            [C], optional (0)
 *
 * Gradient, with h = (x - mean) / sqrt(variance + epsilon) and M cells per channel: dgamma = sum of dy h,
 * dbeta = sum of dy, and
 *
 *   statistics 'batch':   dx = gamma / sqrt(variance + epsilon) (dy - dbeta / M - h dgamma / M)
 *   statistics 'moving':  dx = gamma / sqrt(variance + epsilon) dy
 *
 * 'batch' says that mean and variance are those of x itself (see `batchStatistics`), as in training; their own
 * dependence on x is then part of dx. They get no gradient as inputs.
 *
 * Source: Ioffe & Szegedy 2015, "Batch Normalization", algorithm 1.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {ShapeError} from '../common/errors.js';
import {requireShape} from '../common/shapes.js';

export interface BatchNormInputs {
  x: tf.Tensor;
  mean: tf.Tensor1D;
  variance: tf.Tensor1D;
  gamma?: tf.Tensor1D;
  beta?: tf.Tensor1D;
}

export interface BatchNormAttrs {
  /** Axis of the channels, from 0. */
  axis: number;
  epsilon: number;
  statistics: 'batch' | 'moving';
}

/** Throws ShapeError for inputs that do not fit each other. */
export function checkBatchNorm(inputs: BatchNormInputs, {axis}: BatchNormAttrs): void {
  const {x} = inputs;
  if (x.rank < 2 || axis < 0 || axis >= x.rank) {
    throw new ShapeError(
      `batchNorm: axis must be one of x, of rank 2 or more; got axis ${axis} and x [${x.shape.join(', ')}].`,
    );
  }
  for (const name of ['mean', 'variance', 'gamma', 'beta'] as const) {
    const tensor = inputs[name];
    if (tensor) requireShape('batchNorm', name, tensor, [x.shape[axis]], '[C], C cells along axis');
  }
}

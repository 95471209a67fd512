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
import {checkNumber, FROM_ZERO, oneOf} from '../common/arguments.js';
import {ShapeError} from '../common/errors.js';
import {type ArgumentNames, checkArguments} from '../common/known_arguments.js';
import {checkTensor, checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape, showShape} from '../common/shapes.js';

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

const INPUTS = {
  required: {x: 'rank 2 or more', mean: '[C]', variance: '[C]'},
  optional: {gamma: '[C]', beta: '[C]'},
} satisfies InputShapes<BatchNormInputs>;

const ATTRIBUTES = {
  axis: true,
  epsilon: true,
  statistics: true,
} as const satisfies ArgumentNames<BatchNormAttrs>;

function checkAxis(operation: string, {rank, shape}: tf.Tensor, axis: number): void {
  if (rank >= 2 && Number.isInteger(axis) && axis >= 0 && axis < rank) return;
  throw new ShapeError(
    `${operation}: axis must be one of x, of rank 2 or more; got axis ${axis} and x ${showShape(shape)}.`,
  );
}

/** Throws ShapeError for an axis that x has not, ConfigError for what is no float32 tensor. */
export function checkBatchStatistics(x: tf.Tensor, axis: number): void {
  checkTensor('batchStatistics', 'x', x);
  checkAxis('batchStatistics', x, axis);
}

/** Throws ShapeError for inputs that do not fit each other, ConfigError for what is no float32 tensor or no attribute. */
export function checkBatchNorm(inputs: BatchNormInputs, attrs: BatchNormAttrs): void {
  checkTensors('batchNorm', inputs, INPUTS);
  checkArguments('batchNorm', attrs, ATTRIBUTES);
  const {x} = inputs;
  const {axis, epsilon, statistics} = attrs;
  checkAxis('batchNorm', x, axis);
  checkNumber('batchNorm', 'epsilon', epsilon, FROM_ZERO);
  oneOf('batchNorm', 'statistics', statistics, ['batch', 'moving']);
  for (const name of ['mean', 'variance', 'gamma', 'beta'] as const) {
    const tensor = inputs[name];
    if (tensor) requireShape('batchNorm', name, tensor, [x.shape[axis]], '[C], C cells along axis');
  }
}

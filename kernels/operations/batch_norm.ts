/** batchNorm, differentiable, on any backend. Formula, shapes and gradient: contracts/batch_norm. */
import type * as tf from '@tensorflow/tfjs-core';
import {batchNormComposed, batchNormGradComposed, batchStatisticsComposed} from '../composed/batch_norm.js';
import {
  type BatchNormAttrs,
  type BatchNormInputs,
  checkBatchNorm,
  checkBatchStatistics,
} from '../contracts/batch_norm.js';
import {differentiable} from '../differentiable.js';
import {dispatch} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta along one axis.
 *
 * @param inputs x of rank 2 or more with C cells along the axis; mean, variance and, where wanted, gamma, beta: [C].
 * @param attrs axis; epsilon; statistics: 'batch' where mean and variance are those of x, else 'moving'.
 * @returns The shape of x.
 * @throws ShapeError if the inputs do not fit each other.
 */
export function batchNorm(inputs: BatchNormInputs, attrs: BatchNormAttrs): tf.Tensor {
  checkBatchNorm(inputs, attrs);
  const {x, mean, variance, gamma, beta} = inputs;
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    save(gamma ? [x, mean, variance, gamma] : [x, mean, variance]);
    return dispatch('SwintBatchNorm', present(inputs), attrs, () => batchNormComposed(inputs, attrs))[0];
  };
  const backward = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const [savedX, savedMean, savedVariance, savedGamma] = saved as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D?,
    ];
    const gradInputs = {dy, x: savedX, mean: savedMean, variance: savedVariance, gamma: savedGamma};
    const grads = dispatch('SwintBatchNormGrad', present(gradInputs), attrs, () =>
      batchNormGradComposed(gradInputs, attrs),
    );
    return {x: () => grads[0], gamma: () => grads[1], beta: () => grads[2]};
  };
  return differentiable('batchNorm', present({x, gamma, beta}), forward, backward);
}

/**
 * Mean and biased variance of a batch along one axis, each [C]; constants to the tape.
 *
 * @param x Rank 2 or more.
 * @param axis Axis of the channels, from 0.
 */
export function batchStatistics(x: tf.Tensor, axis: number): {mean: tf.Tensor1D; variance: tf.Tensor1D} {
  checkBatchStatistics(x, axis);
  const [mean, variance] = dispatch('SwintBatchStatistics', {x}, {axis}, () =>
    batchStatisticsComposed(x, axis),
  );
  return {mean, variance};
}

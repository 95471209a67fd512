/**
 * layerNorm: normalises the last axis; with what follows it where it closes a residual branch (post-norm).
 *
 *   y = s[b] * ((x - mean) / sqrt(var + epsilon) * gamma + beta) + r
 *
 *   x      [..., C], [B, ...] with s
 *   gamma  [C]
 *   beta   [C]
 *   residual r     that of x, optional
 *   sampleScale s  [B], optional: one factor per sample, as drop-path needs it
 *
 * mean and var are taken over C; var is biased (divided by C) and computed from x - mean, never as E[x^2] - E[x]^2.
 *
 * Gradient, with h = (x - mean) / sqrt(var + epsilon), u = s dy and g = u * gamma:
 *
 *   dx = (g - mean(g) - h mean(g h)) / sqrt(var + epsilon),  dgamma = sum of u h,  dbeta = sum of u,  dr = dy;
 *   s is a constant and gets none.
 *
 * A kernel returns y and, with the attribute save, mean and 1 / sqrt(var + epsilon) of every row [M, 1] for the gradient.
 *
 * Source: Ba, Kiros & Hinton 2016, "Layer Normalization".
 */
import type * as tf from '@tensorflow/tfjs-core';
import {checkNumber, FROM_ZERO} from '../common/arguments.js';
import {type ArgumentNames, checkArguments} from '../common/known_arguments.js';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape} from '../common/shapes.js';

export interface LayerNormInputs {
  x: tf.Tensor;
  gamma: tf.Tensor1D;
  beta: tf.Tensor1D;
  residual?: tf.Tensor;
  sampleScale?: tf.Tensor1D;
}

export interface LayerNormAttrs {
  epsilon: number;
}

const INPUTS = {
  required: {x: '[..., C]', gamma: '[C]', beta: '[C]'},
  optional: {residual: 'the shape of x', sampleScale: '[B]'},
} satisfies InputShapes<LayerNormInputs>;

/** Throws ShapeError for inputs that do not fit each other, ConfigError for what is no float32 tensor or no attribute. */
export function checkLayerNorm(inputs: LayerNormInputs, attrs: LayerNormAttrs): void {
  checkTensors('layerNorm', inputs, INPUTS);
  checkArguments('layerNorm', attrs, {epsilon: true} satisfies ArgumentNames<LayerNormAttrs>);
  checkNumber('layerNorm', 'epsilon', attrs.epsilon, FROM_ZERO);
  const {x, gamma, beta, residual, sampleScale} = inputs;
  const channels = x.shape[x.rank - 1] ?? 0;
  requireShape('layerNorm', 'gamma', gamma, [channels], '[C], C the last axis of x');
  requireShape('layerNorm', 'beta', beta, [channels], '[C], C the last axis of x');
  if (residual) requireShape('layerNorm', 'residual', residual, x.shape, 'that of x');
  if (sampleScale) requireShape('layerNorm', 'sampleScale', sampleScale, [x.shape[0]], '[B]');
}

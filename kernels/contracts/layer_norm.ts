/**
 * layerNorm: normalises the last axis.
 *
 *   y = (x - mean) / sqrt(var + epsilon) * gamma + beta
 *
 *   x      [..., C]
 *   gamma  [C]
 *   beta   [C]
 *
 * mean and var are taken over C; var is biased (divided by C) and computed from x - mean, never as E[x^2] - E[x]^2.
 *
 * Gradient, with h = (x - mean) / sqrt(var + epsilon) and g = dy * gamma:
 *
 *   dx = (g - mean(g) - h mean(g h)) / sqrt(var + epsilon),  dgamma = sum of dy h,  dbeta = sum of dy.
 *
 * Source: Ba, Kiros & Hinton 2016, "Layer Normalization".
 */
import type * as tf from '@tensorflow/tfjs-core';
import {requireShape} from './shapes.js';

export interface LayerNormInputs {
  x: tf.Tensor;
  gamma: tf.Tensor1D;
  beta: tf.Tensor1D;
}

export interface LayerNormAttrs {
  epsilon: number;
}

/** Throws ShapeError for inputs that do not fit each other. */
export function checkLayerNorm({x, gamma, beta}: LayerNormInputs): void {
  const channels = x.shape[x.rank - 1] ?? 0;
  requireShape('layerNorm', 'gamma', gamma, [channels], '[C], C the last axis of x');
  requireShape('layerNorm', 'beta', beta, [channels], '[C], C the last axis of x');
}

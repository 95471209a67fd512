/**
 * linear: a dense layer over the last axis, with everything that usually follows it.
 *
 *   y = s[b] * f(x W + b) + r
 *
 *   x         [B, ..., Cin]
 *   weight W  [Cin, Cout]
 *   bias b    [Cout], optional
 *   residual r   [B, ..., Cout], optional
 *   sampleScale s [B], optional: one factor per sample, as drop-path needs it
 *   f         identity or exact GELU: z * Phi(z) = z/2 (1 + erf(z / sqrt 2))
 *
 * Gradient, with z = x W + b and g = s dy f'(z), f'(z) = Phi(z) + z phi(z) for GELU:
 *
 *   dx = g W^T,  dW = x^T g,  db = sum over rows of g,  dr = dy;  s is a constant and gets none.
 *
 * A kernel returns y and, with the attribute save and GELU, z [M, Cout] for the gradient.
 *
 * Source: Hendrycks & Gimpel 2016 (GELU); Huang et al. 2016 (stochastic depth) for s.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {oneOf} from '../common/arguments.js';
import {type ArgumentNames, checkArguments} from '../common/known_arguments.js';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape} from '../common/shapes.js';

export interface LinearInputs {
  x: tf.Tensor;
  weight: tf.Tensor2D;
  bias?: tf.Tensor1D;
  residual?: tf.Tensor;
  sampleScale?: tf.Tensor1D;
}

export interface LinearAttrs {
  activation: 'none' | 'gelu';
}

const INPUTS = {
  required: {x: '[B, ..., Cin]', weight: '[Cin, Cout]'},
  optional: {bias: '[Cout]', residual: '[B, ..., Cout]', sampleScale: '[B]'},
} satisfies InputShapes<LinearInputs>;

/** Throws ShapeError for inputs that do not fit each other, ConfigError for what is no float32 tensor or no attribute. */
export function checkLinear(inputs: LinearInputs, attrs: LinearAttrs): void {
  checkTensors('linear', inputs, INPUTS);
  checkArguments('linear', attrs, {activation: true} satisfies ArgumentNames<LinearAttrs>);
  oneOf('linear', 'activation', attrs.activation, ['none', 'gelu']);
  const {x, weight, bias, residual, sampleScale} = inputs;
  const channels = x.shape[x.rank - 1] ?? 0;
  requireShape('linear', 'weight', weight, [channels, null], '[Cin, Cout], Cin the last axis of x');
  const units = weight.shape[1];
  if (bias) requireShape('linear', 'bias', bias, [units], '[Cout]');
  if (residual) requireShape('linear', 'residual', residual, [...x.shape.slice(0, -1), units], 'that of y');
  if (sampleScale) requireShape('linear', 'sampleScale', sampleScale, [x.shape[0]], '[B]');
}

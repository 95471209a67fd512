/**
 * depthwiseConvolution: a 3x3 convolution of each channel by itself, with stride 1 and zeros around the map.
 *
 *   y[b, i, j, c] = bias[c] + sum over k, l of x[b, i + k - 1, j + l - 1, c] W[k, l, c]  (+ x[b, i, j, c])  (+ a[b, i, j, c])
 *
 *   x, y      [B, H, W, C]
 *   weight W  [3, 3, C, 1], as tfjs's depthwiseConv2d has it
 *   bias      [C], optional
 *   addend a  [B, H, W, C], optional
 *   residual  whether x itself is added
 *
 * Cells outside of the map have no term: a weight that only they meet may be NaN.
 *
 * Gradient:
 *
 *   dx[b, i, j, c] = sum over k, l of dy[b, i - k + 1, j - l + 1, c] W[k, l, c]  (+ dy[b, i, j, c]),
 *   dW[k, l, c] = sum over b, i, j of x[b, i + k - 1, j + l - 1, c] dy[b, i, j, c],  dbias = sum over cells of dy,  da = dy.
 *
 * It brings into a Swin block what attention lacks: Chu et al. 2021, "Conditional Positional Encodings for Vision
 * Transformers" (before attention); Dong et al. 2022, "CSWin Transformer" (on the values, LePE); Yuan et al. 2021, "Incorporating
 * Convolution Designs into Visual Transformers" (in the MLP, LeFF).
 */
import type * as tf from '@tensorflow/tfjs-core';
import {flag} from '../common/arguments.js';
import {type ArgumentNames, checkArguments} from '../common/known_arguments.js';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape} from '../common/shapes.js';

export interface DepthwiseConvolutionInputs {
  x: tf.Tensor4D;
  weight: tf.Tensor4D;
  bias?: tf.Tensor1D;
  addend?: tf.Tensor4D;
}

export interface DepthwiseConvolutionAttrs {
  /** Whether x is added to the result. */
  residual: boolean;
}

const INPUTS = {
  required: {x: '[B, H, W, C]', weight: '[3, 3, C, 1]'},
  optional: {bias: '[C]', addend: '[B, H, W, C]'},
} satisfies InputShapes<DepthwiseConvolutionInputs>;

const ATTRIBUTES = {residual: true} as const satisfies ArgumentNames<DepthwiseConvolutionAttrs>;

/** Throws ShapeError for inputs that do not fit each other, ConfigError for what is no float32 tensor or no attribute. */
export function checkDepthwiseConvolution(
  inputs: DepthwiseConvolutionInputs,
  attrs: DepthwiseConvolutionAttrs,
): void {
  const who = 'depthwiseConvolution';
  checkTensors(who, inputs, INPUTS);
  checkArguments(who, attrs, ATTRIBUTES);
  flag(who, 'residual', attrs.residual, false);
  const {x, weight, bias, addend} = inputs;
  requireShape(who, 'x', x, [null, null, null, null], '[B, H, W, C]');
  const channels = x.shape[3];
  requireShape(who, 'weight', weight, [3, 3, channels, 1], '[3, 3, C, 1]');
  if (bias) requireShape(who, 'bias', bias, [channels], '[C]');
  if (addend) requireShape(who, 'addend', addend, x.shape, 'that of x');
}

/**
 * gelu: the Gaussian error linear unit, exact, of any tensor.
 *
 *   y = x Phi(x) = x/2 (1 + erf(x / sqrt 2)),   dx = dy (Phi(x) + x phi(x))
 *
 * Phi and phi are distribution function and density of the standard normal. x and y have one shape.
 *
 * Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".
 */
import type * as tf from '@tensorflow/tfjs-core';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';

export interface GeluInputs {
  x: tf.Tensor;
}

const INPUTS = {required: {x: '[...]'}, optional: {}} satisfies InputShapes<GeluInputs>;

/** Throws ConfigError for an input that is no float32 tensor. */
export function checkGelu(inputs: GeluInputs): void {
  checkTensors('gelu', inputs, INPUTS);
}

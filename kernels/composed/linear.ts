/** linear and its gradient from stock tfjs operations. Contract: contracts/linear. */
import * as tf from '@tensorflow/tfjs-core';
import type {LinearAttrs, LinearInputs} from '../contracts/linear.js';
import {asRows, matMul2d, sumRows} from './mat_mul.js';
import {scaleSamples} from './scale_samples.js';

/** Standard normal distribution function: Phi(z) = (1 + erf(z / sqrt 2)) / 2. */
function normalCdf(z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.add(tf.erf(tf.mul(z, Math.SQRT1_2)), 1), 0.5));
}

/** Forward. Returns y, and for GELU also what its gradient needs: z = x W + b [M, Cout]. */
export function linearComposed(inputs: LinearInputs, {activation}: LinearAttrs): tf.Tensor[] {
  const {x, weight, bias, residual, sampleScale} = inputs;
  const z = tf.fused.matMul({a: asRows(x), b: weight, bias});
  const gelu = activation === 'gelu';
  const y = tf.tidy(() => {
    let result: tf.Tensor = gelu ? tf.mul(z, normalCdf(z)) : z;
    result = tf.reshape(result, [...x.shape.slice(0, -1), weight.shape[1]]);
    if (sampleScale) result = scaleSamples(result, sampleScale);
    return residual ? tf.add(result, residual) : result;
  });
  return gelu ? [y, z] : [y];
}

/** Derivative of GELU: Phi(z) + z phi(z), phi the standard normal density. */
function geluDerivative(z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const density = tf.mul(tf.exp(tf.mul(tf.square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.add(normalCdf(z), tf.mul(z, density));
  });
}

export interface LinearGradOutputInputs {
  dy: tf.Tensor;
  sampleScale?: tf.Tensor1D;
  /** For GELU: x W + b. */
  z?: tf.Tensor;
}

/** g = s dy f'(z) as a matrix [M, Cout]: what dx, dW and db are made of. */
export function linearGradOutput({dy, sampleScale, z}: LinearGradOutputInputs): tf.Tensor2D {
  return tf.tidy(() => {
    const g = asRows(sampleScale ? scaleSamples(dy, sampleScale) : dy);
    return z ? tf.mul(g, geluDerivative(z)) : g;
  });
}

/** dx = g W^T, in the shape of x. */
export function linearGradX(g: tf.Tensor2D, weight: tf.Tensor2D, shape: number[]): tf.Tensor {
  return tf.tidy(() => tf.reshape(matMul2d(g, weight, false, true), shape));
}

/** dW = x^T g. */
export function linearGradWeight(g: tf.Tensor2D, x: tf.Tensor): tf.Tensor2D {
  return tf.tidy(() => matMul2d(asRows(x), g, true, false));
}

/** db = sum over rows of g. */
export function linearGradBias(g: tf.Tensor2D): tf.Tensor1D {
  return sumRows(g);
}

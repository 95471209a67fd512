/** linear and its gradient from stock tfjs operations. Contract: contracts/linear. */
import * as tf from '@tensorflow/tfjs-core';
import type {LinearAttrs, LinearInputs} from '../contracts/linear.js';
import {geluComposed, geluDerivative} from './gelu.js';
import {asRows, matMul2d, sumRows} from './mat_mul.js';
import {scaleSamples} from './scale_samples.js';

/** Forward. Returns y, and for GELU also what its gradient needs: z = x W + b [M, Cout]. */
export function linearComposed(inputs: LinearInputs, {activation}: LinearAttrs): tf.Tensor[] {
  const {x, weight, bias, residual, sampleScale} = inputs;
  const z = tf.fused.matMul({a: asRows(x), b: weight, bias});
  const gelu = activation === 'gelu';
  const y = tf.tidy(() => {
    let result: tf.Tensor = gelu ? geluComposed(z) : z;
    result = tf.reshape(result, [...x.shape.slice(0, -1), weight.shape[1]]);
    if (sampleScale) result = scaleSamples(result, sampleScale);
    return residual ? tf.add(result, residual) : result;
  });
  return gelu ? [y, z] : [y];
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

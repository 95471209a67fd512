/** linear and its gradient, plainly, in float64. Contract: contracts/linear. For tests only. */
import type {LinearAttrs} from '../contracts/linear.js';
import {type NdArray, zeros} from './array.js';
import {geluDerivativeOf, geluOf} from './gelu.js';

export interface LinearArrays {
  x: NdArray;
  weight: NdArray;
  bias?: NdArray;
  residual?: NdArray;
  sampleScale?: NdArray;
}

/** x W + b, [M, Cout]. */
function preActivation({x, weight, bias}: LinearArrays): NdArray {
  const [channels, units] = weight.shape;
  const rows = x.data.length / channels;
  const z = zeros([rows, units]);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < units; n++) {
      let sum = bias ? bias.data[n] : 0;
      for (let k = 0; k < channels; k++) sum += x.data[m * channels + k] * weight.data[k * units + n];
      z.data[m * units + n] = sum;
    }
  }
  return z;
}

/** Forward. */
export function linearReference(arrays: LinearArrays, {activation}: LinearAttrs): NdArray {
  const {x, weight, residual, sampleScale} = arrays;
  const z = preActivation(arrays);
  const y = zeros([...x.shape.slice(0, -1), weight.shape[1]]);
  const perSample = y.data.length / x.shape[0];
  for (let i = 0; i < y.data.length; i++) {
    const f = activation === 'gelu' ? geluOf(z.data[i]) : z.data[i];
    const scale = sampleScale ? sampleScale.data[Math.floor(i / perSample)] : 1;
    y.data[i] = scale * f + (residual ? residual.data[i] : 0);
  }
  return y;
}

/** Gradients of x, weight, bias and residual. */
export function linearGradReference(arrays: LinearArrays, {activation}: LinearAttrs, dy: NdArray) {
  const {x, weight, sampleScale} = arrays;
  const [channels, units] = weight.shape;
  const z = preActivation(arrays);
  const g = zeros(z.shape);
  const perSample = dy.data.length / x.shape[0];
  for (let i = 0; i < g.data.length; i++) {
    const scale = sampleScale ? sampleScale.data[Math.floor(i / perSample)] : 1;
    g.data[i] = scale * dy.data[i] * (activation === 'gelu' ? geluDerivativeOf(z.data[i]) : 1);
  }
  const dx = zeros(x.shape);
  const dWeight = zeros(weight.shape);
  const dBias = zeros([units]);
  for (let m = 0; m < z.shape[0]; m++) {
    for (let n = 0; n < units; n++) {
      const gradient = g.data[m * units + n];
      dBias.data[n] += gradient;
      for (let k = 0; k < channels; k++) {
        dx.data[m * channels + k] += gradient * weight.data[k * units + n];
        dWeight.data[k * units + n] += gradient * x.data[m * channels + k];
      }
    }
  }
  return {x: dx, weight: dWeight, bias: dBias, residual: dy};
}

/** layerNorm and its gradient, plainly, in float64. Contract: contracts/layer_norm. For tests only. */
import type {LayerNormAttrs} from '../contracts/layer_norm.js';
import {type NdArray, zeros} from './array.js';

export interface LayerNormArrays {
  x: NdArray;
  gamma: NdArray;
  beta: NdArray;
}

/** h = (x - mean) / sqrt(var + epsilon) and the 1 / sqrt(var + epsilon) of each row. */
function normalise(x: NdArray, channels: number, epsilon: number): {h: Float64Array; inverse: Float64Array} {
  const rows = x.data.length / channels;
  const h = new Float64Array(x.data.length);
  const inverse = new Float64Array(rows);
  for (let m = 0; m < rows; m++) {
    const row = x.data.subarray(m * channels, (m + 1) * channels);
    const mean = row.reduce((a, b) => a + b, 0) / channels;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / channels;
    inverse[m] = 1 / Math.sqrt(variance + epsilon);
    for (let c = 0; c < channels; c++) h[m * channels + c] = (row[c] - mean) * inverse[m];
  }
  return {h, inverse};
}

/** Forward. */
export function layerNormReference({x, gamma, beta}: LayerNormArrays, {epsilon}: LayerNormAttrs): NdArray {
  const channels = gamma.data.length;
  const {h} = normalise(x, channels, epsilon);
  const y = zeros(x.shape);
  for (let i = 0; i < h.length; i++) y.data[i] = h[i] * gamma.data[i % channels] + beta.data[i % channels];
  return y;
}

/** Gradients of x, gamma and beta. */
export function layerNormGradReference({x, gamma}: LayerNormArrays, {epsilon}: LayerNormAttrs, dy: NdArray) {
  const channels = gamma.data.length;
  const {h, inverse} = normalise(x, channels, epsilon);
  const dx = zeros(x.shape);
  const dGamma = zeros([channels]);
  const dBeta = zeros([channels]);
  for (let m = 0; m < inverse.length; m++) {
    let meanG = 0;
    let meanGh = 0;
    for (let c = 0; c < channels; c++) {
      const i = m * channels + c;
      const g = dy.data[i] * gamma.data[c];
      meanG += g / channels;
      meanGh += (g * h[i]) / channels;
      dGamma.data[c] += dy.data[i] * h[i];
      dBeta.data[c] += dy.data[i];
    }
    for (let c = 0; c < channels; c++) {
      const i = m * channels + c;
      dx.data[i] = (dy.data[i] * gamma.data[c] - meanG - h[i] * meanGh) * inverse[m];
    }
  }
  return {x: dx, gamma: dGamma, beta: dBeta};
}

/** layerNorm and its gradient, plainly, in float64. Contract: contracts/layer_norm. For tests only. */
import type {LayerNormAttrs} from '../contracts/layer_norm.js';
import {type NdArray, zeros} from './array.js';

export interface LayerNormArrays {
  x: NdArray;
  gamma: NdArray;
  beta: NdArray;
  residual?: NdArray;
  sampleScale?: NdArray;
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

/** The factor of element i of x. */
function scaleOf({x, sampleScale}: LayerNormArrays, i: number): number {
  if (!sampleScale) return 1;
  return sampleScale.data[Math.floor(i / (x.data.length / sampleScale.data.length))];
}

/** Forward. */
export function layerNormReference(arrays: LayerNormArrays, {epsilon}: LayerNormAttrs): NdArray {
  const {x, gamma, beta, residual} = arrays;
  const channels = gamma.data.length;
  const {h} = normalise(x, channels, epsilon);
  const y = zeros(x.shape);
  for (let i = 0; i < h.length; i++) {
    const normalised = h[i] * gamma.data[i % channels] + beta.data[i % channels];
    y.data[i] = scaleOf(arrays, i) * normalised + (residual ? residual.data[i] : 0);
  }
  return y;
}

/** Gradients of x, gamma and beta, and of the residual where there is one. */
export function layerNormGradReference(arrays: LayerNormArrays, {epsilon}: LayerNormAttrs, dy: NdArray) {
  const {x, gamma, residual} = arrays;
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
      const u = scaleOf(arrays, i) * dy.data[i];
      const g = u * gamma.data[c];
      meanG += g / channels;
      meanGh += (g * h[i]) / channels;
      dGamma.data[c] += u * h[i];
      dBeta.data[c] += u;
    }
    for (let c = 0; c < channels; c++) {
      const i = m * channels + c;
      const g = scaleOf(arrays, i) * dy.data[i] * gamma.data[c];
      dx.data[i] = (g - meanG - h[i] * meanGh) * inverse[m];
    }
  }
  return {x: dx, gamma: dGamma, beta: dBeta, ...(residual ? {residual: dy} : {})};
}

/** batchNorm and its gradient, plainly, in float64. Contract: contracts/batch_norm. For tests only. */
import type {BatchNormAttrs} from '../contracts/batch_norm.js';
import {type NdArray, sizeOf, zeros} from './array.js';

export interface BatchNormArrays {
  x: NdArray;
  mean: NdArray;
  variance: NdArray;
  gamma?: NdArray;
  beta?: NdArray;
}

/** The channel of cell i of a tensor. */
function channelOf(shape: readonly number[], axis: number): (i: number) => number {
  const inner = sizeOf(shape.slice(axis + 1));
  return (i) => Math.floor(i / inner) % shape[axis];
}

/** Mean and biased variance along an axis. */
export function batchStatisticsReference(x: NdArray, axis: number): {mean: NdArray; variance: NdArray} {
  const channel = channelOf(x.shape, axis);
  const mean = zeros([x.shape[axis]]);
  const variance = zeros([x.shape[axis]]);
  const cells = x.data.length / x.shape[axis];
  for (let i = 0; i < x.data.length; i++) mean.data[channel(i)] += x.data[i] / cells;
  for (let i = 0; i < x.data.length; i++) {
    variance.data[channel(i)] += (x.data[i] - mean.data[channel(i)]) ** 2 / cells;
  }
  return {mean, variance};
}

/** Forward. */
export function batchNormReference(arrays: BatchNormArrays, {axis, epsilon}: BatchNormAttrs): NdArray {
  const {x, mean, variance, gamma, beta} = arrays;
  const channel = channelOf(x.shape, axis);
  const y = zeros(x.shape);
  for (let i = 0; i < x.data.length; i++) {
    const c = channel(i);
    const h = (x.data[i] - mean.data[c]) / Math.sqrt(variance.data[c] + epsilon);
    y.data[i] = h * (gamma ? gamma.data[c] : 1) + (beta ? beta.data[c] : 0);
  }
  return y;
}

/** Gradients of x, gamma and beta. */
export function batchNormGradReference(arrays: BatchNormArrays, attrs: BatchNormAttrs, dy: NdArray) {
  const {x, mean, variance, gamma} = arrays;
  const channel = channelOf(x.shape, attrs.axis);
  const channels = x.shape[attrs.axis];
  const cells = x.data.length / channels;
  const dx = zeros(x.shape);
  const dGamma = zeros([channels]);
  const dBeta = zeros([channels]);
  const h = batchNormReference({x, mean, variance}, attrs).data;
  for (let i = 0; i < h.length; i++) {
    dGamma.data[channel(i)] += dy.data[i] * h[i];
    dBeta.data[channel(i)] += dy.data[i];
  }
  for (let i = 0; i < h.length; i++) {
    const c = channel(i);
    const inner =
      attrs.statistics === 'batch'
        ? dy.data[i] - dBeta.data[c] / cells - (h[i] * dGamma.data[c]) / cells
        : dy.data[i];
    dx.data[i] = ((gamma ? gamma.data[c] : 1) * inner) / Math.sqrt(variance.data[c] + attrs.epsilon);
  }
  return {x: dx, gamma: dGamma, beta: dBeta};
}

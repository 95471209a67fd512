/** f(x + bias) in float64, f one of the activations that tfjs joins to products and convolutions. */
import type {NdArray} from '../../../kernels/reference/array.js';
import type {Expected} from '../fuzz_case.js';
import {broadcastAt, cellsOf, type Sums} from './sums.js';

export const ACTIVATIONS = ['linear', 'relu', 'relu6', 'elu', 'leakyrelu', 'prelu', 'sigmoid'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

export interface EpilogueArrays {
  bias?: NdArray;
  activation: Activation;
  leakyreluAlpha: number;
  /** The slopes of prelu. */
  alpha?: NdArray;
}

function activate(x: number, activation: Activation, slope: number): number {
  switch (activation) {
    case 'linear':
      return x;
    case 'relu':
      return Math.max(x, 0);
    case 'relu6':
      return Math.min(Math.max(x, 0), 6);
    case 'elu':
      return x >= 0 ? x : Math.expm1(x);
    case 'sigmoid':
      return 1 / (1 + Math.exp(-x));
    default:
      return x >= 0 ? x : slope * x;
  }
}

/** The error of f is at most that of its argument, times the slope; exp adds some of its own. */
export function followedBy(sums: Sums, {bias, activation, leakyreluAlpha, alpha}: EpilogueArrays): Expected {
  const values = new Float64Array(sums.values.length);
  const scale = new Float64Array(values.length);
  for (const [cell, at] of cellsOf(sums.shape)) {
    const added = bias ? broadcastAt(bias, at) : 0;
    const slope = activation === 'prelu' && alpha ? broadcastAt(alpha, at) : leakyreluAlpha;
    values[cell] = activate(sums.values[cell] + added, activation, slope);
    const exponential = activation === 'elu' || activation === 'sigmoid' ? 1 : 0;
    scale[cell] = (sums.scale[cell] + Math.abs(added)) * Math.max(1, Math.abs(slope)) + exponential;
  }
  return {shape: sums.shape, dtype: 'float32', values, scale};
}

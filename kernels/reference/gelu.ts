/** Exact GELU and its derivative, plainly, in float64. Contract: contracts/gelu. For tests only. */
import {type NdArray, ndArray} from './array.js';
import {erf} from './erf.js';

/** GELU of a number. */
export function geluOf(z: number): number {
  return 0.5 * z * (1 + erf(z * Math.SQRT1_2));
}

/** Its derivative. */
export function geluDerivativeOf(z: number): number {
  return 0.5 * (1 + erf(z * Math.SQRT1_2)) + (z * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
}

/** Forward. */
export function geluReference(x: NdArray): NdArray {
  return ndArray(x.shape, Array.from(x.data, geluOf));
}

/** Gradient of x. */
export function geluGradReference(x: NdArray, dy: NdArray): NdArray {
  return ndArray(
    x.shape,
    Array.from(x.data, (z, i) => dy.data[i] * geluDerivativeOf(z)),
  );
}

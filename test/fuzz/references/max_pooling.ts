/**
 * Max pooling and its gradient in float64.
 *
 *     y[b, p, q, c] = max over i, j of x[b, p sh + i - top, q sw + j - left, c]
 *
 * x [B, H, W, C], y [B, OH, OW, C]. Cells outside of x have no part. dy goes to the first of equal maxima, row by row.
 */
import type {NdArray} from '../../../kernels/reference/array.js';
import {type ConvolutionCase, eachWindow, outputCells} from './convolution.js';
import {Sums} from './sums.js';

/** Windows are those of a depthwise convolution with one filter of their size. */
export type PoolingCase = ConvolutionCase;

/** [B, OH, OW, C] */
export function pooledShape(one: PoolingCase): [number, number, number, number] {
  return [one.input[0], ...outputCells(one), one.input[3]];
}

/** Where in x the maximum of each number of y lies; -1 where a window has no cell of x. */
function places(one: PoolingCase, {data}: NdArray): Int32Array {
  const found = new Int32Array(pooledShape(one).reduce((a, b) => a * b, 1)).fill(-1);
  const channels = one.input[3];
  eachWindow(one, (x, _, y) => {
    for (let c = 0; c < channels; c++) {
      if (found[y + c] < 0 || data[x + c] > data[found[y + c]]) found[y + c] = x + c;
    }
  });
  return found;
}

/** Minus infinity where a window has no cell of x. */
export function pooled(one: PoolingCase, x: NdArray): Float64Array {
  return Float64Array.from(places(one, x), (place) => (place < 0 ? -Infinity : x.data[place]));
}

export function poolingGradient(one: PoolingCase, x: NdArray, dy: NdArray): Sums {
  const sums = new Sums(one.input);
  for (const [i, place] of places(one, x).entries()) {
    if (place >= 0) sums.add(place, dy.data[i]);
  }
  return sums;
}

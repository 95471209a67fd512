/**
 * conv2d, depthwiseConv2d and their gradients in float64, from one list of terms.
 *
 *     y[b, p, q, d] = sum over i, j, c of x[b, p sh + i dh - top, q sw + j dw - left, c] W[i, j, c, d]
 *
 * x [B, H, W, Cin], W [KH, KW, Cin, Cout], y [B, OH, OW, Cout]; depthwise W [KH, KW, C, M], y [B, OH, OW, C M].
 */
import {Sums} from './sums.js';

type Pair = [number, number];
type Shape4D = [number, number, number, number];
export type Rounding = 'floor' | 'round' | 'ceil' | undefined;

export interface ConvolutionCase {
  input: Shape4D;
  filter: Shape4D;
  strides: Pair;
  dilations: Pair;
  /** Of the rows and the columns, cells before and after; or one number for all four. */
  pad: 'same' | 'valid' | number | [Pair, Pair];
  rounding: Rounding;
  depthwise: boolean;
}

const reach = (taps: number, dilation: number) => (taps - 1) * dilation + 1;

/** Rows and columns of y; below 0 where the filter does not fit. As tfjs, whose padding by one number reads the filter's height. */
export function outputCells(one: ConvolutionCase): Pair {
  const {input, filter, strides, dilations, pad, rounding} = one;
  const round = {floor: Math.floor, round: Math.round, ceil: Math.ceil, trunc: Math.trunc}[
    rounding ?? 'trunc'
  ];
  return [0, 1].map((axis) => {
    const [size, stride] = [input[axis + 1], strides[axis]];
    const taps = reach(filter[axis], dilations[axis]);
    if (pad === 'same') return Math.ceil(size / stride);
    if (pad === 'valid') return Math.ceil((size - taps + 1) / stride) + 0;
    if (typeof pad === 'number') {
      return round((size - reach(filter[0], dilations[0]) + 2 * pad) / strides[0] + 1) + 0;
    }
    return round((size - taps + pad[axis][0] + pad[axis][1]) / stride + 1) + 0;
  }) as Pair;
}

/** Cells before the first row and the first column. */
function cellsBefore(one: ConvolutionCase, out: Pair): Pair {
  const {input, filter, strides, dilations, pad} = one;
  return [0, 1].map((axis) => {
    if (pad === 'valid') return 0;
    if (typeof pad === 'number') return pad;
    if (pad !== 'same') return pad[axis][0];
    const along = (out[axis] - 1) * strides[axis] + reach(filter[axis], dilations[axis]) - input[axis + 1];
    return Math.floor(Math.max(0, along) / 2);
  }) as Pair;
}

/**
 * Calls `visit` for every cell of a window that lies in x, window by window and row by row: with the first channels of the
 * cells of x, W and y.
 */
export function eachWindow(one: ConvolutionCase, visit: (x: number, w: number, y: number) => void): void {
  const {input, filter, strides, dilations, depthwise} = one;
  const [batch, height, width, inChannels] = input;
  const [tapRows, tapColumns, , last] = filter;
  const out = outputCells(one);
  const before = cellsBefore(one, out);
  const channels = depthwise ? inChannels * last : last;
  for (let b = 0; b < batch; b++) {
    for (let p = 0; p < out[0]; p++) {
      for (let q = 0; q < out[1]; q++) {
        const y = ((b * out[0] + p) * out[1] + q) * channels;
        for (let i = 0; i < tapRows; i++) {
          const row = p * strides[0] + i * dilations[0] - before[0];
          if (row < 0 || row >= height) continue;
          for (let j = 0; j < tapColumns; j++) {
            const column = q * strides[1] + j * dilations[1] - before[1];
            if (column < 0 || column >= width) continue;
            const x = ((b * height + row) * width + column) * inChannels;
            visit(x, (i * tapColumns + j) * inChannels * last, y);
          }
        }
      }
    }
  }
}

/** Calls `visit` with the places in x, W and y of every term. */
function eachTerm(one: ConvolutionCase, visit: (x: number, w: number, y: number) => void): void {
  const {depthwise} = one;
  const [, , channels, last] = one.filter;
  eachWindow(one, (x, w, y) => {
    for (let c = 0; c < channels; c++) {
      for (let d = 0; d < last; d++) visit(x + c, w + c * last + d, y + (depthwise ? c * last : 0) + d);
    }
  });
}

/** [B, OH, OW, Cout] */
export function outputShape(one: ConvolutionCase): Shape4D {
  const [, , channels, last] = one.filter;
  return [one.input[0], ...outputCells(one), one.depthwise ? channels * last : last];
}

type Values = ArrayLike<number>;

export function convolved(one: ConvolutionCase, x: Values, w: Values): Sums {
  const sums = new Sums(outputShape(one));
  eachTerm(one, (atX, atW, atY) => sums.add(atY, x[atX] * w[atW]));
  return sums;
}

export function inputGradient(one: ConvolutionCase, dy: Values, w: Values): Sums {
  const sums = new Sums(one.input);
  eachTerm(one, (atX, atW, atY) => sums.add(atX, dy[atY] * w[atW]));
  return sums;
}

export function filterGradient(one: ConvolutionCase, dy: Values, x: Values): Sums {
  const sums = new Sums(one.filter);
  eachTerm(one, (atX, atW, atY) => sums.add(atW, dy[atY] * x[atX]));
  return sums;
}

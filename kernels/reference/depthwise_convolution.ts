/** depthwiseConvolution and its gradient, plainly, in float64. Contract: contracts/depthwise_convolution. For tests only. */
import type {DepthwiseConvolutionAttrs} from '../contracts/depthwise_convolution.js';
import {type NdArray, zeros} from './array.js';

export interface DepthwiseConvolutionArrays {
  x: NdArray;
  weight: NdArray;
  bias?: NdArray;
  addend?: NdArray;
}

/** Calls `visit` with the places in y, x and W of every product. */
function eachProduct(shape: readonly number[], visit: (to: number, from: number, tap: number) => void): void {
  const [batch, height, width, channels] = shape;
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++)
        for (let k = 0; k < 3; k++)
          for (let l = 0; l < 3; l++) {
            const [row, column] = [i + k - 1, j + l - 1];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let c = 0; c < channels; c++) {
              const to = ((b * height + i) * width + j) * channels + c;
              const from = ((b * height + row) * width + column) * channels + c;
              visit(to, from, (3 * k + l) * channels + c);
            }
          }
}

/** Forward. */
export function depthwiseConvolutionReference(
  {x, weight, bias, addend}: DepthwiseConvolutionArrays,
  {residual}: DepthwiseConvolutionAttrs,
): NdArray {
  const channels = x.shape[3];
  const y = zeros(x.shape);
  for (let at = 0; at < y.data.length; at++) {
    y.data[at] =
      (bias ? bias.data[at % channels] : 0) + (residual ? x.data[at] : 0) + (addend ? addend.data[at] : 0);
  }
  eachProduct(x.shape, (to, from, tap) => {
    y.data[to] += x.data[from] * weight.data[tap];
  });
  return y;
}

/** Gradients of x and weight, and of bias and addend where they are given. */
export function depthwiseConvolutionGradReference(
  {x, weight, bias, addend}: DepthwiseConvolutionArrays,
  {residual}: DepthwiseConvolutionAttrs,
  dy: NdArray,
) {
  const channels = x.shape[3];
  const dx = zeros(x.shape);
  const dWeight = zeros(weight.shape);
  const dBias = zeros([channels]);
  for (let at = 0; at < dy.data.length; at++) {
    dBias.data[at % channels] += dy.data[at];
    if (residual) dx.data[at] = dy.data[at];
  }
  eachProduct(x.shape, (to, from, tap) => {
    dx.data[from] += dy.data[to] * weight.data[tap];
    dWeight.data[tap] += dy.data[to] * x.data[from];
  });
  return {x: dx, weight: dWeight, ...(bias ? {bias: dBias} : {}), ...(addend ? {addend: dy} : {})};
}

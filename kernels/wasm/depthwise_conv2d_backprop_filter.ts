/**
 * DepthwiseConv2dNativeBackpropFilter for the wasm backend, which has none: the gradient of depthwiseConv2d with
 * respect to its filter.
 *
 *     dW[kh, kw, c, m] = sum over b, oh, ow of
 *         x[b, oh*sh + kh*dh - top, ow*sw + kw*dw - left, c] * dy[b, oh, ow, c*M + m]
 *
 * x [B, H, W, C], dy [B, OH, OW, C*M], dW [KH, KW, C, M]; cells outside of x are 0. Attributes as in tfjs-core.
 * Dilation is honoured (tfjs-backend-cpu 4.22 takes it into account for the padding only).
 *
 * A loop in JavaScript over the wasm heap: two operations per element loaded, so memory sets the pace, not arithmetic.
 * Sums are kept in float64.
 */

import * as tf from '@tensorflow/tfjs-core';
import {wasmKernel} from './wasm_kernel.js';
import {depthwiseWindow, tapRange} from './window.js';

/** What `tf.registerKernel` takes. */
export const depthwiseConv2dNativeBackpropFilterConfig = wasmKernel<
  'x' | 'dy',
  tf.DepthwiseConv2dNativeBackpropFilterAttrs
>(tf.DepthwiseConv2dNativeBackpropFilter, (backend, {x, dy}, attributes) => {
  const {filterShape} = attributes;
  const window = depthwiseWindow(x.shape as [number, number, number, number], filterShape, attributes);
  const {batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels} = window;
  const {filterHeight, filterWidth, multiplier, rows, columns} = window;

  const dw = backend.makeOutput(filterShape, 'float32');
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const dwValues = backend.typedArrayFromHeap(dw) as Float32Array;
  const xValues = backend.typedArrayFromHeap(x) as Float32Array;
  const dyValues = backend.typedArrayFromHeap(dy) as Float32Array;
  const sums = new Float64Array(outChannels);
  for (let kh = 0; kh < filterHeight; kh++) {
    const down = tapRange(rows, kh);
    for (let kw = 0; kw < filterWidth; kw++) {
      const across = tapRange(columns, kw);
      sums.fill(0);
      for (let b = 0; b < batchSize; b++) {
        for (let oh = down.from; oh < down.to; oh++) {
          const ih = down.origin + oh * rows.stride;
          for (let ow = across.from; ow < across.to; ow++) {
            const iw = across.origin + ow * columns.stride;
            const xAt = ((b * inHeight + ih) * inWidth + iw) * inChannels;
            const dyAt = ((b * outHeight + oh) * outWidth + ow) * outChannels;
            if (multiplier === 1) {
              for (let c = 0; c < inChannels; c++) {
                sums[c]! += xValues[xAt + c]! * dyValues[dyAt + c]!;
              }
            } else {
              for (let c = 0, d = 0; c < inChannels; c++) {
                for (let m = 0; m < multiplier; m++, d++) {
                  sums[d]! += xValues[xAt + c]! * dyValues[dyAt + d]!;
                }
              }
            }
          }
        }
      }
      dwValues.set(sums, (kh * filterWidth + kw) * outChannels);
    }
  }
  return dw;
});

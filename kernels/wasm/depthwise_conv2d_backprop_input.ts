/**
 * DepthwiseConv2dNativeBackpropInput for the wasm backend, which has none: the gradient of depthwiseConv2d with
 * respect to its input.
 *
 *     dx[b, oh*sh + kh*dh - top, ow*sw + kw*dw - left, c] += dy[b, oh, ow, c*M + m] * W[kh, kw, c, m]
 *
 * for every b, oh, ow, kh, kw, m that lands inside. dy [B, OH, OW, C*M], W [KH, KW, C, M], dx [B, H, W, C]. Attributes
 * as in tfjs-core. Dilation is honoured (tfjs-backend-cpu 4.22 takes it into account for the padding only).
 *
 * A loop in JavaScript over the wasm heap, one tap after the other: at most KH*KW*M terms add up in a cell, so float32
 * sums do.
 */

import * as tf from '@tensorflow/tfjs-core';
import {wasmKernel} from './wasm_kernel.js';
import {depthwiseWindow, tapRange} from './window.js';

/** What `tf.registerKernel` takes. */
export const depthwiseConv2dNativeBackpropInputConfig = wasmKernel<
  'dy' | 'filter',
  tf.DepthwiseConv2dNativeBackpropInputAttrs
>(tf.DepthwiseConv2dNativeBackpropInput, (backend, {dy, filter}, attributes) => {
  const {inputShape} = attributes;
  const window = depthwiseWindow(inputShape, filter.shape as [number, number, number, number], attributes);
  const {batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels} = window;
  const {filterHeight, filterWidth, multiplier, rows, columns} = window;

  const dx = backend.makeOutput(inputShape, 'float32');
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const dxValues = backend.typedArrayFromHeap(dx) as Float32Array;
  const dyValues = backend.typedArrayFromHeap(dy) as Float32Array;
  const filterValues = backend.typedArrayFromHeap(filter) as Float32Array;
  dxValues.fill(0);
  for (let kh = 0; kh < filterHeight; kh++) {
    const down = tapRange(rows, kh);
    for (let kw = 0; kw < filterWidth; kw++) {
      const across = tapRange(columns, kw);
      const filterAt = (kh * filterWidth + kw) * outChannels;
      for (let b = 0; b < batchSize; b++) {
        for (let oh = down.from; oh < down.to; oh++) {
          const ih = down.origin + oh * rows.stride;
          for (let ow = across.from; ow < across.to; ow++) {
            const iw = across.origin + ow * columns.stride;
            const dxAt = ((b * inHeight + ih) * inWidth + iw) * inChannels;
            const dyAt = ((b * outHeight + oh) * outWidth + ow) * outChannels;
            if (multiplier === 1) {
              for (let c = 0; c < inChannels; c++) {
                dxValues[dxAt + c]! += dyValues[dyAt + c]! * filterValues[filterAt + c]!;
              }
            } else {
              for (let c = 0, d = 0; c < inChannels; c++) {
                let sum = dxValues[dxAt + c]!;
                for (let m = 0; m < multiplier; m++, d++) {
                  sum += dyValues[dyAt + d]! * filterValues[filterAt + d]!;
                }
                dxValues[dxAt + c] = sum;
              }
            }
          }
        }
      }
    }
  }
  return dx;
});

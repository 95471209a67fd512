/**
 * Conv2DBackpropFilter for the wasm backend, which has none: the gradient of conv2d with respect to its filter.
 *
 *     dW[kh, kw, c, d] = sum over b, oh, ow of x[b, oh*sh + kh - top, ow*sw + kw - left, c] * dy[b, oh, ow, d]
 *
 * x [B, H, W, Cin], dy [B, OH, OW, Cout], dW [KH, KW, Cin, Cout]; cells outside of x are 0. Attributes as in tfjs-core
 * (strides, pad, dataFormat, dimRoundingMode, filterShape); like tfjs's other backends without dilation, since
 * conv2d's gradient refuses it.
 *
 * With P = B*OH*OW, the taps' cells are copied out into a matrix [taps*Cin, P] (im2col) and multiplied:
 * cells [taps*Cin, P] x dy [P, Cout]. dy is the right factor because XNNPACK packs the right factor, slowly, and has
 * then done so for all groups of taps. x is transposed first, so that both ends of the copying are in order. For a 1x1
 * filter that skips no cell, x itself is the matrix. Source: tfjs-backend-cpu 4.22, kernels/Conv2DBackpropFilter, for
 * what the attributes mean.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';
import {matrixProduct, zeros} from './matrix_product.js';
import {transposeMatrix} from './transpose_matrix.js';
import {wasmKernel} from './wasm_kernel.js';
import {tapRange, type WindowAxis, windowAxes} from './window.js';

/** Taps are joined up to this many elements of their cells: 16 MB. */
const wantedElements = 1 << 22;

/** What `tf.registerKernel` takes. */
export const conv2DBackpropFilterConfig = wasmKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
  tf.Conv2DBackpropFilter,
  (backend, {x, dy}, attributes) => {
    const {strides, pad, dataFormat, dimRoundingMode, filterShape} = attributes;
    if (dataFormat !== 'NHWC') {
      throw new BackendError(
        `Conv2DBackpropFilter(wasm): dataFormat must be NHWC; got ${dataFormat} (transpose to NHWC around conv2d).`,
      );
    }
    const info = tf.backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
      false,
      'channelsLast',
    );
    const {filterHeight, filterWidth, inChannels, outChannels} = info;
    const taps: Array<[number, number]> = [];
    for (let kh = 0; kh < filterHeight; kh++) {
      for (let kw = 0; kw < filterWidth; kw++) {
        taps.push([kh, kw]);
      }
    }
    const {rows, columns} = windowAxes(info);
    const pixels = info.batchSize * info.outHeight * info.outWidth;
    if (pixels * inChannels * outChannels === 0) {
      return zeros(backend, filterShape);
    }
    if (taps.length === 1 && isWhole(rows) && isWhole(columns)) {
      // Each cell is seen once and in order: x is the matrix already.
      const shape = {m: inChannels, n: outChannels, k: pixels, transposeA: true, transposeB: false};
      const dw = matrixProduct(backend, x, dy, shape);
      dw.shape = filterShape;
      return dw;
    }
    const group = Math.max(1, Math.floor(wantedElements / (pixels * inChannels)));
    const dw = backend.makeOutput(filterShape, 'float32');
    const xT = transposeMatrix(backend, x, info.batchSize * info.inHeight * info.inWidth, inChannels);
    for (let first = 0; first < taps.length; first += group) {
      const some = taps.slice(first, first + group);
      const cells = gatherTaps(backend, xT, [inChannels, info.batchSize], rows, columns, some);
      const shape = {
        m: some.length * inChannels,
        n: outChannels,
        k: pixels,
        transposeA: false,
        transposeB: false,
      };
      const part = matrixProduct(backend, cells, dy, shape);
      backend.disposeData(cells.dataId);
      backend.typedArrayFromHeap(dw).set(backend.typedArrayFromHeap(part), first * inChannels * outChannels);
      backend.disposeData(part.dataId);
    }
    backend.disposeData(xT.dataId);
    return dw;
  },
);

/** Whether a filter of size 1 sees every cell, in order, and nothing else. */
function isWhole({inSize, outSize, stride, pad}: WindowAxis): boolean {
  return stride === 1 && pad === 0 && outSize === inSize;
}

/** The cells of xT [C, B, H, W] that each output pixel sees through `taps`, 0 in the padding: [taps*C, B*OH*OW]. */
function gatherTaps(
  backend: BackendWasm,
  xT: tf.TensorInfo,
  [channels, batch]: readonly [number, number],
  rows: WindowAxis,
  columns: WindowAxis,
  taps: ReadonlyArray<readonly [number, number]>,
): tf.TensorInfo {
  const outMap = rows.outSize * columns.outSize;
  const inMap = rows.inSize * columns.inSize;
  const maps = channels * batch;
  const out = backend.makeOutput([taps.length * channels, batch * outMap], 'float32');
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const to = backend.typedArrayFromHeap(out) as Float32Array;
  const from = backend.typedArrayFromHeap(xT) as Float32Array;
  const {stride} = columns;
  to.fill(0);
  for (const [tap, [kh, kw]] of taps.entries()) {
    const down = tapRange(rows, kh);
    const across = tapRange(columns, kw);
    for (let map = 0; map < maps; map++) {
      for (let oh = down.from; oh < down.to; oh++) {
        const ih = down.origin + oh * rows.stride;
        const begin = (tap * maps + map) * outMap + oh * columns.outSize;
        let source = map * inMap + ih * columns.inSize + across.origin + across.from * stride;
        for (let target = begin + across.from; target < begin + across.to; target++, source += stride) {
          to[target] = from[source]!;
        }
      }
    }
  }
  return out;
}

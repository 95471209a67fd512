/**
 * Conv2DBackpropFilter for the wasm backend, which has none: the gradient of conv2d with respect to its filter.
 *
 *     dW[kh, kw, c, d] = sum over b, oh, ow of x[b, oh*sh + kh - top, ow*sw + kw - left, c] * dy[b, oh, ow, d]
 *
 * x [B, H, W, Cin], dy [B, OH, OW, Cout], dW [KH, KW, Cin, Cout]; cells outside of x are 0. Attributes as in tfjs-core
 * (strides, pad, dataFormat, dimRoundingMode, filterShape); like tfjs's other backends without dilation, since
 * conv2d's gradient refuses it.
 *
 * With P = B*OH*OW, the taps' cells are copied out into a matrix [P, taps*Cin] (im2col) and multiplied:
 * dy^T [Cout, P] x columns [P, taps*Cin]. Neither factor is handed to matMul as "transposed", because only a plain
 * 2-D product runs on XNNPACK there; everything else is a scalar triple loop. Source: tfjs-backend-cpu
 * 4.22, kernels/Conv2DBackpropFilter, for what the attributes mean.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';
import {transposeMatrix} from './transpose_matrix.js';
import {wasmKernel} from './wasm_kernel.js';
import {tapRange, type WindowAxis, windowAxes} from './window.js';

/** Taps are joined up to this many columns: a narrow product leaves XNNPACK's tiles half empty. */
const wantedColumns = 64;

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
    if (pixels === 0) {
      return tf.zeros(filterShape); // XNNPACK refuses an empty sum, and tfjs takes no notice of that.
    }
    const group = Math.max(1, Math.floor(wantedColumns / inChannels));
    return tf.tidy(() => {
      const dyT = transposeMatrix(backend, dy, pixels, outChannels);
      const parts: tf.Tensor[] = [];
      for (let first = 0; first < taps.length; first += group) {
        const some = taps.slice(first, first + group);
        const cells = gatherTaps(backend, x, rows, columns, some);
        parts.push(tf.matMul(dyT, cells));
        // At once: it is as large as x, and XNNPACK keeps a packed copy for as long as it lives.
        cells.dispose();
      }
      const product = tf.concat(parts, 1); // [Cout, KH*KW*Cin]
      return tf.reshape(
        transposeMatrix(backend, product, outChannels, taps.length * inChannels),
        filterShape,
      );
    });
  },
);

/** The cells of x [B, H, W, C] that each output pixel sees through `taps`, 0 in the padding: [B*OH*OW, taps*C]. */
function gatherTaps(
  backend: BackendWasm,
  x: tf.TensorInfo,
  rows: WindowAxis,
  columns: WindowAxis,
  taps: ReadonlyArray<readonly [number, number]>,
): tf.Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const row = taps.length * channels;
  const out = backend.makeOutput([batch * rows.outSize * columns.outSize, row], 'float32');
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const to = backend.typedArrayFromHeap(out) as Float32Array;
  const from = backend.typedArrayFromHeap(x) as Float32Array;
  to.fill(0);
  for (const [tap, [kh, kw]] of taps.entries()) {
    const down = tapRange(rows, kh);
    const across = tapRange(columns, kw);
    const count = across.to - across.from;
    for (let b = 0; b < batch; b++) {
      for (let oh = down.from; oh < down.to; oh++) {
        const ih = down.origin + oh * rows.stride;
        let source = ((b * height + ih) * width + across.origin + across.from * columns.stride) * channels;
        let target = ((b * rows.outSize + oh) * columns.outSize + across.from) * row + tap * channels;
        if (columns.stride === 1 && row === channels) {
          to.set(from.subarray(source, source + count * channels), target);
          continue;
        }
        for (let ow = 0; ow < count; ow++) {
          for (let c = 0; c < channels; c++) {
            to[target + c] = from[source + c]!;
          }
          source += columns.stride * channels;
          target += row;
        }
      }
    }
  }
  return tf.engine().makeTensorFromTensorInfo(out);
}

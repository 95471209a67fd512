/**
 * Conv2DBackpropInput for the wasm backend, in place of the stock scalar loop: the gradient of conv2d with respect to
 * its input, and conv2dTranspose.
 *
 *     dx[b, oh*sh + kh - top, ow*sw + kw - left, c] += sum over d of dy[b, oh, ow, d] * W[kh, kw, c, d]
 *
 * for every b, oh, ow, kh, kw that lands inside. dy [B, OH, OW, Cout], W [KH, KW, Cin, Cout], dx [B, H, W, Cin].
 * Attributes as in tfjs-core; NCHW goes to the stock kernel. Everything is arithmetic of XNNPACK, in one of three ways:
 *
 *   1x1 that skips no cell: the product dy [P, Cout] x W^T [Cout, Cin], with P = B*OH*OW.
 *   stride 1: conv2d of dy with the filter turned by 180 degrees and its channels swapped, padded by K - 1 - pad.
 *   the rest: the product dy x W^T [Cout, KH*KW*Cin], whose columns are then added up where they belong (col2im).
 *
 * Source for the attributes: tfjs-backend-cpu 4.22, kernels/Conv2DBackpropInput.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {callKernel} from './call_kernel.js';
import {disposing, matrixProduct, zeros} from './matrix_product.js';
import {wasmKernel} from './wasm_kernel.js';
import {tapRange, type WindowAxis, windowAxes} from './window.js';

/** Elements of the product that are made at once before they are added up: 16 MB. */
const wantedElements = 1 << 22;

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function conv2DBackpropInputConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
    tf.Conv2DBackpropInput,
    (backend, {dy, filter}, attributes) => {
      const {strides, pad, dataFormat, dimRoundingMode, inputShape} = attributes;
      if (dataFormat !== 'NHWC') {
        const attrs = attributes as unknown as tf.NamedAttrMap;
        return stock.kernelFunc({inputs: {dy, filter}, backend, attrs}) as tf.TensorInfo;
      }
      const info = tf.backend_util.computeConv2DInfo(
        inputShape,
        filter.shape as [number, number, number, number],
        strides,
        1,
        pad,
        dimRoundingMode,
        false,
        'channelsLast',
      );
      const {batchSize, filterHeight, filterWidth, inChannels, outHeight, outWidth, outChannels} = info;
      const pixels = batchSize * outHeight * outWidth;
      if (pixels * outChannels * tf.util.sizeFromShape(inputShape) === 0) {
        return zeros(backend, inputShape);
      }
      const {rows, columns} = windowAxes(info);
      if (rows.stride === 1 && columns.stride === 1) {
        const down = turnedPadding(rows, filterHeight);
        const across = turnedPadding(columns, filterWidth);
        if (filterHeight * filterWidth === 1 && [...down, ...across].every((cells) => cells === 0)) {
          const shape = {m: pixels, n: inChannels, k: outChannels, transposeA: false, transposeB: true};
          const dx = matrixProduct(backend, dy, filter, shape);
          dx.shape = inputShape;
          return dx;
        }
        if ([...down, ...across].every((cells) => cells >= 0)) {
          const turned = turn(backend, filter);
          return disposing(backend, [turned], () =>
            callKernel(
              backend,
              tf.Conv2D,
              {x: dy, filter: turned},
              {strides: [1, 1], dilations: [1, 1], pad: [[0, 0], down, across, [0, 0]], dataFormat: 'NHWC'},
            ),
          );
        }
      }
      return scatteredProduct(backend, dy, filter, inputShape, rows, columns);
    },
    stock.setupFunc,
  );
}

/** Padding before and after dy with which the turned filter gives an output as long as the input was. */
function turnedPadding({inSize, outSize, pad}: WindowAxis, filterSize: number): [number, number] {
  const before = filterSize - 1 - pad;
  return [before, inSize - outSize - before + filterSize - 1];
}

/** W[KH - 1 - kh, KW - 1 - kw, c, d] as [KH, KW, Cout, Cin]. */
function turn(backend: BackendWasm, filter: tf.TensorInfo): tf.TensorInfo {
  const [height, width, inChannels, outChannels] = filter.shape as [number, number, number, number];
  const turned = backend.makeOutput([height, width, outChannels, inChannels], 'float32');
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const from = backend.typedArrayFromHeap(filter) as Float32Array;
  const to = backend.typedArrayFromHeap(turned) as Float32Array;
  const taps = height * width;
  const size = inChannels * outChannels;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0, source = (taps - 1 - tap) * size; c < inChannels; c++) {
      for (let d = 0, target = tap * size + c; d < outChannels; d++, source++, target += inChannels) {
        to[target] = from[source]!;
      }
    }
  }
  return turned;
}

/** dx as a product and col2im, for as many taps at once as keep the product small. */
function scatteredProduct(
  backend: BackendWasm,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  inputShape: [number, number, number, number],
  rows: WindowAxis,
  columns: WindowAxis,
): tf.TensorInfo {
  const [filterHeight, filterWidth, inChannels, outChannels] = filter.shape as [
    number,
    number,
    number,
    number,
  ];
  const taps = filterHeight * filterWidth;
  const pixels = tf.util.sizeFromShape(dy.shape) / outChannels;
  const group = Math.min(taps, Math.max(1, Math.floor(wantedElements / (pixels * inChannels))));
  const dx = zeros(backend, inputShape);
  for (let first = 0; first < taps; first += group) {
    const count = Math.min(group, taps - first);
    const size = count * inChannels;
    const some = backend.makeOutput([size, outChannels], 'float32');
    const start = first * inChannels * outChannels;
    backend
      .typedArrayFromHeap(some)
      .set(backend.typedArrayFromHeap(filter).subarray(start, start + size * outChannels));
    const shape = {m: pixels, n: size, k: outChannels, transposeA: false, transposeB: true};
    const product = disposing(backend, [some], () => matrixProduct(backend, dy, some, shape));
    for (let tap = 0; tap < count; tap++) {
      const kh = Math.floor((first + tap) / filterWidth);
      const kw = (first + tap) % filterWidth;
      addTap(backend, dx, product, tap, tapRange(rows, kh), tapRange(columns, kw), rows, columns);
    }
    backend.disposeData(product.dataId);
  }
  return dx;
}

/** Adds column group `tap` of the product [B*OH*OW, taps*Cin] to the cells of dx that this tap met. */
function addTap(
  backend: BackendWasm,
  dx: tf.TensorInfo,
  product: tf.TensorInfo,
  tap: number,
  down: ReturnType<typeof tapRange>,
  across: ReturnType<typeof tapRange>,
  rows: WindowAxis,
  columns: WindowAxis,
): void {
  const [batch, height, width, channels] = dx.shape as [number, number, number, number];
  const row = product.shape[1]!;
  const to = backend.typedArrayFromHeap(dx) as Float32Array;
  const from = backend.typedArrayFromHeap(product) as Float32Array;
  const step = (columns.stride - 1) * channels;
  for (let b = 0; b < batch; b++) {
    for (let oh = down.from; oh < down.to; oh++) {
      const ih = down.origin + oh * rows.stride;
      let target = ((b * height + ih) * width + across.origin + across.from * columns.stride) * channels;
      let pixel = ((b * rows.outSize + oh) * columns.outSize + across.from) * row + tap * channels;
      for (let ow = across.from; ow < across.to; ow++, pixel += row, target += step) {
        for (let source = pixel, end = pixel + channels; source < end; source++, target++) {
          to[target]! += from[source]!;
        }
      }
    }
  }
}

/**
 * Slice and SplitV for the wasm backend: a block of a tensor, and a tensor cut along an axis.
 *
 *     y[i, j, ...] = x[begin0 + i, begin1 + j, ...]
 *
 * The stock kernels copy all of x out of the heap for every block that they cut: 12 MB for a [1024, 192] of
 * [1024, 3072]. Here a block goes from heap to heap. Strings are not on the heap and stay with the stock kernel.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {wasmKernel} from './wasm_kernel.js';

/** From this many elements on, one call that copies a row is faster than a loop. */
const longRow = 48;

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function sliceConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', tf.SliceAttrs>(
    tf.Slice,
    (backend, {x}, attributes) => {
      if (!isOnHeap(x)) {
        const attrs = attributes as unknown as tf.NamedAttrMap;
        return stock.kernelFunc({inputs: {x}, backend, attrs}) as tf.TensorInfo;
      }
      const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attributes.begin, attributes.size);
      tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
      return copyBlock(backend, x, begin, size);
    },
    stock.setupFunc,
  );
}

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function splitVConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', tf.SplitVAttrs>(
    tf.SplitV,
    (backend, {x}, attributes) => {
      if (!isOnHeap(x)) {
        return stock.kernelFunc({inputs: {x}, backend, attrs: attributes as unknown as tf.NamedAttrMap});
      }
      const axis = tf.util.parseAxisParam(attributes.axis, x.shape)[0]!;
      const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attributes.numOrSizeSplits, axis);
      const begin = x.shape.map(() => 0);
      return sizes.map((part) => {
        const size = x.shape.slice();
        size[axis] = part;
        const block = copyBlock(backend, x, begin, size);
        begin[axis]! += part;
        return block;
      });
    },
    stock.setupFunc,
  );
}

function isOnHeap({dtype}: tf.TensorInfo): boolean {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

/** The block of `size` that starts at `begin`. */
function copyBlock(
  backend: BackendWasm,
  x: tf.TensorInfo,
  begin: readonly number[],
  size: number[],
): tf.TensorInfo {
  const y = backend.makeOutput(size, x.dtype);
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const from = backend.typedArrayFromHeap(x);
  const to = backend.typedArrayFromHeap(y);
  if (to.length === 0) {
    return y;
  }
  // Axes at the end that are taken whole are one row together with the axis before them.
  let rowAxis = x.shape.length - 1;
  let row = 1;
  let inner = 1;
  while (rowAxis > 0 && size[rowAxis] === x.shape[rowAxis]) {
    inner *= x.shape[rowAxis]!;
    rowAxis--;
  }
  if (rowAxis >= 0) {
    row = size[rowAxis]! * inner;
  }
  const strides: number[] = [];
  for (let axis = rowAxis, stride = inner; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= x.shape[axis]!;
  }
  let source = 0;
  for (let axis = 0; axis <= rowAxis; axis++) {
    source += begin[axis]! * strides[axis]!;
  }
  const index = new Array<number>(Math.max(rowAxis, 0)).fill(0);
  for (let target = 0; ; target += row) {
    if (row >= longRow) {
      to.set(from.subarray(source, source + row), target);
    } else {
      for (let k = 0; k < row; k++) {
        to[target + k] = from[source + k]!;
      }
    }
    // The next row: the axes before it count up like a clock.
    let axis = rowAxis - 1;
    while (axis >= 0 && index[axis]! + 1 === size[axis]) {
      source -= index[axis]! * strides[axis]!;
      index[axis] = 0;
      axis--;
    }
    if (axis < 0) {
      return y;
    }
    index[axis]!++;
    source += strides[axis]!;
  }
}

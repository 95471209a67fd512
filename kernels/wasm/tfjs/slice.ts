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
import type {Inputs} from '../../kernel_config.js';
import {copyRows, type RowAxis} from '../primitives/copy_rows.js';
import {address, isOnHeap, sameData} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';

/** The block; undefined is the stock kernel's to compute. */
export function slice(
  backend: BackendWasm,
  {x}: Inputs<'x'>,
  attributes: tf.SliceAttrs,
): tf.TensorInfo | undefined {
  if (!isOnHeap(x)) return undefined;
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attributes.begin, attributes.size);
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
  return copyBlock(backend, x, begin, size);
}

/** The parts; undefined is the stock kernel's to compute. */
export function splitV(
  backend: BackendWasm,
  {x}: Inputs<'x'>,
  attributes: tf.SplitVAttrs,
): tf.TensorInfo[] | undefined {
  if (!isOnHeap(x)) return undefined;
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
}

/** The block of `size` that starts at `begin`; all of x shares its values. */
function copyBlock(
  backend: BackendWasm,
  x: tf.TensorInfo,
  begin: readonly number[],
  size: number[],
): tf.TensorInfo {
  if (tf.util.arraysEqual(size, x.shape)) {
    return sameData(backend, x, size);
  }
  const y = backend.makeOutput(size, x.dtype);
  if (tf.util.sizeFromShape(size) === 0) {
    return y;
  }
  // Axes at the end that are taken whole are one row together with the axis before them.
  let rowAxis = x.shape.length - 1;
  while (rowAxis > 0 && size[rowAxis] === x.shape[rowAxis]) {
    rowAxis--;
  }
  const axes: RowAxis[] = [];
  let from = address(backend, x);
  let step = tf.util.bytesPerElement(x.dtype);
  let row = step;
  for (let axis = x.shape.length - 1; axis >= 0; axis--) {
    from += begin[axis]! * step;
    if (axis >= rowAxis) row *= size[axis]!;
    else axes.unshift({size: size[axis]!, step});
    step *= x.shape[axis]!;
  }
  kernelModule(backend).run((kernels) => copyRows(kernels, from, address(backend, y), axes, row));
  return y;
}

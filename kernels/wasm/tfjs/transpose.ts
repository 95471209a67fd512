/**
 * Transpose for the wasm backend: y[i] = x[i with its axes in another order].
 *
 * Axes of size 1 do not count, and axes that stay neighbours count as one. What is left is nothing at all, in which case
 * x and y share their values; or a permutation that keeps the last axis, which is a copy of rows; or one that moves it,
 * which transposes matrices in squares of 4 x 4 (assembly/kernels/permute). The stock kernel, a scalar loop, takes 25 ms for
 * [32768, 64], and divides by 0 where an axis has no cells. To it go booleans whose last axis moves.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {movedAxes} from '../../geometry/transpose.js';
import type {Inputs} from '../../kernel_config.js';
import {copyRows, type FourNumbers, fourAxes} from '../primitives/copy_rows.js';
import {address, isOnHeap, sameData} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';

/** y; undefined is the stock kernel's to compute. */
export function transpose(
  backend: BackendWasm,
  {x}: Inputs<'x'>,
  {perm}: tf.TransposeAttrs,
): tf.TensorInfo | undefined {
  if (!isOnHeap(x)) return undefined;
  const shape = perm.map((axis) => x.shape[axis]!);
  if (tf.util.sizeFromShape(shape) === 0) return sameData(backend, x, shape);
  const bytes = tf.util.bytesPerElement(x.dtype);
  const axes = movedAxes(x.shape, perm);
  const last = axes.at(-1);
  if (last && last.from !== 1 && bytes !== 4) return undefined;
  if (!last || axes.length === 1) {
    return sameData(backend, x, shape);
  }
  const y = backend.makeOutput(shape, x.dtype);
  const from = address(backend, x);
  const to = address(backend, y);
  kernelModule(backend).run((kernels) => {
    if (last.from === 1) {
      const rows = axes.slice(0, -1).map(({size, from: step}) => ({size, step: step * bytes}));
      copyRows(kernels, from, to, rows, last.size * bytes);
      return;
    }
    const columns = axes.find((axis) => axis.from === 1)!;
    const outer = axes.filter((axis) => axis !== last && axis !== columns);
    const [sizes, steps, targets] = fourAxes(
      outer,
      (axis) => axis.from * bytes,
      (axis) => axis.to * bytes,
    ) as [FourNumbers, FourNumbers, FourNumbers];
    kernels.transposeSquares(
      from,
      to,
      ...sizes,
      ...steps,
      ...targets,
      last.size,
      last.from * bytes,
      columns.size,
      columns.to * bytes,
    );
  });
  return y;
}

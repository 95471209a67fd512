/**
 * Sums over an axis of a tensor on the wasm heap; see assembly/kernels/axis_sums.
 *
 *     y[o, i] = factor * sum over l of x[o, l, i],  x [outer, length, inner]
 *
 * The sum over the rows of a matrix, y[c] = sum over r of x[r, c], x [R, C], y [C], is also registered as a kernel under a
 * name of our own, for the composed versions.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import {address, filled, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** factor times the sums over the middle axis of x as [outer, length, inner], in `shape`; zeros where length is 0. */
export function sumAxis(
  backend: BackendWasm,
  x: tf.TensorInfo,
  [outer, length, inner]: readonly [number, number, number],
  factor: number,
  shape: number[],
): tf.TensorInfo {
  if (outer * length * inner === 0) return filled(backend, shape, 0);
  const y = output(backend, shape);
  kernelModule(backend).run((kernels) =>
    kernels.axisSums(address(backend, x), outer, length, inner, factor, y.at),
  );
  return y.tensor;
}

/** What `tf.registerKernel` takes. */
export const sumRowsConfig = wasmKernel<'x', object>('SwintSumRows', (backend, {x}) => {
  const [rows, columns] = x.shape as [number, number];
  return sumAxis(backend, x, [1, rows, columns], 1, [columns]);
});

/**
 * The product of two matrices on the wasm heap: C = op(A) op(B), op the identity or the transpose.
 *
 *     a [M, K] or [K, M],  b [K, N] or [N, K],  C [M, N]
 *
 * tfjs gives XNNPACK a product only when neither factor is transposed; any other is a scalar triple loop. So the
 * factors are transposed first. XNNPACK packs the right factor, at about the cost of three transposes, hence of the two
 * ways to write A^T B the one with the smaller right factor is taken: A^T B or (B^T A)^T.
 *
 * Also registered as a kernel under a name of our own, for the composed versions.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {asMatrix, callKernel} from './call_kernel.js';
import {transposeMatrix} from './transpose_matrix.js';
import {wasmKernel} from './wasm_kernel.js';

/** Sizes of a product and which factors come transposed. */
export interface ProductShape {
  /** Rows of C. */
  m: number;
  /** Columns of C. */
  n: number;
  /** Terms of each sum. */
  k: number;
  transposeA: boolean;
  transposeB: boolean;
}

/** What `tf.registerKernel` takes. */
export const matrixProductConfig = wasmKernel<'a' | 'b', {transposeA: boolean; transposeB: boolean}>(
  'SwintMatrixProduct',
  (backend, {a, b}, {transposeA, transposeB}) => {
    const m = a.shape[transposeA ? 1 : 0]!;
    const k = a.shape[transposeA ? 0 : 1]!;
    const n = b.shape[transposeB ? 0 : 1]!;
    return matrixProduct(backend, a, b, {m, n, k, transposeA, transposeB});
  },
);

/**
 * @param a float32 values of any shape with the right number of elements, likewise `b`.
 * @returns new data [M, N]; zeros where K is 0.
 */
export function matrixProduct(
  backend: BackendWasm,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  {m, n, k, transposeA, transposeB}: ProductShape,
): tf.TensorInfo {
  if (m * n * k === 0) {
    return zeros(backend, [m, n]); // XNNPACK refuses an empty sum, and tfjs takes no notice of that.
  }
  if (!transposeA && !transposeB) {
    return plainProduct(backend, asMatrix(a, m, k), asMatrix(b, k, n));
  }
  if (!transposeA) {
    const right = transposeMatrix(backend, b, n, k);
    return disposing(backend, [right], () => plainProduct(backend, asMatrix(a, m, k), right));
  }
  if (!transposeB && n <= m) {
    const left = transposeMatrix(backend, a, k, m);
    return disposing(backend, [left], () => plainProduct(backend, left, asMatrix(b, k, n)));
  }
  const left = transposeB ? undefined : transposeMatrix(backend, b, k, n);
  // Of a copy, because XNNPACK keeps what it packs for as long as the right factor lives: `a` may be an activation
  // that lives through the whole backward pass.
  const right = copy(backend, a, [k, m]);
  const product = disposing(backend, left ? [left, right] : [right], () =>
    plainProduct(backend, left ?? asMatrix(b, n, k), right),
  );
  return disposing(backend, [product], () => transposeMatrix(backend, product, n, m));
}

/** A B by XNNPACK. */
function plainProduct(backend: BackendWasm, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  return callKernel(backend, tf.BatchMatMul, {a, b}, {transposeA: false, transposeB: false});
}

/** A tensor of zeros. */
export function zeros(backend: BackendWasm, shape: number[]): tf.TensorInfo {
  const y = backend.makeOutput(shape, 'float32');
  backend.typedArrayFromHeap(y).fill(0);
  return y;
}

function copy(backend: BackendWasm, x: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  const y = backend.makeOutput(shape, 'float32');
  backend.typedArrayFromHeap(y).set(backend.typedArrayFromHeap(x));
  return y;
}

/** What `compute` returns; `used` is disposed of, whatever happens. */
export function disposing(
  backend: BackendWasm,
  used: readonly tf.TensorInfo[],
  compute: () => tf.TensorInfo,
): tf.TensorInfo {
  try {
    return compute();
  } finally {
    for (const {dataId} of used) {
      backend.disposeData(dataId);
    }
  }
}

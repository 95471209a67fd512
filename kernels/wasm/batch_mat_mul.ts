/**
 * BatchMatMul for the wasm backend: C_i = op(A_i) op(B_i) for every i of a batch, op the identity or the transpose.
 *
 *     a [..., M, K] or [..., K, M],  b [..., K, N] or [..., N, K],  C [..., M, N]
 *
 * float32. The axes before the last two broadcast as in NumPy (the stock kernel gets the case wrong in which both sides
 * do). The stock kernel is XNNPACK for a batch of one without transposes, and a scalar triple loop for all else. Here
 *
 *   one product: matrixProduct, which transposes first.
 *   many A, one B: one product of all the rows of A.
 *   many small products: a loop in JavaScript (small_products).
 *   many larger products: XNNPACK again, one after the other on copies. That costs about 4 microseconds each, which the
 *     loop takes for 22^3 multiplications: at [192, 49, 49] x [192, 49, 32] 1.9 ms against 5.6 and the stock 8.9.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {matrixProduct, type ProductShape, zeros} from './matrix_product.js';
import {type ProductItems, smallProducts} from './small_products.js';
import {wasmKernel} from './wasm_kernel.js';

/** Up to this many multiplications per product the loop is faster than XNNPACK's start. */
const smallProduct = 10_000;

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function batchMatMulConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'a' | 'b', tf.BatchMatMulAttrs>(
    tf.BatchMatMul,
    (backend, {a, b}, attributes) => {
      const {transposeA, transposeB} = attributes;
      const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
      const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
      const m = transposeA ? columnsA : rowsA;
      const k = transposeA ? rowsA : columnsA;
      const n = transposeB ? rowsB : columnsB;
      const batchA = a.shape.slice(0, -2);
      const batchB = b.shape.slice(0, -2);
      const countA = tf.util.sizeFromShape(batchA);
      const countB = tf.util.sizeFromShape(batchB);
      const plain = countA === 1 && countB === 1 && !transposeA && !transposeB && m * n * k > 0;
      if (plain || a.dtype !== 'float32' || b.dtype !== 'float32' || k !== (transposeB ? columnsB : rowsB)) {
        // XNNPACK's own case, and what the stock kernel refuses in words of its own.
        const attrs = attributes as unknown as tf.NamedAttrMap;
        return stock.kernelFunc({inputs: {a, b}, backend, attrs}) as tf.TensorInfo;
      }
      const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
      const outShape = [...batch, m, n];
      const count = tf.util.sizeFromShape(batch);
      const shape: ProductShape = {m, n, k, transposeA, transposeB};
      let c: tf.TensorInfo;
      if (count * m * n * k === 0) {
        c = zeros(backend, outShape);
      } else if (countA === 1 && countB === 1) {
        c = matrixProduct(backend, a, b, shape);
      } else if (countB === 1 && !transposeA) {
        c = matrixProduct(backend, a, b, {...shape, m: count * m});
      } else {
        const items = {
          ...shape,
          fromA: sources(batchA, batch, m * k),
          fromB: sources(batchB, batch, k * n),
        };
        const products = m * n * k <= smallProduct ? smallProducts : largeProducts;
        c = products(backend, a, b, items);
      }
      c.shape = outShape;
      return c;
    },
    stock.setupFunc,
  );
}

/** Where each item of the batch `out` begins in a tensor of batch `own` that broadcasts to it. */
function sources(own: readonly number[], out: readonly number[], size: number): Int32Array {
  const begins = new Int32Array(tf.util.sizeFromShape(out as number[]));
  const first = out.length - own.length;
  for (let item = 0; item < begins.length; item++) {
    let rest = item;
    let stride = size;
    for (let axis = out.length - 1; axis >= first; axis--) {
      const length = own[axis - first]!;
      begins[item]! += length === 1 ? 0 : (rest % out[axis]!) * stride;
      rest = Math.floor(rest / out[axis]!);
      stride *= length;
    }
  }
  return begins;
}

/** Every product by XNNPACK. Copies, because a tensor owns its memory and cannot be a part of another one. */
function largeProducts(
  backend: BackendWasm,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  {m, n, k, transposeA, transposeB, fromA, fromB}: ProductItems,
): tf.TensorInfo {
  const c = backend.makeOutput([fromA.length, m, n], 'float32');
  const left = backend.makeOutput([m, k], 'float32');
  for (let item = 0; item < fromA.length; item++) {
    // Anew each time: XNNPACK keeps what it packs of a right factor under the identity of the tensor.
    const right = backend.makeOutput([k, n], 'float32');
    // Views are taken after the allocations, which can grow and thereby replace the heap.
    copyMatrix(backend, a, fromA[item]!, left, m, k, transposeA);
    copyMatrix(backend, b, fromB[item]!, right, k, n, transposeB);
    const product = matrixProduct(backend, left, right, {m, n, k, transposeA: false, transposeB: false});
    backend.typedArrayFromHeap(c).set(backend.typedArrayFromHeap(product), item * m * n);
    backend.disposeData(right.dataId);
    backend.disposeData(product.dataId);
  }
  backend.disposeData(left.dataId);
  return c;
}

/** Copies the matrix that begins at `at` of `x` to `y` [rows, columns]; `transposed`: it lies as [columns, rows] in x. */
function copyMatrix(
  backend: BackendWasm,
  x: tf.TensorInfo,
  at: number,
  y: tf.TensorInfo,
  rows: number,
  columns: number,
  transposed: boolean,
): void {
  const from = backend.typedArrayFromHeap(x) as Float32Array;
  const to = backend.typedArrayFromHeap(y) as Float32Array;
  if (!transposed) {
    to.set(from.subarray(at, at + rows * columns));
    return;
  }
  for (let row = 0, target = 0; row < rows; row++) {
    for (let column = 0, source = at + row; column < columns; column++, target++, source += rows) {
      to[target] = from[source]!;
    }
  }
}

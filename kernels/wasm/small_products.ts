/**
 * Many small matrix products on the wasm heap, in JavaScript: C_i = op(A_i) op(B_i), op the identity or the transpose.
 *
 *     A_i [M, K] or [K, M],  B_i [K, N] or [N, K],  C_i [M, N]
 *
 * Both factors are copied out into panels of four rows of op(A) and four columns of op(B), zeros where the last panel
 * is not full, so that a 4x4 tile of C takes both in the order in which they lie. As float64, which is what JavaScript
 * computes with: the conversion is then done once per value, not once per use. 4096 products of 16x16 matrices take
 * 8.9 ms, the stock kernel's scalar loop 10.9.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import type {ProductShape} from './matrix_product.js';

/** Many products of one shape: where in `a` and in `b`, in elements, the factors of each begin. */
export interface ProductItems extends ProductShape {
  fromA: Int32Array;
  fromB: Int32Array;
}

/** @returns new data [items, M, N]. No size may be 0. */
export function smallProducts(
  backend: BackendWasm,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  {m, n, k, transposeA, transposeB, fromA, fromB}: ProductItems,
): tf.TensorInfo {
  const c = backend.makeOutput([fromA.length, m, n], 'float32');
  // Views are taken after the allocation, which can grow and thereby replace the heap.
  const aValues = backend.typedArrayFromHeap(a) as Float32Array;
  const bValues = backend.typedArrayFromHeap(b) as Float32Array;
  const cValues = backend.typedArrayFromHeap(c) as Float32Array;
  const aPanels = new Float64Array(4 * Math.ceil(m / 4) * k);
  const bPanels = new Float64Array(4 * Math.ceil(n / 4) * k);
  for (let item = 0; item < fromA.length; item++) {
    pack(aValues, fromA[item]!, aPanels, m, k, transposeA ? 1 : k, transposeA ? m : 1);
    pack(bValues, fromB[item]!, bPanels, n, k, transposeB ? k : 1, transposeB ? 1 : n);
    multiply(aPanels, bPanels, cValues, item * m * n, m, n, k);
  }
  return c;
}

/** Lines 0..lines of K values each, `line` and `step` apart, to panels of four: value k of line l at [l / 4][k][l % 4]. */
function pack(
  from: Float32Array,
  at: number,
  to: Float64Array,
  lines: number,
  k: number,
  line: number,
  step: number,
): void {
  for (let l = 0; l < lines; l++) {
    let target = (l >> 2) * 4 * k + (l & 3);
    let source = at + l * line;
    for (let term = 0; term < k; term++, target += 4, source += step) {
      to[target] = from[source]!;
    }
  }
}

/** One product of packed factors, to `c` from `at` on. */
function multiply(
  a: Float64Array,
  b: Float64Array,
  c: Float32Array,
  at: number,
  m: number,
  n: number,
  k: number,
): void {
  const panel = 4 * k;
  for (let i = 0, aPanel = 0; i < m; i += 4, aPanel += panel) {
    for (let j = 0, bPanel = 0; j < n; j += 4, bPanel += panel) {
      // One variable each: an array of sums would live in memory and not in registers.
      let c00 = 0;
      let c01 = 0;
      let c02 = 0;
      let c03 = 0;
      let c10 = 0;
      let c11 = 0;
      let c12 = 0;
      let c13 = 0;
      let c20 = 0;
      let c21 = 0;
      let c22 = 0;
      let c23 = 0;
      let c30 = 0;
      let c31 = 0;
      let c32 = 0;
      let c33 = 0;
      for (let p = aPanel, q = bPanel, end = aPanel + panel; p < end; p += 4, q += 4) {
        const b0 = b[q]!;
        const b1 = b[q + 1]!;
        const b2 = b[q + 2]!;
        const b3 = b[q + 3]!;
        const a0 = a[p]!;
        c00 += a0 * b0;
        c01 += a0 * b1;
        c02 += a0 * b2;
        c03 += a0 * b3;
        const a1 = a[p + 1]!;
        c10 += a1 * b0;
        c11 += a1 * b1;
        c12 += a1 * b2;
        c13 += a1 * b3;
        const a2 = a[p + 2]!;
        c20 += a2 * b0;
        c21 += a2 * b1;
        c22 += a2 * b2;
        c23 += a2 * b3;
        const a3 = a[p + 3]!;
        c30 += a3 * b0;
        c31 += a3 * b1;
        c32 += a3 * b2;
        c33 += a3 * b3;
      }
      const columns = n - j;
      let row = at + i * n + j;
      storeRow(c, row, columns, c00, c01, c02, c03);
      if (i + 1 < m) {
        row += n;
        storeRow(c, row, columns, c10, c11, c12, c13);
      }
      if (i + 2 < m) {
        row += n;
        storeRow(c, row, columns, c20, c21, c22, c23);
      }
      if (i + 3 < m) {
        row += n;
        storeRow(c, row, columns, c30, c31, c32, c33);
      }
    }
  }
}

/** The first `columns` of a tile's row, at most four. */
function storeRow(
  c: Float32Array,
  at: number,
  columns: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
): void {
  c[at] = c0;
  if (columns > 1) {
    c[at + 1] = c1;
  }
  if (columns > 2) {
    c[at + 2] = c2;
  }
  if (columns > 3) {
    c[at + 3] = c3;
  }
}

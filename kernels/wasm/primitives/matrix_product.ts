/**
 * Products of matrices on the wasm heap: C_i = f(op(A_i) op(B_i) + bias), op the identity or the transpose, f the
 * identity, relu or relu6, for every i of a batch; see assembly/kernels/matrix_products.
 *
 *     a [..., M, K] or [..., K, M],  b [..., K, N] or [..., N, K],  bias [N],  C [..., M, N]
 *
 * The axes before the last two broadcast as in NumPy. One product is also registered as a kernel under a name of our
 * own, for the composed versions.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {address, filled, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

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

/** What follows the product. */
interface Epilogue {
  /** [N]. */
  bias?: tf.TensorInfo;
  /** Its number in assembly/kernels/matrix_products. */
  activation?: number;
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
  shape: ProductShape,
): tf.TensorInfo {
  return matrixProducts(backend, a, b, shape, [], []);
}

/**
 * @param batchA the axes of a before its last two, likewise `batchB`.
 * @returns new data, the axes of both batches and [M, N]; f(bias) where K is 0.
 */
export function matrixProducts(
  backend: BackendWasm,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  {m, n, k, transposeA, transposeB}: ProductShape,
  batchA: number[],
  batchB: number[],
  {bias, activation = 0}: Epilogue = {},
): tf.TensorInfo {
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const shape = [...batch, m, n];
  if (tf.util.sizeFromShape(shape) * k === 0) {
    return withoutTerms(backend, shape, {bias, activation});
  }
  const axes = batchAxes(batchA, batchB, batch, m * k, n * k);
  // The innermost axis goes to the kernel, the others, which only broadcasting on both sides leaves, are loops here.
  let {size: items, a: stepA, b: stepB} = axes.pop() ?? {size: 1, a: 0, b: 0};
  let rows = m;
  if (!transposeA && stepB === 0 && stepA === m * k) {
    // Many A for one B: their rows are those of one matrix.
    rows = m * items;
    items = 1;
  }
  const c = output(backend, shape);
  const run = (kernels: KernelsOf, atA: number, atB: number, atC: number) =>
    kernels.matrixProducts(
      items,
      atA,
      4 * stepA,
      transposeA ? 1 : 0,
      atB,
      4 * stepB,
      transposeB ? 1 : 0,
      atC,
      rows,
      n,
      k,
      address(backend, bias),
      activation,
    );
  kernelModule(backend).run((kernels) => {
    let atC = c.at;
    const each = (axis: number, atA: number, atB: number) => {
      if (axis === axes.length) {
        run(kernels, atA, atB, atC);
        atC += 4 * items * rows * n;
        return;
      }
      for (let i = 0; i < axes[axis]!.size; i++) {
        each(axis + 1, atA + 4 * i * axes[axis]!.a, atB + 4 * i * axes[axis]!.b);
      }
    };
    each(0, address(backend, a), address(backend, b));
  });
  return c.tensor;
}

/** f(bias) in every row: what is left of a product of no terms. */
function withoutTerms(
  backend: BackendWasm,
  shape: number[],
  {bias, activation}: Required<Pick<Epilogue, 'activation'>> & Epilogue,
): tf.TensorInfo {
  const c = filled(backend, shape, 0);
  if (!bias) return c;
  const values = backend.typedArrayFromHeap(c);
  const row = backend.typedArrayFromHeap(bias);
  for (let i = 0; i < values.length; i++) {
    const value = row[i % row.length]!;
    // Math.max and Math.min pass NaN on.
    const from0 = activation === 0 ? value : Math.max(value, 0);
    values[i] = activation === 2 ? Math.min(from0, 6) : from0;
  }
  return c;
}

type KernelsOf = Parameters<Parameters<ReturnType<typeof kernelModule>['run']>[0]>[0];

/** An axis of a batch, and how many elements of each factor its steps are apart: 0 where it broadcasts. */
interface BatchAxis {
  size: number;
  a: number;
  b: number;
}

/** The axes of a batch, those that can be gone through as one joined. */
function batchAxes(
  batchA: readonly number[],
  batchB: readonly number[],
  batch: readonly number[],
  sizeA: number,
  sizeB: number,
): BatchAxis[] {
  const axes: BatchAxis[] = [];
  let strideA = sizeA;
  let strideB = sizeB;
  for (let axis = 1; axis <= batch.length; axis++) {
    const size = batch.at(-axis)!;
    const ofA = batchA.at(-axis) ?? 1;
    const ofB = batchB.at(-axis) ?? 1;
    const a = ofA === 1 ? 0 : strideA;
    const b = ofB === 1 ? 0 : strideB;
    strideA *= ofA;
    strideB *= ofB;
    const inner = axes[0];
    if (size === 1) continue;
    if (inner && a === inner.a * inner.size && b === inner.b * inner.size) inner.size *= size;
    else axes.unshift({size, a, b});
  }
  return axes;
}

/**
 * BatchMatMul and _FusedMatMul for the wasm backend: C_i = f(op(A_i) op(B_i) + bias) for every i of a batch, op the
 * identity or the transpose; see matrix_product.
 *
 *     a [..., M, K] or [..., K, M],  b [..., K, N] or [..., N, K],  C [..., M, N]
 *
 * float32. The axes before the last two broadcast as in NumPy (the stock kernel gets the case wrong in which both sides
 * do). The stock kernels are XNNPACK for a batch of one without transposes, and a scalar triple loop for all else, which
 * leaves out the bias, and relu and relu6; they read beyond a bias of one number, and give what lay in the heap where K is
 * 0. What they refuse in words of their own goes to them. For bias and f see epilogue.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import type {EpilogueInputs} from '../../epilogue.js';
import type {Inputs} from '../../kernel_config.js';
import {epilogueOf} from '../primitives/epilogue.js';
import {matrixProducts, type ProductShape} from '../primitives/matrix_product.js';

/** The sizes of the product of two tensors; undefined where they do not fit or are not float32. */
function productShape(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  {transposeA, transposeB}: tf.BatchMatMulAttrs,
): ProductShape | undefined {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const k = transposeA ? rowsA : columnsA;
  if (a.dtype !== 'float32' || b.dtype !== 'float32' || k !== (transposeB ? columnsB : rowsB)) {
    return undefined;
  }
  return {m: transposeA ? columnsA : rowsA, n: transposeB ? rowsB : columnsB, k, transposeA, transposeB};
}

/** The products; undefined is the stock kernel's to compute. */
export function batchMatMul(
  backend: BackendWasm,
  {a, b}: Inputs<'a' | 'b'>,
  attributes: tf.BatchMatMulAttrs,
): tf.TensorInfo | undefined {
  const shape = productShape(a, b, attributes);
  return shape && matrixProducts(backend, a, b, shape, a.shape.slice(0, -2), b.shape.slice(0, -2));
}

/** The products with what follows them; undefined is the stock kernel's to compute. */
export function fusedMatMul(
  backend: BackendWasm,
  inputs: Inputs<'a' | 'b'> & EpilogueInputs,
  attributes: tf._FusedMatMulAttrs,
): tf.TensorInfo | undefined {
  const {a, b} = inputs;
  const shape = productShape(a, b, attributes);
  const epilogue = shape && epilogueOf(shape.n, inputs, attributes);
  if (!epilogue) return undefined;
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  return epilogue.rest(backend, matrixProducts(backend, a, b, shape, batchA, batchB, epilogue.fused));
}

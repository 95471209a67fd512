/**
 * BatchMatMul and _FusedMatMul for the wasm backend: C_i = f(op(A_i) op(B_i) + bias) for every i of a batch, op the
 * identity or the transpose; see matrix_product.
 *
 *     a [..., M, K] or [..., K, M],  b [..., K, N] or [..., N, K],  C [..., M, N]
 *
 * float32. The axes before the last two broadcast as in NumPy (the stock kernel gets the case wrong in which both sides
 * do). The stock kernels are XNNPACK for a batch of one without transposes, and a scalar triple loop for all else, which
 * leaves out the bias, and relu and relu6. What they refuse in words of their own goes to them. f is part of the product
 * for relu and relu6, and tfjs's own kernel after it for other activations.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type {Inputs} from '../../kernel_config.js';
import {ACTIVATION_NUMBERS} from '../primitives/activation.js';
import {matrixProducts, type ProductShape} from '../primitives/matrix_product.js';
import {callKernel} from '../runtime/call_kernel.js';

/** tfjs's kernels of the activations that are no part of a product. */
const separate: Record<string, string> = {
  elu: tf.Elu,
  leakyrelu: tf.LeakyRelu,
  prelu: tf.Prelu,
  sigmoid: tf.Sigmoid,
};

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
  inputs: Inputs<'a' | 'b'> & Partial<Inputs<'bias' | 'preluActivationWeights'>>,
  attributes: tf._FusedMatMulAttrs,
): tf.TensorInfo | undefined {
  const {a, b, bias, preluActivationWeights} = inputs;
  const {activation, leakyreluAlpha} = attributes;
  const shape = productShape(a, b, attributes);
  const fused = ACTIVATION_NUMBERS[activation];
  const kernel = separate[activation];
  const fits = !bias || (bias.shape.length === 1 && bias.shape[0] === shape?.n);
  if (!shape || shape.k === 0 || !fits || (fused === undefined && !kernel)) return undefined;
  const epilogue = {bias, activation: fused ?? 0};
  const x = matrixProducts(backend, a, b, shape, a.shape.slice(0, -2), b.shape.slice(0, -2), epilogue);
  if (!kernel) return x;
  const operands: Record<string, tf.TensorInfo> =
    activation === 'prelu' ? {x, alpha: preluActivationWeights!} : {x};
  try {
    return callKernel(backend, kernel, operands, {alpha: leakyreluAlpha});
  } finally {
    backend.disposeData(x.dataId);
  }
}

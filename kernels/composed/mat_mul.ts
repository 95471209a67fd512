/**
 * 2-D matrix products for the composed versions: C = op(A) op(B), op the identity or the transpose; and row sums.
 *
 *   a [M, K] or [K, M],  b [K, N] or [N, K]
 *
 * A backend whose stock kernels are slow at one of these registers a kernel of ours for it, under the names below.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Kernel: inputs a, b; attributes transposeA, transposeB. */
export const MATRIX_PRODUCT = 'SwintMatrixProduct';

/** Kernel: input x [M, C]; output [C]. */
export const SUM_ROWS = 'SwintSumRows';

/** The product of two matrices, each transposed first where asked for. */
export function matMul2d(
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  transposeA = false,
  transposeB = false,
): tf.Tensor2D {
  if (!tf.getKernel(MATRIX_PRODUCT, tf.getBackend())) return tf.matMul(a, b, transposeA, transposeB);
  return tf.engine().runKernel(MATRIX_PRODUCT, {a, b}, {transposeA, transposeB}) as tf.Tensor2D;
}

/** A tensor as a matrix of its last axis: [..., C] to [M, C]. */
export function asRows(x: tf.Tensor): tf.Tensor2D {
  return tf.reshape(x, [-1, x.shape[x.rank - 1]]);
}

/** Sum over the rows: [M, C] to [C]. */
export function sumRows(x: tf.Tensor2D): tf.Tensor1D {
  if (!tf.getKernel(SUM_ROWS, tf.getBackend())) return tf.sum(x, 0);
  return tf.engine().runKernel(SUM_ROWS, {x}) as tf.Tensor1D;
}

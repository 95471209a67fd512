/**
 * 2-D matrix products for the composed versions: C = op(A) op(B), op the identity or the transpose; and row sums.
 *
 *   a [M, K] or [K, M],  b [K, N] or [N, K]
 *
 * A backend whose stock kernels are slow at one of these registers a kernel of ours for it: SwintMatrixProduct, with
 * inputs a and b and attributes transposeA and transposeB; SwintSumRows, with input x.
 */
import * as tf from '@tensorflow/tfjs-core';
import {dispatch} from '../dispatch.js';

/** The product of two matrices, each transposed first where asked for. */
export function matMul2d(
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  transposeA = false,
  transposeB = false,
): tf.Tensor2D {
  return dispatch<[tf.Tensor2D]>('SwintMatrixProduct', {a, b}, {transposeA, transposeB}, () => [
    tf.matMul(a, b, transposeA, transposeB),
  ])[0];
}

/** A tensor as a matrix of its last axis: [..., C] to [M, C]. */
export function asRows(x: tf.Tensor): tf.Tensor2D {
  // Not -1, which reshape cannot infer where there are no numbers.
  return tf.reshape(x, [tf.util.sizeFromShape(x.shape.slice(0, -1)), x.shape[x.rank - 1]]);
}

/** Sum over the rows: [M, C] to [C]. */
export function sumRows(x: tf.Tensor2D): tf.Tensor1D {
  return dispatch<[tf.Tensor1D]>('SwintSumRows', {x}, {}, () => [tf.sum(x, 0)])[0];
}

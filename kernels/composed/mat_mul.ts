/**
 * 2-D matrix products for the composed versions: C = op(A) op(B) (+ bias), op the identity or the transpose.
 *
 *   a [M, K] or [K, M],  b [K, N] or [N, K],  bias [N]
 */
import * as tf from '@tensorflow/tfjs-core';

/** The product of two matrices, each transposed first where asked for. */
export function matMul2d(
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  transposeA = false,
  transposeB = false,
): tf.Tensor2D {
  // On wasm only the product of two untransposed matrices reaches XNNPACK; a transposed one is a scalar loop, more
  // than ten times slower than transposing first.
  if (tf.getBackend() === 'wasm' && (transposeA || transposeB)) {
    return tf.tidy(() => tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b));
  }
  return tf.matMul(a, b, transposeA, transposeB);
}

/** A tensor as a matrix of its last axis: [..., C] to [M, C]. */
export function asRows(x: tf.Tensor): tf.Tensor2D {
  return tf.reshape(x, [-1, x.shape[x.rank - 1]]);
}

/** Sum over the rows: [M, C] to [C]. */
export function sumRows(x: tf.Tensor2D): tf.Tensor1D {
  // On wasm a sum over any axis but the last transposes first; a product with ones does not.
  if (tf.getBackend() !== 'wasm') return tf.sum(x, 0);
  return tf.tidy(() => tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]]));
}

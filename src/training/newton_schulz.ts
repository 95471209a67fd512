/**
 * The matrix with all singular values near 1 that is nearest in direction to another, by a Newton-Schulz iteration:
 *
 *     X_0 = G / (|G|_F + 1e-7)
 *     X_{i+1} = a X_i + b (X_i X_i^T) X_i + c (X_i X_i^T)^2 X_i        a = 3.4445, b = -4.775, c = 2.0315
 *
 * For G = U S V^T it tends to U S' V^T with all of S' in about [0.7, 1.2]: the coefficients are chosen for speed, not for
 * convergence to 1. Products of matrices are all that it needs.
 *
 * Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; github.com/KellerJordan/Muon.
 */
import * as tf from '@tensorflow/tfjs-core';

const [A, B, C] = [3.4445, -4.775, 2.0315];
const EPSILON = 1e-7;

/**
 * @param matrices [n, rows, columns]; each is treated on its own.
 * @param steps iterations.
 * @param scalar makes the constants.
 * @returns [n, rows, columns].
 */
export function newtonSchulz(
  matrices: tf.Tensor3D,
  steps: number,
  scalar: (value: number) => tf.Scalar,
): tf.Tensor3D {
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.sum(tf.square(matrices), [1, 2], true));
    let x: tf.Tensor3D = tf.div(matrices, tf.add(norm, scalar(EPSILON)));
    // X X^T is as large as the rows, X^T X as the columns; the powers of either give the same matrix.
    const [, rows, columns] = matrices.shape;
    const wide = rows <= columns;
    for (let i = 0; i < steps; i++) {
      const square: tf.Tensor3D = tf.matMul(x, x, !wide, wide);
      const fourth: tf.Tensor3D = tf.matMul(square, square);
      const factor = tf.add(tf.mul(square, scalar(B)), tf.mul(fourth, scalar(C)));
      const product = wide ? tf.matMul(factor, x) : tf.matMul(x, factor);
      x = tf.add(tf.mul(x, scalar(A)), product);
    }
    return x;
  });
}

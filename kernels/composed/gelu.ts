/** Exact GELU and its derivative from stock tfjs operations. Contract: contracts/gelu. */
import * as tf from '@tensorflow/tfjs-core';

/** Standard normal distribution function: Phi(z) = (1 + erf(z / sqrt 2)) / 2. */
function normalCdf(z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.add(tf.erf(tf.mul(z, Math.SQRT1_2)), 1), 0.5));
}

/** GELU: z Phi(z). */
export function geluComposed(z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(z, normalCdf(z)));
}

/** Its derivative: Phi(z) + z phi(z), phi the standard normal density. */
export function geluDerivative(z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const density = tf.mul(tf.exp(tf.mul(tf.square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.add(normalCdf(z), tf.mul(z, density));
  });
}

/** One factor per sample, as drop-path needs it: x [B, ...] times scale [B]. */
import * as tf from '@tensorflow/tfjs-core';

export function scaleSamples(x: tf.Tensor, scale: tf.Tensor1D): tf.Tensor {
  return tf.tidy(() =>
    tf.reshape(
      tf.mul(
        tf.reshape(x, [scale.size, tf.util.sizeFromShape(x.shape.slice(1))]),
        tf.reshape(scale, [scale.size, 1]),
      ),
      x.shape,
    ),
  );
}

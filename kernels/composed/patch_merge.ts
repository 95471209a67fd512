/** patchMerge and its gradient from stock tfjs operations. Contract: contracts/patch_merge. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * Forward: pad to even sizes, then swap the row parity with the columns.
 * [B, H, W, C] as [B H/2, 2, W, C] to [B H/2, W, 2, C], which is [B, H/2, W/2, (column, row) parity, C].
 */
export function patchMergeComposed(x: tf.Tensor4D): [tf.Tensor4D] {
  return tf.tidy(() => {
    const [batch, height, width, channels] = x.shape;
    const [h, w] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    const even =
      height % 2 || width % 2
        ? tf.pad(x, [
            [0, 0],
            [0, height % 2],
            [0, width % 2],
            [0, 0],
          ])
        : x;
    const squares = tf.transpose(tf.reshape(even, [batch * h, 2, 2 * w, channels]), [0, 2, 1, 3]);
    return [tf.reshape(squares, [batch, h, w, 4 * channels])];
  });
}

/** Gradient: the inverse, cropped to the shape of x. */
export function patchMergeGradComposed(dy: tf.Tensor4D, shape: number[]): [tf.Tensor4D] {
  return tf.tidy(() => {
    const [batch, height, width, channels] = shape;
    const [h, w] = [dy.shape[1], dy.shape[2]];
    const squares = tf.transpose(tf.reshape(dy, [batch * h, 2 * w, 2, channels]), [0, 2, 1, 3]);
    const even: tf.Tensor4D = tf.reshape(squares, [batch, 2 * h, 2 * w, channels]);
    return [tf.slice(even, [0, 0, 0, 0], [batch, height, width, channels])];
  });
}

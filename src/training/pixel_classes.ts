/**
 * Pixels as rows: logits of a segmentation network [B, K, H, W] or [B, H, W, K] as [P, K], labels [B, H, W] as one-hot rows
 * [P, K], P = B H W. A row of zeros stands for a pixel that counts for nothing.
 */
import * as tf from '@tensorflow/tfjs-core';
import type {DataFormat} from '../../kernels/common/data_format.js';

/** Values [B, K, H, W] or [B, H, W, K] as [P, K]. */
export function pixelRows(values: tf.Tensor, dataFormat: DataFormat): tf.Tensor2D {
  const last = dataFormat === 'channelsFirst' ? tf.transpose(values, [0, 2, 3, 1]) : values;
  return tf.reshape(last, [-1, last.shape[3]!]);
}

/**
 * Class indices [B, H, W] as one-hot rows [P, classes], float32.
 *
 * @param ignoreIndex label whose rows are zeros; default none.
 */
export function oneHotPixels(labels: tf.Tensor, classes: number, ignoreIndex?: number): tf.Tensor2D {
  const flat = tf.reshape(tf.cast(labels, 'int32'), [-1]) as tf.Tensor1D;
  if (ignoreIndex === undefined) return oneHotRows(flat, classes);
  const counts = tf.cast(tf.notEqual(flat, ignoreIndex), 'int32');
  // Not every backend checks that an index lies below the number of classes.
  const rows = oneHotRows(tf.mul(flat, counts), classes);
  return tf.mul(rows, tf.expandDims(tf.cast(counts, 'float32'), 1));
}

/** The wasm backend's OneHot writes integers whatever dtype it is asked for, hence the cast. */
function oneHotRows(indices: tf.Tensor1D, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(indices, classes), 'float32') as tf.Tensor2D;
}

/** Pixels by [true class, predicted class], as [K * K] row by row, counted where the logits are. */
export function confusionCounts(
  labels: tf.Tensor,
  logits: tf.Tensor,
  dataFormat: DataFormat,
  ignoreIndex?: number,
): tf.Tensor1D {
  const rows = pixelRows(logits, dataFormat);
  const classes = rows.shape[1];
  const predicted = oneHotRows(tf.argMax(rows, 1) as tf.Tensor1D, classes);
  return tf.reshape(tf.matMul(oneHotPixels(labels, classes, ignoreIndex), predicted, true), [-1]);
}

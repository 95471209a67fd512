/**
 * The baseline of the benchmarks: a pair of Swin blocks as one would port them from the published code with tfjs's own
 * operations, gradients by tfjs's tape. Weights are those of a SwinT of the same shape, in its order.
 *
 *   x [B, H, W, C]; window w; heads h; no padding (w divides H and W)
 *
 * Source: Liu et al. 2021, "Swin Transformer"; the structure follows microsoft/Swin-Transformer.
 */
import * as tf from '@tensorflow/tfjs';

export interface StockPair {
  numHeads: number;
  window: number;
  /** Weights of a SwinT with depth 2, in the order of its `weights`. */
  weights: tf.Tensor[];
}

function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor {
  const {mean, variance} = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), gamma), beta);
}

function dense(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(x, [-1, x.shape[x.rank - 1]]);
  return tf.reshape(tf.add(tf.matMul(rows, weight), bias), [
    ...x.shape.slice(0, -1),
    weight.shape[1] as number,
  ]);
}

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
}

function roll(x: tf.Tensor, shift: number, axis: 1 | 2): tf.Tensor {
  const size = x.shape[axis] as number;
  const cut = ((-shift % size) + size) % size;
  return tf.concat(tf.split(x, [cut, size - cut], axis).reverse(), axis);
}

/** Additive mask of a shifted map, [nW, N, N]. */
function shiftMask(height: number, width: number, window: number, shift: number): tf.Tensor {
  const region = (i: number, size: number) => (i < size - window ? 0 : i < size - shift ? 1 : 2);
  // As floats: tfjs cannot transpose integers of six axes on webgpu.
  const map = Float32Array.from(
    {length: height * width},
    (_, i) => 3 * region(Math.floor(i / width), height) + region(i % width, width),
  );
  const windows = partition(tf.tensor4d(map, [1, height, width, 1]), window);
  const tokens = window * window;
  const ids = tf.reshape(windows, [-1, tokens]);
  const same = tf.equal(tf.expandDims(ids, 1), tf.expandDims(ids, 2));
  return tf.mul(tf.sub(1, tf.cast(same, 'float32')), -100);
}

function partition(x: tf.Tensor, window: number): tf.Tensor {
  const [batch, height, width, channels] = x.shape;
  const cut = tf.reshape(x, [batch, height / window, window, width / window, window, channels]);
  return tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4, 5]), [-1, window * window, channels]);
}

function unpartition(windows: tf.Tensor, window: number, [batch, height, width]: number[]): tf.Tensor {
  const channels = windows.shape[2] as number;
  const cut = tf.reshape(windows, [batch, height / window, width / window, window, window, channels]);
  return tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4, 5]), [batch, height, width, channels]);
}

function relativeIndex(window: number): tf.Tensor1D {
  const tokens = window * window;
  return tf.tensor1d(
    Int32Array.from({length: tokens * tokens}, (_, i) => {
      const [q, k] = [Math.floor(i / tokens), i % tokens];
      const dy = Math.floor(q / window) - Math.floor(k / window) + window - 1;
      return dy * (2 * window - 1) + (q % window) - (k % window) + window - 1;
    }),
    'int32',
  );
}

function block(x: tf.Tensor, weights: tf.Tensor[], {numHeads, window}: StockPair, shift: number): tf.Tensor {
  const [gamma1, beta1, qkvWeight, qkvBias, table, projWeight, projBias] = weights;
  const [gamma2, beta2, fc1Weight, fc1Bias, fc2Weight, fc2Bias] = weights.slice(7);
  const [batch, height, width, channels] = x.shape;
  const tokens = window * window;
  let map = layerNorm(x, gamma1, beta1);
  if (shift > 0) map = roll(roll(map, -shift, 1), -shift, 2);
  const windows = partition(map, window);
  const size = channels / numHeads;
  const qkv = tf.transpose(
    tf.reshape(dense(windows, qkvWeight, qkvBias), [-1, tokens, 3, numHeads, size]),
    [2, 0, 3, 1, 4],
  );
  const [q, k, v] = tf.unstack(qkv);
  let scores = tf.matMul(tf.mul(q, size ** -0.5), k, false, true);
  const bias = tf.reshape(tf.gather(table, relativeIndex(window)), [tokens, tokens, numHeads]);
  scores = tf.add(scores, tf.transpose(bias, [2, 0, 1]));
  if (shift > 0) {
    const mask = shiftMask(height, width, window, shift);
    const nW = mask.shape[0];
    const byWindow = tf.reshape(scores, [-1, nW, numHeads, tokens, tokens]);
    scores = tf.reshape(tf.add(byWindow, tf.reshape(mask, [1, nW, 1, tokens, tokens])), scores.shape);
  }
  const attended = tf.matMul(tf.softmax(scores), v);
  const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [-1, tokens, channels]);
  let y = unpartition(dense(joined, projWeight, projBias), window, [batch, height, width]);
  if (shift > 0) y = roll(roll(y, shift, 1), shift, 2);
  y = tf.add(x, y);
  const hidden = gelu(dense(layerNorm(y, gamma2, beta2), fc1Weight, fc1Bias));
  return tf.add(y, dense(hidden, fc2Weight, fc2Bias));
}

/** W-MSA and SW-MSA block, [B, H, W, C] to the same. */
export function stockPair(x: tf.Tensor, pair: StockPair): tf.Tensor {
  const half = pair.weights.length / 2;
  const first = block(x, pair.weights.slice(0, half), pair, 0);
  // Where one window covers the map there is nothing to shift.
  const shift =
    pair.window < Math.min(x.shape[1] as number, x.shape[2] as number) ? Math.floor(pair.window / 2) : 0;
  return block(first, pair.weights.slice(half), pair, shift);
}

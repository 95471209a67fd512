/**
 * windowAttention and its gradient from stock tfjs operations. Contract: contracts/window_attention.
 *
 * Shapes: heads split as [B nW, heads, N, d], scores [B nW heads, N, N]. Bias and mask are joined into one tensor,
 * so that the scores are touched once between the product and the softmax.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  MAX_LOGIT_SCALE,
  MIN_NORM,
  PADDING_MASK,
  REGION_MASK,
  type WindowAttentionAttrs,
  type WindowAttentionInputs,
} from '../contracts/window_attention.js';
import {relativePositionIndex, relativeTableSize} from '../geometry/relative_position.js';
import {PADDING, SEEN, type WindowGeometry, windowGeometry, windowVisibility} from '../geometry/windows.js';
import {sumRows} from './mat_mul.js';
import {cropPadding, fromWindows, sumOverPadding, toWindows} from './windows.js';

/** [B nW, N, P C] to P tensors [B nW heads, N, d]. */
function splitHeads(windows: tf.Tensor3D, parts: number, numHeads: number): tf.Tensor3D[] {
  return tf.tidy(() => {
    const [count, tokens, channels] = windows.shape;
    const size = channels / parts / numHeads;
    const heads = tf.transpose(tf.reshape(windows, [count, tokens, parts * numHeads, size]), [0, 2, 1, 3]);
    // Cut as a matrix: tfjs copies row by row, and these rows are as long as can be.
    const split = parts === 1 ? [heads] : tf.split(tf.reshape(heads, [count, tokens * channels]), parts, 1);
    return split.map((part) => tf.reshape(part, [count * numHeads, tokens, size]) as tf.Tensor3D);
  });
}

/** P tensors [B nW heads, N, d] to [B nW, N, P C]. */
function joinHeads(parts: tf.Tensor3D[], numHeads: number): tf.Tensor3D {
  return tf.tidy(() => {
    const [count, tokens, size] = parts[0].shape;
    const windows = count / numHeads;
    const rows = parts.map((part) => tf.reshape(part, [windows, numHeads * tokens * size]));
    const joined = rows.length === 1 ? rows[0] : tf.concat(rows, 1);
    const heads = tf.reshape(joined, [windows, parts.length * numHeads, tokens, size]);
    return tf.reshape(tf.transpose(heads, [0, 2, 1, 3]), [windows, tokens, parts.length * numHeads * size]);
  });
}

/** What is added to the scores: bias and mask, [heads N N] or [nW heads N N] where windows differ. */
function scoreOffset(table: tf.Tensor2D, geometry: WindowGeometry): tf.Tensor1D {
  return tf.tidy(() => {
    const index = tf.tensor1d(relativePositionIndex(geometry.windowSize, geometry.window), 'int32');
    const bias = tf.transpose(tf.gather(table, index));
    const visibility = windowVisibility(geometry);
    if (!visibility) return tf.reshape(bias, [-1]);
    const mask = new Float32Array(visibility.length);
    for (let i = 0; i < mask.length; i++) {
      if (visibility[i] !== SEEN) mask[i] = visibility[i] === PADDING ? PADDING_MASK : REGION_MASK;
    }
    const pairs = geometry.tokens * geometry.tokens;
    return tf.reshape(tf.add(tf.tensor3d(mask, [geometry.windows, 1, pairs]), bias), [-1]);
  });
}

/** One factor per head for tensors [B nW heads, N, d], as [heads, 1, 1] times [B nW, heads, N d]. */
function scaleHeads(x: tf.Tensor3D, factor: tf.Tensor1D): tf.Tensor3D {
  return tf.tidy(() => {
    const heads = factor.size;
    const byHead = tf.reshape(x, [x.shape[0] / heads, heads, x.shape[1] * x.shape[2]]);
    return tf.reshape(tf.mul(byHead, tf.reshape(factor, [heads, 1])), x.shape);
  });
}

/** Length of every row, at least MIN_NORM: [..., d] to [..., 1]. */
function rowNorm(x: tf.Tensor3D): tf.Tensor {
  return tf.maximum(tf.sqrt(tf.sum(tf.square(x), -1, true)), MIN_NORM);
}

function logitFactor(logitScale: tf.Tensor1D): tf.Tensor1D {
  return tf.exp(tf.minimum(logitScale, MAX_LOGIT_SCALE));
}

/** 0 or 1 / (1 - rate) for every attention weight; the same for the same seed. */
function dropoutFactor(shape: tf.Tensor3D['shape'], {rate, seed}: {rate: number; seed: number}): tf.Tensor3D {
  return tf.tidy(() => {
    const uniform: tf.Tensor3D = tf.randomUniform(shape, 0, 1, 'float32', seed);
    return tf.div(tf.floor(tf.add(uniform, 1 - rate)), 1 - rate);
  });
}

interface Attention {
  /** Left and right factor of the scores: scaled q and k for 'dot', scaled q / |q| and k / |k| for 'cosine'. */
  left: tf.Tensor3D;
  right: tf.Tensor3D;
  q: tf.Tensor3D;
  k: tf.Tensor3D;
  v: tf.Tensor3D;
  /** softmax of the scores, [B nW heads, N, N]. */
  probabilities: tf.Tensor3D;
}

function attend(
  inputs: WindowAttentionInputs,
  attrs: WindowAttentionAttrs,
  geometry: WindowGeometry,
): Attention {
  return tf.tidy(() => {
    const {qkv, table, logitScale, padToken} = inputs;
    const windows = toWindows(qkv, geometry, attrs.padding === 'attended' ? padToken : undefined);
    const [q, k, v] = splitHeads(windows, 3, attrs.numHeads);
    let left: tf.Tensor3D;
    let right = k;
    if (attrs.score === 'cosine') {
      left = scaleHeads(tf.div(q, rowNorm(q)), logitFactor(logitScale as tf.Tensor1D));
      right = tf.div(k, rowNorm(k));
    } else {
      left = tf.mul(q, attrs.scale);
    }
    const probabilities: tf.Tensor3D = tf.tidy(() => {
      const offset = scoreOffset(table, geometry);
      const scores: tf.Tensor3D = tf.matMul(left, right, false, true);
      const shifted = tf.add(tf.reshape(scores, [-1, offset.size]), offset);
      return tf.softmax(tf.reshape(shifted, scores.shape));
    });
    return {left, right, q, k, v, probabilities};
  });
}

function geometryOf(qkv: tf.Tensor4D, attrs: WindowAttentionAttrs): WindowGeometry {
  return windowGeometry([qkv.shape[1], qkv.shape[2]], attrs.windowSize, attrs.shift, attrs.padding);
}

/** Forward. */
export function windowAttentionComposed(
  inputs: WindowAttentionInputs,
  attrs: WindowAttentionAttrs,
): [tf.Tensor4D] {
  // No images: tfjs's cpu backend cannot cut tensors without numbers.
  const [batch, height, width, last] = inputs.qkv.shape;
  if (inputs.qkv.size === 0) return [tf.zeros([batch, height, width, last / 3])];
  return tf.tidy(() => {
    const geometry = geometryOf(inputs.qkv, attrs);
    const {v, probabilities} = attend(inputs, attrs, geometry);
    const weights: tf.Tensor3D = attrs.dropout
      ? tf.mul(probabilities, dropoutFactor(probabilities.shape, attrs.dropout))
      : probabilities;
    const heads: tf.Tensor3D = tf.matMul(weights, v);
    const map = fromWindows(joinHeads([heads], attrs.numHeads), geometry, inputs.qkv.shape[3] / 3);
    return [cropPadding(map, geometry)];
  });
}

/**
 * softmax(S) alone, [B nW heads, N, N] (query before key), without dropout. The caller disposes it.
 *
 * @param inputs As of windowAttention, of one image at least.
 */
export function attentionProbabilities(
  inputs: WindowAttentionInputs,
  attrs: WindowAttentionAttrs,
): tf.Tensor3D {
  return tf.tidy(() => attend(inputs, attrs, geometryOf(inputs.qkv, attrs)).probabilities);
}

/** Through h = x / |x|: dx = (dh - h (h . dh)) / |x|. */
function throughNormalisation(dh: tf.Tensor3D, x: tf.Tensor3D): tf.Tensor3D {
  return tf.tidy(() => {
    const norm = rowNorm(x);
    const h = tf.div(x, norm);
    return tf.div(tf.sub(dh, tf.mul(h, tf.sum(tf.mul(h, dh), -1, true))), norm);
  });
}

/** Gradient: dqkv, dtable, then dlogitScale and dpadToken where those inputs were given. */
export function windowAttentionGradComposed(
  inputs: WindowAttentionInputs & {dy: tf.Tensor4D},
  attrs: WindowAttentionAttrs,
): tf.Tensor[] {
  return tf.tidy(() => {
    const {qkv, table, logitScale, padToken, dy} = inputs;
    if (qkv.size === 0) {
      const given = [qkv, table, logitScale, padToken].filter((one) => one !== undefined);
      return given.map((one) => tf.zerosLike(one));
    }
    const {numHeads} = attrs;
    const geometry = geometryOf(qkv, attrs);
    const {tokens} = geometry;
    const {left, right, q, k, v, probabilities} = attend(inputs, attrs, geometry);
    const [dOut] = splitHeads(toWindows(dy, geometry), 1, numHeads);

    const drop = attrs.dropout ? dropoutFactor(probabilities.shape, attrs.dropout) : undefined;
    const weights: tf.Tensor3D = drop ? tf.mul(probabilities, drop) : probabilities;
    const dv: tf.Tensor3D = tf.matMul(weights, dOut, true, false);
    const dScores: tf.Tensor3D = tf.tidy(() => {
      let dWeights: tf.Tensor3D = tf.matMul(dOut, v, false, true);
      if (drop) dWeights = tf.mul(dWeights, drop);
      const weighted = tf.mul(dWeights, probabilities);
      return tf.sub(weighted, tf.mul(probabilities, tf.sum(weighted, -1, true)));
    });

    const dtable = tf.tidy(() => {
      const index = tf.tensor1d(relativePositionIndex(geometry.windowSize, geometry.window), 'int32');
      const pairs = tokens * tokens;
      const dBias = tf.reshape(sumRows(tf.reshape(dScores, [-1, numHeads * pairs])), [numHeads, pairs]);
      return tf.unsortedSegmentSum(tf.transpose(dBias), index, relativeTableSize(geometry.windowSize));
    });

    let dq: tf.Tensor3D = tf.matMul(dScores, right);
    let dk: tf.Tensor3D = tf.matMul(dScores, left, true, false);
    const optional: tf.Tensor[] = [];
    if (attrs.score === 'cosine') {
      const scale = logitScale as tf.Tensor1D;
      const factor = logitFactor(scale);
      // dS/dlogitScale is the score itself, exp(logitScale) q k / (|q| |k|) = left right^T, and sum(dS left right^T)
      // = sum(left (dS right)): no second product is needed.
      const perHead = tf.sum(tf.reshape(tf.mul(left, dq), [-1, numHeads, tokens * left.shape[2]]), [0, 2]);
      optional.push(tf.mul(perHead, tf.cast(tf.lessEqual(scale, MAX_LOGIT_SCALE), 'float32')));
      dq = throughNormalisation(scaleHeads(dq, factor), q);
      dk = throughNormalisation(dk, k);
    } else {
      dq = tf.mul(dq, attrs.scale);
    }
    const dMap = fromWindows(joinHeads([dq, dk, dv], numHeads), geometry, qkv.shape[3]);
    if (padToken) {
      optional.push(attrs.padding === 'attended' ? sumOverPadding(dMap, geometry) : tf.zerosLike(padToken));
    }
    return [cropPadding(dMap, geometry), dtable, ...optional];
  });
}

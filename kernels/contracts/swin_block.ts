/**
 * swinBlock: a whole Swin Transformer block.
 *
 *   pre-norm ('v1')             y = x + s1 attn(LN1(x)),  out = y + s2 mlp(LN2(y))
 *   post-norm ('v2', 'miziha')  y = x + s1 LN1(attn(x)),  out = y + s2 LN2(mlp(y))
 *
 *   attn(h) = windowAttention(h Wqkv + bqkv) Wproj + bproj,  mlp(h) = GELU(h W1 + b1) W2 + b2
 *
 *   x            [B, H, W, C]
 *   gamma1, beta1, gamma2, beta2  [C]
 *   qkvWeight    [C, 3C],  qkvBias [3C], optional
 *   table, logitScale, padToken   as in windowAttention
 *   projWeight   [C, C],   projBias [C]
 *   fc1Weight    [C, F],   fc1Bias [F];   fc2Weight [F, C],   fc2Bias [C]
 *   sampleScale1, sampleScale2    [B], optional: s1 and s2, one factor per sample, as drop-path needs them; constants
 *
 * The gradient is that of the operations it is made of (contracts/linear, layer_norm, window_attention), all inputs at
 * once. A backend has a kernel for the block, for the block and its gradient, or for neither: then the block is made of
 * the other operations. Source: contracts/window_attention.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type {WindowAttentionAttrs} from './window_attention.js';

export interface SwinBlockInputs {
  x: tf.Tensor4D;
  gamma1: tf.Tensor1D;
  beta1: tf.Tensor1D;
  qkvWeight: tf.Tensor2D;
  qkvBias?: tf.Tensor1D;
  table: tf.Tensor2D;
  logitScale?: tf.Tensor1D;
  padToken?: tf.Tensor1D;
  projWeight: tf.Tensor2D;
  projBias: tf.Tensor1D;
  gamma2: tf.Tensor1D;
  beta2: tf.Tensor1D;
  fc1Weight: tf.Tensor2D;
  fc1Bias: tf.Tensor1D;
  fc2Weight: tf.Tensor2D;
  fc2Bias: tf.Tensor1D;
  sampleScale1?: tf.Tensor1D;
  sampleScale2?: tf.Tensor1D;
}

/** What a forward pass keeps for its gradient; which of them, and what is in them, is the backend's affair. */
export interface SwinBlockKept {
  /** h Wqkv + bqkv [B, H, W, 3C]. */
  qkv: tf.Tensor;
  /** windowAttention(qkv) [B, H, W, C]. */
  attended: tf.Tensor;
  /** The map between the branches [B, H, W, C]. */
  between: tf.Tensor;
  /** The hidden layer before GELU [B H W, F]. */
  z: tf.Tensor;
  /** Pre-norm: mean and 1 / sqrt(var + epsilon) of what LN1 and LN2 read, [B H W, 2]. */
  statistics1?: tf.Tensor;
  statistics2?: tf.Tensor;
  /** Post-norm: what LN1 and LN2 read, [B, H, W, C]. */
  projected?: tf.Tensor;
  branch?: tf.Tensor;
}

/** Names of SwinBlockKept in the order in which a kernel returns them. */
export function keptByBlock(norm: SwinBlockAttrs['norm']): (keyof SwinBlockKept)[] {
  const common = ['qkv', 'attended', 'between', 'z'] as const;
  return norm === 'pre' ? [...common, 'statistics1', 'statistics2'] : [...common, 'projected', 'branch'];
}

/** The inputs, of those given, that get a gradient, in the order in which a kernel returns these. */
export function blockGradients(inputs: object): (keyof SwinBlockInputs)[] {
  const names: (keyof SwinBlockInputs)[] = [
    ...(['x', 'gamma1', 'beta1', 'qkvWeight', 'qkvBias', 'table', 'logitScale', 'padToken'] as const),
    ...([
      'projWeight',
      'projBias',
      'gamma2',
      'beta2',
      'fc1Weight',
      'fc1Bias',
      'fc2Weight',
      'fc2Bias',
    ] as const),
  ];
  return names.filter((name) => (inputs as Partial<SwinBlockInputs>)[name] !== undefined);
}

export interface SwinBlockAttrs {
  attention: WindowAttentionAttrs;
  norm: 'pre' | 'post';
  epsilon: number;
}

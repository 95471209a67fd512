/**
 * swinBlock: a whole Swin Transformer block, for inference.
 *
 *   pre-norm ('v1')             y = x + attn(LN1(x)),  out = y + mlp(LN2(y))
 *   post-norm ('v2', 'miziha')  y = x + LN1(attn(x)),  out = y + LN2(mlp(y))
 *
 *   attn(h) = windowAttention(h Wqkv + bqkv) Wproj + bproj,  mlp(h) = GELU(h W1 + b1) W2 + b2
 *
 *   x            [B, H, W, C]
 *   gamma1, beta1, gamma2, beta2  [C]
 *   qkvWeight    [C, 3C],  qkvBias [3C], optional
 *   table, logitScale, padToken   as in windowAttention
 *   projWeight   [C, C],   projBias [C]
 *   fc1Weight    [C, F],   fc1Bias [F];   fc2Weight [F, C],   fc2Bias [C]
 *
 * No gradient: where one may be asked for, and where no backend's kernel does it in one, the block is made of the other
 * operations. Source: contracts/window_attention.
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
}

export interface SwinBlockAttrs {
  attention: WindowAttentionAttrs;
  norm: 'pre' | 'post';
  epsilon: number;
}

/**
 * swinBlock made of the other operations. Contract: contracts/swin_block.
 *
 * Each of them runs its fast kernel where the backend has one and brings its own gradient, so that this function is
 * differentiable as it stands, and a frozen weight costs nothing in the backward pass.
 */
import * as tf from '@tensorflow/tfjs-core';
import type {SwinBlockAttrs, SwinBlockInputs} from '../contracts/swin_block.js';
import {depthwiseConvolution} from '../operations/depthwise_convolution.js';
import {layerNorm} from '../operations/layer_norm.js';
import {linear} from '../operations/linear.js';
import {windowAttention} from '../operations/window_attention.js';

/** Drops some of the numbers of a map. */
type Drop = (x: tf.Tensor) => tf.Tensor;

/** What closes a residual branch: residual + sampleScale * branch. */
interface Residual {
  residual?: tf.Tensor;
  sampleScale?: tf.Tensor1D;
}

/**
 * The block without convolution of positions and layer scale: x is the convolved map, and the factors of the channels are in
 * the weights that close the branches, with the gradients of both. In training and at inference alike that is less work than
 * a pass over a map.
 */
export function withoutPositionAndScale(
  inputs: SwinBlockInputs,
  {norm}: Pick<SwinBlockAttrs, 'norm'>,
): SwinBlockInputs {
  const {positionWeight, positionBias, layerScale1, layerScale2, ...rest} = inputs;
  const block: SwinBlockInputs = rest;
  if (positionWeight) {
    const position = {x: block.x, weight: positionWeight, bias: positionBias};
    block.x = depthwiseConvolution(position, {residual: true});
  }
  const pre = norm === 'pre';
  const closing1 = pre ? (['projWeight', 'projBias'] as const) : (['gamma1', 'beta1'] as const);
  const closing2 = pre ? (['fc2Weight', 'fc2Bias'] as const) : (['gamma2', 'beta2'] as const);
  const scaled = (names: readonly (keyof SwinBlockInputs)[], scale: tf.Tensor1D | undefined) =>
    scale ? Object.fromEntries(names.map((name) => [name, tf.mul(block[name]!, scale)])) : {};
  return {...block, ...scaled(closing1, layerScale1), ...scaled(closing2, layerScale2)};
}

/**
 * Forward, differentiable.
 *
 * @param drop What training has beside the operation: dropout of the hidden layer and of the end of each branch, before
 *   the residual joins. Called in this order: attention branch, hidden layer, MLP branch.
 */
export function swinBlockComposed(
  given: SwinBlockInputs,
  {attention, norm, epsilon}: SwinBlockAttrs,
  drop?: Drop,
): tf.Tensor4D {
  return tf.tidy(() => {
    const inputs = withoutPositionAndScale(given, {norm});
    const {x, sampleScale1, sampleScale2} = inputs;
    const norm1 = {gamma: inputs.gamma1, beta: inputs.beta1};
    const norm2 = {gamma: inputs.gamma2, beta: inputs.beta2};
    const attend = (h: tf.Tensor, residual: Residual) =>
      attentionBranch(h, inputs, attention, residual, drop);
    const mlp = (h: tf.Tensor, residual: Residual) => mlpBranch(h, inputs, residual, drop);
    if (norm === 'pre') {
      const first = {residual: x, sampleScale: sampleScale1};
      const between = attend(layerNorm({x, ...norm1}, {epsilon}), first);
      const second = {residual: between, sampleScale: sampleScale2};
      return mlp(layerNorm({x: between, ...norm2}, {epsilon}), second);
    }
    const first = {...norm1, residual: x, sampleScale: sampleScale1};
    const between = layerNorm({x: attend(x, {}), ...first}, {epsilon});
    const second = {...norm2, residual: between, sampleScale: sampleScale2};
    return layerNorm({x: mlp(between, {}), ...second}, {epsilon});
  }) as tf.Tensor4D;
}

/** (windowAttention(qkv) + dw(v)) Wproj + bproj, qkv = h Wqkv + bqkv. */
function attentionBranch(
  h: tf.Tensor,
  inputs: SwinBlockInputs,
  attrs: SwinBlockAttrs['attention'],
  residual: Residual,
  drop?: Drop,
): tf.Tensor {
  const {qkvWeight, qkvBias, table, logitScale, padToken, valueWeight, valueBias, projWeight, projBias} =
    inputs;
  const qkv = linear({x: h, weight: qkvWeight, bias: qkvBias}) as tf.Tensor4D;
  let attended = windowAttention({qkv, table, logitScale, padToken}, attrs);
  if (valueWeight) {
    const channels = attended.shape[3];
    const values = tf.slice(qkv, [0, 0, 0, 2 * channels]);
    attended = depthwiseConvolution({x: values, weight: valueWeight, bias: valueBias, addend: attended});
  }
  return closeBranch({x: attended, weight: projWeight, bias: projBias}, residual, drop);
}

/** (u + dw(u)) W2 + b2, u = GELU(h W1 + b1). */
function mlpBranch(
  h: tf.Tensor,
  {fc1Weight, fc1Bias, hiddenWeight, hiddenBias, fc2Weight, fc2Bias}: SwinBlockInputs,
  residual: Residual,
  drop?: Drop,
): tf.Tensor {
  let hidden = linear({x: h, weight: fc1Weight, bias: fc1Bias}, {activation: 'gelu'});
  if (hiddenWeight) {
    const convolution = {x: hidden as tf.Tensor4D, weight: hiddenWeight, bias: hiddenBias};
    hidden = depthwiseConvolution(convolution, {residual: true});
  }
  return closeBranch({x: drop ? drop(hidden) : hidden, weight: fc2Weight, bias: fc2Bias}, residual, drop);
}

/** The last product of a branch, with the residual in its epilogue; the residual joins after the dropout. */
function closeBranch(
  product: {x: tf.Tensor; weight: tf.Tensor2D; bias: tf.Tensor1D},
  {residual, sampleScale}: Residual,
  drop?: Drop,
): tf.Tensor {
  if (!drop) return linear({...product, residual, sampleScale});
  let branch = drop(linear(product));
  if (sampleScale) branch = tf.mul(branch, tf.reshape(sampleScale, [-1, 1, 1, 1]));
  return residual ? tf.add(residual, branch) : branch;
}

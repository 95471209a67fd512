/** windowAttention, differentiable, on any backend. Formula, shapes and gradient: contracts/window_attention. */
import type * as tf from '@tensorflow/tfjs-core';
import {attentionObserver} from '../attention_observer.js';
import {windowAttentionComposed, windowAttentionGradComposed} from '../composed/window_attention.js';
import {
  checkWindowAttention,
  type WindowAttentionAttrs,
  type WindowAttentionInputs,
} from '../contracts/window_attention.js';
import {differentiable} from '../differentiable.js';
import {dispatch} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * Multi-head self-attention within the windows of a map.
 *
 * @param inputs qkv [B, H, W, 3C], table [(2 Wh - 1)(2 Ww - 1), heads], and where wanted logitScale [heads] (needed
 *   for score 'cosine') and padToken [3C] (read by padding 'attended').
 * @param attrs numHeads, windowSize, shift, padding, score, scale and dropout; see contracts/window_attention.
 * @returns [B, H, W, C].
 * @throws ShapeError or ConfigError if inputs and attributes do not fit each other.
 */
export function windowAttention(inputs: WindowAttentionInputs, attrs: WindowAttentionAttrs): tf.Tensor4D {
  checkWindowAttention(inputs, attrs);
  attentionObserver()?.(inputs, attrs);
  const given = present(inputs);
  const names = Object.keys(given);
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    save(Object.values(given));
    return dispatch('SwintWindowAttention', given, attrs, () => windowAttentionComposed(inputs, attrs))[0];
  };
  const backward = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const gradInputs = {...Object.fromEntries(names.map((name, i) => [name, saved[i]])), dy};
    const grads = dispatch('SwintWindowAttentionGrad', gradInputs, attrs, () =>
      windowAttentionGradComposed(gradInputs as WindowAttentionInputs & {dy: tf.Tensor4D}, attrs),
    );
    const order = ['qkv', 'table', 'logitScale', 'padToken'].filter((name) => name in given);
    return Object.fromEntries(order.map((name, i) => [name, () => grads[i]]));
  };
  return differentiable('windowAttention', given, forward, backward) as tf.Tensor4D;
}

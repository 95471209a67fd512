/** swinBlock: a block at once, where a backend can. Formula and shapes: contracts/swin_block. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  blockGradients,
  keptByBlock,
  type SwinBlockAttrs,
  type SwinBlockInputs,
} from '../contracts/swin_block.js';
import {differentiable, gradientsWanted} from '../differentiable.js';
import {dispatch, hasKernel} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * A Swin Transformer block without dropout.
 *
 * @param inputs Makes x [B, H, W, C] and the block's weights, where they are needed; see contracts/swin_block.
 * @param attrs attention: as for windowAttention; norm: 'pre' or 'post'; epsilon of the layer norms.
 * @param composed The same block made of the other operations, which have gradients: computed where the backend has no
 *   kernel for a whole block or, where a gradient may be asked for, none for its gradient.
 * @returns [B, H, W, C].
 */
export function swinBlock(
  inputs: () => SwinBlockInputs,
  attrs: SwinBlockAttrs,
  composed: () => tf.Tensor4D,
): tf.Tensor4D {
  const wanted = gradientsWanted();
  if (!hasKernel('SwintBlock') || (wanted && !hasKernel('SwintBlockGrad'))) return composed();
  const given = present(inputs());
  if (!wanted) return dispatch<[tf.Tensor4D]>('SwintBlock', given, attrs, () => [composed()])[0];
  const names = Object.keys(given);
  const keptNames = keptByBlock(attrs.norm);
  const order = blockGradients(given);
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    const [y, ...kept] = dispatch('SwintBlock', given, {...attrs, keep: true}, () => [composed()]);
    save([...Object.values(given), ...kept]);
    return y;
  };
  const backward = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const tensors = Object.fromEntries([...names, ...keptNames].map((name, i) => [name, saved[i]]));
    const grads = dispatch<tf.Tensor[]>('SwintBlockGrad', {...tensors, dy}, attrs, () => []);
    return Object.fromEntries(order.map((name, i) => [name, () => grads[i]]));
  };
  const trained = Object.fromEntries(order.map((name) => [name, given[name] as tf.Tensor]));
  return differentiable(trained, forward, backward) as tf.Tensor4D;
}

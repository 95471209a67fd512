/** swinBlock: a block at once, where a backend can. Formula and shapes: contracts/swin_block. */
import type * as tf from '@tensorflow/tfjs-core';
import type {SwinBlockAttrs, SwinBlockInputs} from '../contracts/swin_block.js';
import {gradientsWanted} from '../differentiable.js';
import {dispatch, hasKernel} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * A Swin Transformer block without dropout or drop-path.
 *
 * @param inputs Makes x [B, H, W, C] and the block's weights, where they are needed; see contracts/swin_block.
 * @param attrs attention: as for windowAttention; norm: 'pre' or 'post'; epsilon of the layer norms.
 * @param composed The same block made of the other operations, which have gradients: computed where the backend has no
 *   kernel for a whole block and where a gradient may be asked for.
 * @returns [B, H, W, C].
 */
export function swinBlock(
  inputs: () => SwinBlockInputs,
  attrs: SwinBlockAttrs,
  composed: () => tf.Tensor4D,
): tf.Tensor4D {
  if (gradientsWanted() || !hasKernel('SwintBlock')) return composed();
  return dispatch<[tf.Tensor4D]>('SwintBlock', present(inputs()), attrs, () => [composed()])[0];
}

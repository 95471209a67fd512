/** patchMerge, differentiable, on any backend. Formula, shapes and gradient: contracts/patch_merge. */
import type * as tf from '@tensorflow/tfjs-core';
import {patchMergeComposed, patchMergeGradComposed} from '../composed/patch_merge.js';
import {checkPatchMerge, type PatchMergeInputs} from '../contracts/patch_merge.js';
import {differentiable} from '../differentiable.js';
import {dispatch} from '../dispatch.js';

/**
 * The four cells of every 2x2 square side by side in the channels, in the order h0w0, h1w0, h0w1, h1w1.
 *
 * @param inputs x [B, H, W, C]; an odd H or W is padded with zeros.
 * @returns [B, ceil(H/2), ceil(W/2), 4C].
 * @throws ShapeError if x is not of rank 4.
 */
export function patchMerge(inputs: PatchMergeInputs): tf.Tensor4D {
  checkPatchMerge(inputs);
  const {x} = inputs;
  const shape = x.shape;
  const forward = () => dispatch('SwintPatchMerge', {x}, {}, () => patchMergeComposed(x))[0];
  const backward = (dy: tf.Tensor) => ({
    x: () =>
      dispatch('SwintPatchMergeGrad', {dy}, {shape}, () =>
        patchMergeGradComposed(dy as tf.Tensor4D, shape),
      )[0],
  });
  return differentiable('patchMerge', {x}, forward, backward) as tf.Tensor4D;
}

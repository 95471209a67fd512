/** depthwiseConvolution, differentiable, on any backend. Formula, shapes and gradient: contracts/depthwise_convolution. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  depthwiseConvolutionComposed,
  depthwiseConvolutionGradWeight,
  depthwiseConvolutionGradX,
} from '../composed/depthwise_convolution.js';
import {linearGradBias} from '../composed/linear.js';
import {asRows} from '../composed/mat_mul.js';
import {
  checkDepthwiseConvolution,
  type DepthwiseConvolutionAttrs,
  type DepthwiseConvolutionInputs,
} from '../contracts/depthwise_convolution.js';
import {differentiable} from '../differentiable.js';
import {dispatch} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * A 3x3 convolution of each channel by itself, with stride 1 and zeros around the map.
 *
 * @param inputs x [B, H, W, C], weight [3, 3, C, 1], and where wanted bias [C] and addend [B, H, W, C], which is added.
 * @param attrs residual: whether x is added too; default false.
 * @returns [B, H, W, C].
 * @throws ShapeError if the inputs do not fit each other; ConfigError for what is no float32 tensor or no attribute.
 */
export function depthwiseConvolution(
  inputs: DepthwiseConvolutionInputs,
  attrs: DepthwiseConvolutionAttrs = {residual: false},
): tf.Tensor4D {
  checkDepthwiseConvolution(inputs, attrs);
  const {x, weight} = inputs;
  const given = present(inputs);
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    save([x, weight]);
    return dispatch('SwintDepthwiseConvolution', given, attrs, () => [
      depthwiseConvolutionComposed(inputs, attrs),
    ])[0];
  };
  const backward = (slope: tf.Tensor, saved: tf.Tensor[]) => {
    const dy = slope as tf.Tensor4D;
    const [savedX, savedWeight] = saved as [tf.Tensor4D, tf.Tensor4D];
    return {
      x: () =>
        dispatch('SwintDepthwiseConvolutionGradX', {dy, weight: savedWeight}, attrs, () => [
          depthwiseConvolutionGradX(dy, savedWeight, attrs),
        ])[0],
      weight: () =>
        dispatch('SwintDepthwiseConvolutionGradWeight', {x: savedX, dy}, {}, () => [
          depthwiseConvolutionGradWeight(savedX, dy),
        ])[0],
      bias: () => {
        const g = asRows(dy);
        return dispatch('SwintLinearGradBias', {g}, {}, () => [linearGradBias(g)])[0];
      },
      addend: () => dy,
    };
  };
  return differentiable('depthwiseConvolution', given, forward, backward) as tf.Tensor4D;
}

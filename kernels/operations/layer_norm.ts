/** layerNorm, differentiable, on any backend. Formula, shapes and gradient: contracts/layer_norm. */
import type * as tf from '@tensorflow/tfjs-core';
import {layerNormComposed, layerNormGradComposed} from '../composed/layer_norm.js';
import {checkLayerNorm, type LayerNormAttrs, type LayerNormInputs} from '../contracts/layer_norm.js';
import {differentiable, gradientsWanted} from '../differentiable.js';
import {dispatch} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * y = s[b] * ((x - mean) / sqrt(var + epsilon) * gamma + beta) + r over the last axis.
 *
 * @param inputs x [..., C], gamma [C], beta [C], and where wanted residual (the shape of x) and sampleScale [B] (a
 *   constant: it gets no gradient).
 * @param attrs epsilon: added to the variance; default 1e-5, as in Swin.
 * @returns The shape of x.
 * @throws ShapeError if the inputs do not fit each other.
 */
export function layerNorm(inputs: LayerNormInputs, attrs: LayerNormAttrs = {epsilon: 1e-5}): tf.Tensor {
  checkLayerNorm(inputs, attrs);
  const {x, gamma, beta, residual, sampleScale} = inputs;
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    const [y, ...statistics] = dispatch(
      'SwintLayerNorm',
      present(inputs),
      {...attrs, save: gradientsWanted()},
      () => layerNormComposed(inputs, attrs),
    );
    save([x, gamma, ...statistics, ...(sampleScale ? [sampleScale] : [])]);
    return y;
  };
  const backward = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const [savedX, savedGamma, mean, inverse, savedScale] = saved as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor1D?,
    ];
    const gradInputs = {dy, x: savedX, mean, inverse, gamma: savedGamma, sampleScale: savedScale};
    const grads = dispatch('SwintLayerNormGrad', present(gradInputs), attrs, () =>
      layerNormGradComposed(gradInputs),
    );
    return {x: () => grads[0], gamma: () => grads[1], beta: () => grads[2], residual: () => dy};
  };
  return differentiable('layerNorm', present({x, gamma, beta, residual}), forward, backward);
}

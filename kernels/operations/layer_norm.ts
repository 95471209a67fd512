/** layerNorm, differentiable, on any backend. Formula, shapes and gradient: contracts/layer_norm. */
import type * as tf from '@tensorflow/tfjs-core';
import {layerNormComposed, layerNormGradComposed} from '../composed/layer_norm.js';
import {checkLayerNorm, type LayerNormAttrs, type LayerNormInputs} from '../contracts/layer_norm.js';
import {differentiable, gradientsWanted} from '../differentiable.js';
import {dispatch} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * y = (x - mean) / sqrt(var + epsilon) * gamma + beta over the last axis.
 *
 * @param inputs x [..., C], gamma [C], beta [C].
 * @param attrs epsilon: added to the variance; default 1e-5, as in Swin.
 * @returns The shape of x.
 * @throws ShapeError if gamma or beta do not fit the last axis of x.
 */
export function layerNorm(inputs: LayerNormInputs, attrs: LayerNormAttrs = {epsilon: 1e-5}): tf.Tensor {
  checkLayerNorm(inputs);
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    const keep = gradientsWanted();
    const [y, ...statistics] = dispatch('SwintLayerNorm', present(inputs), {...attrs, keep}, () =>
      layerNormComposed(inputs, attrs),
    );
    save([inputs.x, inputs.gamma, ...statistics]);
    return y;
  };
  const backward = (dy: tf.Tensor, [x, gamma, mean, inverse]: tf.Tensor[]) => {
    const gradInputs = {dy, x, mean, inverse, gamma: gamma as tf.Tensor1D};
    const grads = dispatch('SwintLayerNormGrad', gradInputs, attrs, () => layerNormGradComposed(gradInputs));
    return {x: () => grads[0], gamma: () => grads[1], beta: () => grads[2]};
  };
  return differentiable(present(inputs), forward, backward);
}

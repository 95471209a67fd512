/** linear, differentiable, on any backend. Formula, shapes and gradient: contracts/linear. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  linearComposed,
  linearGradBias,
  linearGradOutput,
  linearGradWeight,
  linearGradX,
} from '../composed/linear.js';
import {asRows} from '../composed/mat_mul.js';
import {checkLinear, type LinearAttrs, type LinearInputs} from '../contracts/linear.js';
import {differentiable, gradientsWanted} from '../differentiable.js';
import {dispatch} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * y = s[b] * f(x W + b) + r over the last axis of x.
 *
 * @param inputs x [B, ..., Cin], weight [Cin, Cout], and where wanted bias [Cout], residual [B, ..., Cout] and
 *   sampleScale [B] (a constant: it gets no gradient).
 * @param attrs activation: 'none' (default) or 'gelu' (exact).
 * @returns [B, ..., Cout].
 * @throws ShapeError if the inputs do not fit each other; ConfigError for what is no float32 tensor or no attribute.
 */
export function linear(inputs: LinearInputs, attrs: LinearAttrs = {activation: 'none'}): tf.Tensor {
  checkLinear(inputs, attrs);
  const {x, weight, bias, residual, sampleScale} = inputs;
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    const [y, ...extra] = dispatch('SwintLinear', present(inputs), {...attrs, save: gradientsWanted()}, () =>
      linearComposed(inputs, attrs),
    );
    save([x, weight, ...(sampleScale ? [sampleScale] : []), ...extra]);
    return y;
  };
  const backward = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const [savedX, savedWeight, ...rest] = saved as [tf.Tensor, tf.Tensor2D, ...tf.Tensor[]];
    const savedScale = sampleScale ? (rest.shift() as tf.Tensor1D) : undefined;
    const outputInputs = {dy, sampleScale: savedScale, z: rest[0]};
    const [g] =
      savedScale || rest[0]
        ? dispatch('SwintLinearGradOutput', present(outputInputs), {}, () => [linearGradOutput(outputInputs)])
        : [asRows(dy)];
    return {
      x: () =>
        dispatch('SwintLinearGradX', {g, weight: savedWeight}, {shape: savedX.shape}, () => [
          linearGradX(g, savedWeight, savedX.shape),
        ])[0],
      weight: () =>
        dispatch('SwintLinearGradWeight', {g, x: savedX}, {}, () => [linearGradWeight(g, savedX)])[0],
      bias: () => dispatch('SwintLinearGradBias', {g}, {}, () => [linearGradBias(g)])[0],
      residual: () => dy,
    };
  };
  return differentiable('linear', present({x, weight, bias, residual}), forward, backward);
}

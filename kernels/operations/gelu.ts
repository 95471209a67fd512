/** gelu, differentiable, on any backend. Formula and gradient: contracts/gelu. */
import * as tf from '@tensorflow/tfjs-core';
import {geluComposed} from '../composed/gelu.js';
import {linearGradOutput} from '../composed/linear.js';
import {checkGelu, type GeluInputs} from '../contracts/gelu.js';
import {differentiable} from '../differentiable.js';
import {dispatch} from '../dispatch.js';

/** x as a matrix [M, C], as the gradient's kernel takes it. */
const asMatrix = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.rank === 0 ? 1 : x.shape[x.rank - 1]]);

/**
 * x Phi(x), Phi the distribution function of the standard normal.
 *
 * @param inputs x of any shape.
 * @returns the shape of x.
 * @throws ConfigError if x is no float32 tensor.
 */
export function gelu(inputs: GeluInputs): tf.Tensor {
  checkGelu(inputs);
  const {x} = inputs;
  const forward = (save: (tensors: tf.Tensor[]) => void) => {
    const [y] = dispatch('SwintGelu', {x}, {}, () => [geluComposed(x)]);
    save([x]);
    return y;
  };
  // The same gradient follows the product of a linear layer with GELU.
  const backward = (dy: tf.Tensor, [savedX]: tf.Tensor[]) => ({
    x: () =>
      tf.tidy(() => {
        if (savedX.size === 0) return tf.zerosLike(savedX);
        const matrices = {dy: asMatrix(dy), z: asMatrix(savedX)};
        const [g] = dispatch('SwintLinearGradOutput', matrices, {}, () => [linearGradOutput(matrices)]);
        return tf.reshape(g, savedX.shape);
      }),
  });
  return differentiable('gelu', {x}, forward, backward);
}

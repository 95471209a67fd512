/** swinBlock, differentiable, on any backend. Formula, shapes and gradient: contracts/swin_block. */
import * as tf from '@tensorflow/tfjs-core';
import {attentionObserver} from '../attention_observer.js';
import {swinBlockComposed, withoutPositionAndScale} from '../composed/swin_block.js';
import {
  blockGradients,
  checkSwinBlock,
  type SwinBlockAttrs,
  type SwinBlockInputs,
  savedByBlock,
} from '../contracts/swin_block.js';
import {differentiable, gradientsWanted} from '../differentiable.js';
import {hasKernel, runKernel} from '../dispatch.js';
import {present} from './inputs.js';

/**
 * A Swin Transformer block: window attention and a two-layer MLP, each in a residual branch.
 *
 * @param inputs x [B, H, W, C], the block's weights, and where wanted qkvBias, logitScale (needed for score 'cosine'),
 *   padToken, sampleScale1 and sampleScale2 (constants: they get no gradient), layer scales and convolutions; see
 *   contracts/swin_block.
 * @param attrs attention: as for windowAttention; norm: 'pre' or 'post'; epsilon of the layer norms.
 * @returns [B, H, W, C].
 * @throws ShapeError or ConfigError if inputs and attributes do not fit each other; BackendError where the kernels of the
 *   backend are taken out between the forward pass and the gradient.
 */
export function swinBlock(inputs: SwinBlockInputs, attrs: SwinBlockAttrs): tf.Tensor4D {
  checkSwinBlock(inputs, attrs);
  const convolves = inputs.valueWeight !== undefined || inputs.hiddenWeight !== undefined;
  const hasKernels = hasKernel('SwintBlock') && (!gradientsWanted() || hasKernel('SwintBlockGrad'));
  if (convolves || !hasKernels || attentionObserver()) return swinBlockComposed(inputs, attrs);
  return tf.tidy(() => runBlock(withoutPositionAndScale(inputs, attrs), attrs));
}

/** The block by the kernels of the backend. */
function runBlock(inputs: SwinBlockInputs, attrs: SwinBlockAttrs): tf.Tensor4D {
  const save = gradientsWanted();
  const given = present(inputs);
  const names = [...Object.keys(given), ...savedByBlock(attrs.norm)];
  const trained = blockGradients(given);
  const forward = (saveTensors: (tensors: tf.Tensor[]) => void) => {
    const [y, ...saved] = runKernel('SwintBlock', given, {...attrs, save});
    saveTensors([...Object.values(given), ...saved]);
    return y;
  };
  const backward = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const gradInputs = {...Object.fromEntries(names.map((name, i) => [name, saved[i]])), dy};
    const grads = runKernel('SwintBlockGrad', gradInputs, attrs);
    return Object.fromEntries(trained.map((name, i) => [name, () => grads[i]]));
  };
  const differentiated = Object.fromEntries(trained.map((name) => [name, given[name]]));
  return differentiable('swinBlock', differentiated, forward, backward) as tf.Tensor4D;
}

/**
 * What follows a product or a convolution, cut in two: a bias of one number per channel, relu and relu6 are part of our
 * own kernels, other biases and activations follow them; see kernels/epilogue.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import {
  type EpilogueAttrs,
  type EpilogueInputs,
  followedBy,
  isActivation,
  isPerChannel,
} from '../../epilogue.js';
import {callKernel} from '../runtime/call_kernel.js';
import {ACTIVATION_NUMBERS} from './activation.js';

interface Epilogue {
  /** What our kernels do. */
  fused: {bias?: tf.TensorInfo; activation: number};
  /** What follows them, on their result, which is given up. */
  rest: (backend: BackendWasm, x: tf.TensorInfo) => tf.TensorInfo;
}

/**
 * The epilogue of a result of so many channels; undefined is an activation that tfjs added later.
 *
 * @param inputs bias, and the slopes of prelu.
 */
export function epilogueOf(
  channels: number,
  inputs: EpilogueInputs,
  {activation = 'linear', leakyreluAlpha}: EpilogueAttrs,
): Epilogue | undefined {
  if (!isActivation(activation)) return undefined;
  const {bias, preluActivationWeights} = inputs;
  const joins = !bias || isPerChannel(bias, channels);
  const number = joins ? ACTIVATION_NUMBERS[activation] : undefined;
  return {
    fused: {bias: joins ? bias : undefined, activation: number ?? 0},
    rest: (backend, x) =>
      followedBy(
        {
          call: (name, operands, attributes = {}) => callKernel(backend, name, operands, attributes),
          disposeData: (dataId) => backend.disposeData(dataId),
        },
        x,
        {bias: joins ? undefined : bias, preluActivationWeights},
        {activation: number === undefined ? activation : 'linear', leakyreluAlpha},
      ),
  };
}

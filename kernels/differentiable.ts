/**
 * Joins a forward function and the formula of its gradient into one node of the tape.
 *
 * Unlike `tf.customGrad` the gradients are asked for one by one, so that a frozen weight costs nothing in the
 * backward pass. tfjs has this entry (customGrad is written with it) but leaves it out of its typings.
 */
import * as tf from '@tensorflow/tfjs-core';
import {ConfigError} from './common/errors.js';

/** Gradients by input name, computed when the tape asks for them. */
export type Gradients<Name extends string> = {[name in Name]: () => tf.Tensor};

interface TapeEngine {
  runKernelFunc(invocation: {
    forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => tf.Tensor;
    backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Gradients<string>;
    inputs: Record<string, tf.Tensor>;
  }): tf.Tensor;
}

const tapeEngine = () => tf.engine() as unknown as TapeEngine;

/**
 * Whether a gradient may be asked for of what is computed now, so that a forward pass has to keep what its backward pass
 * needs.
 */
export function gradientsWanted(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/**
 * Runs `forward` off the tape and records `backward` as its gradient. That gradient has none of its own.
 *
 * @param who The operation, for the error of a gradient of a gradient.
 * @param inputs What gradients can be asked for. Absent optional inputs are left out, not undefined.
 * @param forward Computes the result; `save` keeps tensors for the backward pass.
 * @param backward From the gradient of the result and what was saved, the gradient of every input. The tape tidies
 *   each of these functions on its own: what several of them share is computed before they are returned.
 */
export function differentiable(
  who: string,
  inputs: Record<string, tf.Tensor>,
  forward: (save: (tensors: tf.Tensor[]) => void) => tf.Tensor,
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => Gradients<string>,
): tf.Tensor {
  return tapeEngine().runKernelFunc({
    forwardFunc: (_backend, save) => forward(save),
    backwardsFunc: (dy, saved) =>
      gradientsWanted() ? withoutGradients(who, dy, saved, backward) : backward(dy, saved),
    inputs,
  });
}

/**
 * The gradients within another gradient: where that one reaches them, it fails. The tape does not see what they are
 * computed of, some of which, as the statistics of a norm, depends on the inputs: on it the second gradient would lack terms.
 */
function withoutGradients(
  who: string,
  dy: tf.Tensor,
  saved: tf.Tensor[],
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => Gradients<string>,
): Gradients<string> {
  const refuse = (): never => {
    throw new ConfigError(
      `${who}: a gradient must be asked for once; got the gradient of its gradient, which it has not ` +
        "(compose the function of tfjs's own operations).",
    );
  };
  const inputs = Object.fromEntries([dy, ...saved].map((one, i) => [`${i}`, one]));
  const {state} = tf.engine();
  state.kernelDepth++;
  let gradients: Gradients<string>;
  try {
    gradients = backward(dy, saved);
  } finally {
    state.kernelDepth--;
  }
  const recorded = Object.entries(gradients).map(([name, gradient]) => [
    name,
    () =>
      tapeEngine().runKernelFunc({
        // A tensor of its own, so that dy, where it is the result, does not refuse what else it is used for.
        forwardFunc: () => tf.clone(gradient()),
        backwardsFunc: refuse,
        inputs,
      }),
  ]);
  return Object.fromEntries(recorded);
}

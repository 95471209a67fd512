/**
 * Joins a forward function and the formula of its gradient into one node of the tape.
 *
 * Unlike `tf.customGrad` the gradients are asked for one by one, so that a frozen weight costs nothing in the
 * backward pass. tfjs has this entry (customGrad is written with it) but leaves it out of its typings.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Gradients by input name, computed when the tape asks for them. */
export type Gradients<Name extends string> = {[name in Name]: () => tf.Tensor};

interface TapeEngine {
  runKernelFunc(invocation: {
    forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => tf.Tensor;
    backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Gradients<string>;
    inputs: Record<string, tf.Tensor>;
  }): tf.Tensor;
}

/**
 * Whether a gradient may be asked for of what is computed now, so that a forward pass has to keep what its backward pass
 * needs.
 */
export function gradientsWanted(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/**
 * Runs `forward` off the tape and records `backward` as its gradient.
 *
 * @param inputs What gradients can be asked for. Absent optional inputs are left out, not undefined.
 * @param forward Computes the result; `save` keeps tensors for the backward pass.
 * @param backward From the gradient of the result and what was saved, the gradient of every input. The tape tidies
 *   each of these functions on its own: what several of them share is computed before they are returned.
 */
export function differentiable(
  inputs: Record<string, tf.Tensor>,
  forward: (save: (tensors: tf.Tensor[]) => void) => tf.Tensor,
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => Gradients<string>,
): tf.Tensor {
  const engine = tf.engine() as unknown as TapeEngine;
  return engine.runKernelFunc({
    forwardFunc: (_backend, save) => forward(save),
    backwardsFunc: backward,
    inputs,
  });
}

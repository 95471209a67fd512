/** adamUpdate and sgdUpdate of one variable from stock tfjs operations. Contract: contracts/optimizer. */
import * as tf from '@tensorflow/tfjs-core';
import type {AdamAttrs, AdamInputs, SgdAttrs, SgdInputs} from '../contracts/optimizer.js';

/** A number as a tensor. Who updates many variables makes each number once, since a backend uploads every one. */
export type Scalars = (value: number) => tf.Scalar;

/** [value, m, v]. */
export function adamUpdateComposed(
  {value, gradient, m, v}: AdamInputs,
  {beta1, beta2, rate, epsilon}: AdamAttrs,
  decay: number,
  scalar: Scalars,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  return tf.tidy(() => {
    const newM = tf.add(tf.mul(m, scalar(beta1)), gradient);
    const newV = tf.add(tf.mul(v, scalar(beta2)), tf.square(gradient));
    const step = tf.mul(tf.div(newM, tf.add(tf.sqrt(newV), scalar(epsilon))), scalar(rate));
    return [tf.sub(decay === 1 ? value : tf.mul(value, scalar(decay)), step), newM, newV];
  });
}

/** [value], with momentum [value, velocity]. */
export function sgdUpdateComposed(
  {value, gradient, velocity}: SgdInputs,
  {learningRate, momentum, nesterov}: SgdAttrs,
  weightDecay: number,
  scalar: Scalars,
): tf.Tensor[] {
  return tf.tidy(() => {
    const decayed = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(value, scalar(weightDecay)));
    const along = (direction: tf.Tensor) => tf.sub(value, tf.mul(direction, scalar(learningRate)));
    if (!velocity) return [along(decayed)];
    const newVelocity = tf.add(tf.mul(velocity, scalar(momentum)), decayed);
    const direction = nesterov ? tf.add(decayed, tf.mul(newVelocity, scalar(momentum))) : newVelocity;
    return [along(direction), newVelocity];
  });
}

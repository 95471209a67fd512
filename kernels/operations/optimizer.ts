/** adamUpdate and sgdUpdate on any backend. Formula and shapes: contracts/optimizer. */
import * as tf from '@tensorflow/tfjs-core';
import {adamUpdateComposed, type Scalars, sgdUpdateComposed} from '../composed/optimizer.js';
import {
  type AdamAttrs,
  type AdamInputs,
  checkAdam,
  checkSgd,
  type SgdAttrs,
  type SgdInputs,
} from '../contracts/optimizer.js';
import {dispatch} from '../dispatch.js';
import {present} from './inputs.js';

const newScalar: Scalars = (value) => tf.scalar(value);

/**
 * One step of Adam for one variable.
 *
 * @param inputs value, its gradient and the sums m and v, all of one shape.
 * @param attrs the numbers of the step; see adamAttrs in contracts/optimizer.
 * @param scalar makes the scalars of the composed version; default a new one each time.
 * @returns The new value, m and v.
 * @throws ShapeError if the inputs are not of one shape.
 */
export function adamUpdate(
  inputs: AdamInputs,
  attrs: AdamAttrs,
  scalar: Scalars = newScalar,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  checkAdam(inputs);
  return dispatch('SwintAdamUpdate', present(inputs), attrs, () => adamUpdateComposed(inputs, attrs, scalar));
}

/**
 * One step of gradient descent for one variable.
 *
 * @param inputs value, its gradient and, for momentum, its velocity, all of one shape.
 * @param attrs learningRate, momentum, nesterov, weightDecay.
 * @param scalar makes the scalars of the composed version; default a new one each time.
 * @returns The new value and, if there was one, the new velocity.
 * @throws ShapeError if the inputs are not of one shape.
 */
export function sgdUpdate(inputs: SgdInputs, attrs: SgdAttrs, scalar: Scalars = newScalar): tf.Tensor[] {
  checkSgd(inputs);
  return dispatch('SwintSgdUpdate', present(inputs), attrs, () => sgdUpdateComposed(inputs, attrs, scalar));
}

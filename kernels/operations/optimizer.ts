/** adamUpdate and sgdUpdate on any backend. Formula and shapes: contracts/optimizer. */
import * as tf from '@tensorflow/tfjs-core';
import {adamUpdateComposed, type Scalars, sgdUpdateComposed} from '../composed/optimizer.js';
import {
  type AdamAttrs,
  type AdamInputs,
  checkAdam,
  checkSgd,
  numbered,
  type SgdAttrs,
  type SgdInputs,
} from '../contracts/optimizer.js';
import {dispatch} from '../dispatch.js';

const newScalar: Scalars = (value) => tf.scalar(value);

/** Cuts results that follow each other into those of each variable. */
const perVariable = (results: tf.Tensor[], variables: number): tf.Tensor[][] =>
  Array.from({length: variables}, (_, i) =>
    results.slice((i * results.length) / variables, ((i + 1) * results.length) / variables),
  );

/**
 * One step of Adam for some variables.
 *
 * @param variables of each its value, gradient and the sums m and v, all of one shape. m and v are given up: see
 *     contracts/optimizer.
 * @param attrs the numbers of the step, and the decay of each variable; see adamAttrs in contracts/optimizer.
 * @param scalar makes the scalars of the composed version; default a new one each time.
 * @returns Of each variable the new value, m and v.
 * @throws ShapeError if the inputs of a variable are not of one shape, or there is not one decay for each.
 */
export function adamUpdate(
  variables: AdamInputs[],
  attrs: AdamAttrs,
  scalar: Scalars = newScalar,
): tf.Tensor[][] {
  checkAdam(variables, attrs);
  const composed = () =>
    variables.flatMap((one, i) => adamUpdateComposed(one, attrs, attrs.decay[i], scalar));
  return perVariable(dispatch('SwintAdamUpdate', numbered(variables), attrs, composed), variables.length);
}

/**
 * One step of gradient descent for some variables.
 *
 * @param variables of each its value, gradient and, for momentum, its velocity, all of one shape. The velocity is given
 *     up: see contracts/optimizer.
 * @param attrs learningRate, momentum, nesterov, and the weight decay of each variable.
 * @param scalar makes the scalars of the composed version; default a new one each time.
 * @returns Of each variable the new value and, if there was one, the new velocity.
 * @throws ShapeError if the inputs of a variable are not of one shape, or there is not one decay for each.
 */
export function sgdUpdate(
  variables: SgdInputs[],
  attrs: SgdAttrs,
  scalar: Scalars = newScalar,
): tf.Tensor[][] {
  checkSgd(variables, attrs);
  const composed = () =>
    variables.flatMap((one, i) => sgdUpdateComposed(one, attrs, attrs.weightDecay[i], scalar));
  return perVariable(dispatch('SwintSgdUpdate', numbered(variables), attrs, composed), variables.length);
}

/**
 * Updates of variables by an optimizer, several at once: adamUpdate and sgdUpdate. Neither has a gradient.
 *
 *   adamUpdate   m' = beta1 m + g,  v' = beta2 v + g^2,  value' = decay value - rate m' / (sqrt(v') + epsilon)
 *   sgdUpdate    g' = g + weightDecay value
 *                without momentum:  value' = value - learningRate g'
 *                with:              velocity' = momentum velocity + g',  value' = value - learningRate velocity'
 *                Nesterov's:        value' = value - learningRate (g' + momentum velocity')
 *
 * value, gradient, m, v and velocity of a variable are of one shape, any. Its value stays as it is and the new one is a
 * new tensor. m, v and velocity are given up: the new ones may lie in their memory, unless that is shared with another
 * tensor (a clone keeps its numbers).
 *
 * m and v are plain discounted sums: Adam's moments are (1 - beta1) m and (1 - beta2) v. That way the constant factors
 * and the bias corrections of a step are three numbers, which `adamAttrs` makes and all variables share.
 *
 * Source: Kingma & Ba 2015, "Adam", algorithm 1; Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization",
 * algorithm 2; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", for
 * Nesterov's momentum in the form of tfjs, Keras and PyTorch.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {ShapeError} from '../common/errors.js';
import {requireShape} from '../common/shapes.js';

export interface AdamInputs {
  value: tf.Tensor;
  gradient: tf.Tensor;
  m: tf.Tensor;
  v: tf.Tensor;
}

export interface AdamAttrs {
  beta1: number;
  beta2: number;
  /** Step size for the plain sums. */
  rate: number;
  /** Added to the root of the plain sum of squares. */
  epsilon: number;
  /** What a step leaves of the value of each variable: 1 without weight decay. */
  decay: number[];
}

export interface SgdInputs {
  value: tf.Tensor;
  gradient: tf.Tensor;
  /** Absent: no momentum. */
  velocity?: tf.Tensor;
}

export interface SgdAttrs {
  learningRate: number;
  momentum: number;
  nesterov: boolean;
  /** Of each variable. */
  weightDecay: number[];
}

/** Adam as it is usually given: see the papers. */
export interface AdamSettings {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Of each variable: decoupled, scaled by the learning rate. */
  weightDecay: number[];
}

/**
 * The numbers of step `t`, from 1: those of
 *
 *   value' = (1 - learningRate weightDecay) value - learningRate mHat / (sqrt(vHat) + epsilon),
 *   mHat = (1 - beta1) m / (1 - beta1^t),  vHat = (1 - beta2) v / (1 - beta2^t).
 */
export function adamAttrs(
  {learningRate, beta1, beta2, epsilon, weightDecay}: AdamSettings,
  t: number,
): AdamAttrs {
  const root = Math.sqrt((1 - beta2 ** t) / (1 - beta2));
  return {
    beta1,
    beta2,
    rate: (learningRate * (1 - beta1) * root) / (1 - beta1 ** t),
    epsilon: epsilon * root,
    decay: weightDecay.map((one) => 1 - learningRate * one),
  };
}

function checkShapes(who: string, variables: object[], rates: number[]): void {
  if (rates.length !== variables.length) {
    throw new ShapeError(
      `${who}: there must be one decay for each variable; got ${rates.length} for ${variables.length} variables.`,
    );
  }
  for (const {value, ...others} of variables as {value: tf.Tensor; [name: string]: tf.Tensor | undefined}[]) {
    for (const [name, tensor] of Object.entries(others)) {
      if (tensor) requireShape(who, name, tensor, value.shape, 'that of value');
    }
  }
}

/** Throws ShapeError for inputs that do not fit each other. */
export const checkAdam = (variables: AdamInputs[], {decay}: AdamAttrs) =>
  checkShapes('adamUpdate', variables, decay);

/** Throws ShapeError for inputs that do not fit each other. */
export const checkSgd = (variables: SgdInputs[], {weightDecay}: SgdAttrs) =>
  checkShapes('sgdUpdate', variables, weightDecay);

/** The inputs of a kernel: the tensors of variable i under their names followed by i. */
export function numbered(variables: object[]): Record<string, tf.Tensor> {
  const entries = variables.flatMap((variable, i) =>
    Object.entries(variable).map(([name, tensor]) => [`${name}${i}`, tensor] as const),
  );
  return Object.fromEntries(entries.filter(([, tensor]) => tensor !== undefined));
}

/** The variables that `numbered` made inputs of. */
export function byNumber<Name extends string>(
  inputs: Record<string, tf.TensorInfo>,
): Record<Name, tf.TensorInfo>[] {
  const variables: Record<string, tf.TensorInfo>[] = [];
  for (const [key, tensor] of Object.entries(inputs)) {
    const [, name, number] = /^(\D+)(\d+)$/.exec(key) as unknown as [string, string, string];
    variables[Number(number)] = {...variables[Number(number)], [name]: tensor};
  }
  return variables;
}

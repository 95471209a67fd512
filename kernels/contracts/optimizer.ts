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
import {checkNumber, checkNumbers, FINITE, flag} from '../common/arguments.js';
import {ConfigError, ShapeError} from '../common/errors.js';
import {type ArgumentNames, checkArguments} from '../common/known_arguments.js';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape} from '../common/shapes.js';
import {showValue} from '../common/show_value.js';

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

const ADAM_INPUTS = {
  required: {value: 'any shape', gradient: 'that of value', m: 'that of value', v: 'that of value'},
  optional: {},
} satisfies InputShapes<AdamInputs>;

const SGD_INPUTS = {
  required: {value: 'any shape', gradient: 'that of value'},
  optional: {velocity: 'that of value'},
} satisfies InputShapes<SgdInputs>;

const ADAM_ATTRIBUTES = {
  ...{beta1: true, beta2: true, rate: true, epsilon: true, decay: true},
} as const satisfies ArgumentNames<AdamAttrs>;

const SGD_ATTRIBUTES = {
  ...{learningRate: true, momentum: true, nesterov: true, weightDecay: true},
} as const satisfies ArgumentNames<SgdAttrs>;

/** Throws ConfigError unless all variables are a list of the tensors that `inputs` names. */
function checkVariables(
  who: string,
  variables: unknown,
  inputs: InputShapes<AdamInputs> | InputShapes<SgdInputs>,
): void {
  if (!Array.isArray(variables)) {
    throw new ConfigError(`${who}: the variables must be a list; got ${showValue(variables)}.`);
  }
  for (const [i, variable] of variables.entries()) checkTensors(`${who}(variable ${i})`, variable, inputs);
}

function checkShapes(who: string, variables: object[], rates: number[]): void {
  if (!Array.isArray(rates) || rates.length !== variables.length) {
    throw new ShapeError(
      `${who}: there must be one decay for each variable; got ${showValue(rates)} for ${variables.length} variables.`,
    );
  }
  for (const {value, ...others} of variables as {value: tf.Tensor; [name: string]: tf.Tensor | undefined}[]) {
    for (const [name, tensor] of Object.entries(others)) {
      if (tensor) requireShape(who, name, tensor, value.shape, 'that of value');
    }
  }
}

function checkRates(who: string, rates: number[]): void {
  checkNumbers(who, 'the decays', rates, {count: rates.length, per: 'variable', rule: FINITE});
}

/** Throws ShapeError for inputs that do not fit each other, ConfigError for what is no float32 tensor or no attribute. */
export function checkAdam(variables: AdamInputs[], attrs: AdamAttrs): void {
  const who = 'adamUpdate';
  checkVariables(who, variables, ADAM_INPUTS);
  checkArguments(who, attrs, ADAM_ATTRIBUTES);
  checkShapes(who, variables, attrs.decay);
  checkRates(who, attrs.decay);
  for (const name of ['beta1', 'beta2', 'rate', 'epsilon'] as const)
    checkNumber(who, name, attrs[name], FINITE);
}

/** Throws ShapeError for inputs that do not fit each other, ConfigError for what is no float32 tensor or no attribute. */
export function checkSgd(variables: SgdInputs[], attrs: SgdAttrs): void {
  const who = 'sgdUpdate';
  checkVariables(who, variables, SGD_INPUTS);
  checkArguments(who, attrs, SGD_ATTRIBUTES);
  checkShapes(who, variables, attrs.weightDecay);
  checkRates(who, attrs.weightDecay);
  for (const name of ['learningRate', 'momentum'] as const) checkNumber(who, name, attrs[name], FINITE);
  flag(who, 'nesterov', attrs.nesterov, false);
}

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

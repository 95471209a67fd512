/**
 * Gradient descent, with momentum where asked for:
 *
 *     g' = g + wd p
 *     without:      p_t = p_{t-1} - lr g'
 *     momentum:     u_t = momentum u_{t-1} + g',  p_t = p_{t-1} - lr u_t
 *     Nesterov's:   p_t = p_{t-1} - lr (g' + momentum u_t)
 *
 * as in tfjs's momentum, Keras and PyTorch (Sutskever et al. 2013, "On the importance of initialization and momentum in
 * deep learning"). The decay is part of the gradient, as is usual for convolution networks, so momentum sees it too.
 *
 * A group of variables, chosen by name, has a rate that is a multiple of the others' and a decay of its own, as in
 * airbench (Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.4), where the biases of the norms
 * learn 64 times as fast as all else:
 *
 *     new SGD({learningRate, momentum: 0.85, nesterov: true, weightDecay,
 *              groups: [{match: 'beta', rateScale: 64, weightDecay: weightDecay / 64}]})
 */

import * as tf from '@tensorflow/tfjs-core';
import {BELOW_ONE, checkNumber, FROM_ZERO} from '../../kernels/common/arguments.js';
import {defined} from '../../kernels/common/defined.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showValue} from '../../kernels/common/show_value.js';
import {sgdUpdate} from '../../kernels/index.js';
import {ConfigError} from '../errors.js';
import {type NamePattern, namePattern, patternSource} from './name_pattern.js';
import {type DecayExclusion, type Step, type Update, VariableOptimizer} from './variable_optimizer.js';

/** Variables with a rate and a decay of their own. */
export interface ParameterGroup {
  /** Finds the group's variables by their names. */
  match: NamePattern;
  /** Their learning rate is this times the optimizer's. Default 1. */
  rateScale?: number;
  /** Their decay, whatever `exclude` says. Default the optimizer's, except for those that are excluded. */
  weightDecay?: number;
}

const GROUP = {
  ...{match: true, rateScale: true, weightDecay: true},
} as const satisfies ArgumentNames<ParameterGroup>;

export interface SGDArgs {
  /** Step size; may be changed at any time through the property of the same name. Default 0.01. */
  learningRate?: number;
  /** Discount of the velocity, in [0, 1). Default 0: none is kept. */
  momentum?: number;
  /** Whether to look one step of the velocity ahead; needs momentum. Default false. */
  nesterov?: boolean;
  /** How much of a weight is added to its gradient. Default 0. */
  weightDecay?: number;
  /**
   * Which variables decay leaves alone. Default `excludedFromDecay`. A function cannot be written to a file, so an SGD
   * restored by `fromConfig` has the default again.
   */
  exclude?: DecayExclusion;
  /** A variable belongs to the first group that matches its name. Default none. */
  groups?: readonly ParameterGroup[];
}

/** A group with its pattern ready. */
type Group = Omit<ParameterGroup, 'match'> & {match: RegExp};

function checkedGroups(groups: unknown): Group[] {
  if (!Array.isArray(groups)) {
    throw new ConfigError(`SGD: groups must be a list; got ${showValue(groups)}.`);
  }
  return groups.map((group: ParameterGroup, i) => {
    const who = `SGD(group ${i})`;
    checkArguments(who, group, GROUP);
    const {rateScale, weightDecay} = group;
    if (rateScale !== undefined) checkNumber(who, 'rateScale', rateScale, FROM_ZERO);
    if (weightDecay !== undefined) checkNumber(who, 'weightDecay', weightDecay, FROM_ZERO);
    return {...defined({rateScale, weightDecay}), match: namePattern(who, 'match', group.match)};
  });
}

const ARGUMENTS = {
  ...{learningRate: true, momentum: true, nesterov: true, weightDecay: true, exclude: true, groups: true},
} as const satisfies ArgumentNames<SGDArgs>;

/**
 * Gradient descent for `model.compile({optimizer: new SGD({...})})`, `optimizer.minimize` and `train`.
 *
 * A variable without a gradient in a step is left as it is, decay included.
 *
 * @throws ConfigError where an argument lies outside its range.
 */
export class SGD extends VariableOptimizer {
  /** @nocollapse */
  static className = 'SwintSGD';

  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  private readonly groups: readonly Group[];

  constructor(args: SGDArgs = {}) {
    checkArguments('SGD', args, ARGUMENTS);
    const {learningRate = 0.01, momentum = 0, nesterov = false, weightDecay = 0} = args;
    super('SGD', {any: momentum === 0 ? [] : ['velocity']}, learningRate, args.exclude);
    this.checkNumber('momentum', momentum, BELOW_ONE);
    this.checkNumber('weightDecay', weightDecay, FROM_ZERO);
    if (nesterov && momentum === 0) {
      throw new ConfigError('SGD: nesterov needs a momentum above 0; got 0 (try 0.9).');
    }
    this.momentum = momentum;
    this.nesterov = nesterov;
    this.weightDecay = weightDecay;
    this.groups = checkedGroups(args.groups ?? []);
  }

  protected override kindOf(): string {
    return 'any';
  }

  protected override update(updates: Update[], step: Step): tf.Tensor[][] {
    const results: tf.Tensor[][] = [];
    const placed = updates.map((update, i) => ({update, i, group: this.groupOf(update)}));
    // One pass for all variables of one rate.
    for (const scale of new Set(placed.map(({group}) => group?.rateScale ?? 1))) {
      const some = placed.filter(({group}) => (group?.rateScale ?? 1) === scale);
      const updated = this.updateAt(this.learningRate * scale, some, step);
      for (const [k, {i}] of some.entries()) results[i] = updated[k];
    }
    return results;
  }

  private groupOf({name}: Update): Group | undefined {
    return this.groups.find(({match}) => match.test(name));
  }

  private updateAt(
    learningRate: number,
    some: {update: Update; group?: Group}[],
    {scalar}: Step,
  ): tf.Tensor[][] {
    const {momentum, nesterov} = this;
    const weightDecay = some.map(
      ({update: {decays}, group}) => group?.weightDecay ?? (decays ? this.weightDecay : 0),
    );
    const variables = some.map(({update: {value, gradient, state}}) => ({
      value,
      gradient,
      velocity: state[0],
    }));
    return sgdUpdate(variables, {learningRate, momentum, nesterov, weightDecay}, scalar);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {learningRate, momentum, nesterov, weightDecay} = this;
    const groups = this.groups.map(({match, ...group}) => ({match: patternSource(match), ...group}));
    return {learningRate, momentum, nesterov, weightDecay, ...(groups.length > 0 && {groups})};
  }
}
tf.serialization.registerClass(SGD);

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
 */

import * as tf from '@tensorflow/tfjs-core';
import {BELOW_ONE, FROM_ZERO} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {sgdUpdate} from '../../kernels/index.js';
import {ConfigError} from '../errors.js';
import {type DecayExclusion, type Step, type Update, VariableOptimizer} from './variable_optimizer.js';

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
}

const ARGUMENTS = {
  ...{learningRate: true, momentum: true, nesterov: true, weightDecay: true, exclude: true},
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

  constructor(args: SGDArgs = {}) {
    checkArguments('SGD', args, ARGUMENTS);
    const {learningRate = 0.01, momentum = 0, nesterov = false, weightDecay = 0} = args;
    super('SGD', momentum === 0 ? [] : ['velocity'], learningRate, args.exclude);
    this.checkNumber('momentum', momentum, BELOW_ONE);
    this.checkNumber('weightDecay', weightDecay, FROM_ZERO);
    if (nesterov && momentum === 0) {
      throw new ConfigError('SGD: nesterov needs a momentum above 0; got 0 (try 0.9).');
    }
    this.momentum = momentum;
    this.nesterov = nesterov;
    this.weightDecay = weightDecay;
  }

  protected override update(updates: Update[], {scalar}: Step): tf.Tensor[][] {
    const {learningRate, momentum, nesterov} = this;
    const weightDecay = updates.map(({decays}) => (decays ? this.weightDecay : 0));
    const variables = updates.map(({value, gradient, state: [velocity]}) => ({value, gradient, velocity}));
    return sgdUpdate(variables, {learningRate, momentum, nesterov, weightDecay}, scalar);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {learningRate, momentum, nesterov, weightDecay} = this;
    return {learningRate, momentum, nesterov, weightDecay};
  }
}
tf.serialization.registerClass(SGD);

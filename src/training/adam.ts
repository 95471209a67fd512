/**
 * Adam (Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1):
 *
 *     m_t = beta1 m_{t-1} + (1 - beta1) g          v_t = beta2 v_{t-1} + (1 - beta2) g^2
 *     p_t = p_{t-1} - lr (m_t / (1 - beta1^t)) / (sqrt(v_t / (1 - beta2^t)) + epsilon)
 *
 * What is stored is M = m / (1 - beta1) and V = v / (1 - beta2), the plain discounted sums: see contracts/optimizer.
 */

import * as tf from '@tensorflow/tfjs-core';
import {ABOVE_ZERO, BELOW_ONE, FROM_ZERO} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {adamAttrs, adamUpdate} from '../../kernels/index.js';
import {type DecayExclusion, type Step, type Update, VariableOptimizer} from './variable_optimizer.js';

export interface AdamArgs {
  /** Step size; may be changed at any time through the property of the same name. Default 1e-3. */
  learningRate?: number;
  /** Discount of the gradient sum, in [0, 1). Default 0.9. */
  beta1?: number;
  /** Discount of the squared gradient sum, in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the root of the second moment, above 0. Default 1e-8. */
  epsilon?: number;
}

/** What Adam keeps for a variable. */
export const ADAM_STATE = ['gradient_sum', 'squared_gradient_sum'] as const;

const ARGUMENTS = {
  ...{learningRate: true, beta1: true, beta2: true, epsilon: true},
} as const satisfies ArgumentNames<AdamArgs>;

/** The step that Adam and AdamW share. */
export abstract class AdamOptimizer extends VariableOptimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Share of a weight that one step at learning rate 1 removes. */
  readonly weightDecay: number;

  protected constructor(who: string, args: AdamArgs, weightDecay: number, exclude?: DecayExclusion) {
    const {learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8} = args;
    super(who, {any: ADAM_STATE}, learningRate, exclude);
    this.checkNumber('beta1', beta1, BELOW_ONE);
    this.checkNumber('beta2', beta2, BELOW_ONE);
    this.checkNumber('epsilon', epsilon, ABOVE_ZERO);
    this.checkNumber('weightDecay', weightDecay, FROM_ZERO);
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
  }

  protected override kindOf(): string {
    return 'any';
  }

  protected override update(updates: Update[], {number, scalar}: Step): tf.Tensor[][] {
    const {learningRate, beta1, beta2, epsilon} = this;
    const weightDecay = updates.map(({decays}) => (decays ? this.weightDecay : 0));
    const attrs = adamAttrs({learningRate, beta1, beta2, epsilon, weightDecay}, number);
    const variables = updates.map(({value, gradient, state: [m, v]}) => ({value, gradient, m, v}));
    return adamUpdate(variables, attrs, scalar);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {learningRate, beta1, beta2, epsilon} = this;
    return {learningRate, beta1, beta2, epsilon};
  }
}

/**
 * Adam for `model.compile({optimizer: new Adam({...})})`, `optimizer.minimize` and `train`: tfjs's own, in one fused
 * kernel where the backend has one, with a learning rate that may be changed and a state that is saved in order.
 *
 * @throws ConfigError where an argument lies outside its range.
 */
export class Adam extends AdamOptimizer {
  /** @nocollapse */
  static className = 'SwintAdam';

  constructor(args: AdamArgs = {}) {
    checkArguments('Adam', args, ARGUMENTS);
    super('Adam', args, 0);
  }
}
tf.serialization.registerClass(Adam);

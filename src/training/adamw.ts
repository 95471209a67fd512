/**
 * AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization",
 * algorithm 2, in the form PyTorch and timm use: the decay is scaled by the learning rate).
 *
 *     p_t = p_{t-1} (1 - lr wd) - lr (m_t / (1 - beta1^t)) / (sqrt(v_t / (1 - beta2^t)) + epsilon)
 *
 * with the moments m and v of Adam.
 */

import * as tf from '@tensorflow/tfjs-core';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {type AdamArgs, AdamOptimizer} from './adam.js';
import type {DecayExclusion} from './variable_optimizer.js';

export interface AdamWArgs extends AdamArgs {
  /** Share of a weight that one step at learning rate 1 removes. Default 0.05, as Swin Transformer uses. */
  weightDecay?: number;
  /**
   * Which variables decay leaves alone. Default `excludedFromDecay`. A function cannot be written to a file, so
   * an AdamW restored by `fromConfig` has the default again.
   */
  exclude?: DecayExclusion;
}

const ARGUMENTS = {
  ...{learningRate: true, beta1: true, beta2: true, epsilon: true, weightDecay: true, exclude: true},
} as const satisfies ArgumentNames<AdamWArgs>;

/**
 * AdamW for `model.compile({optimizer: new AdamW({...})})`, `optimizer.minimize` and `train`.
 *
 * Bias correction counts the optimizer's steps, as tfjs's Adam does, not each variable's own. A variable without a
 * gradient in a step is left as it is, decay included.
 *
 * @throws ConfigError where an argument lies outside its range.
 */
export class AdamW extends AdamOptimizer {
  /** @nocollapse */
  static className = 'SwintAdamW';

  constructor(args: AdamWArgs = {}) {
    checkArguments('AdamW', args, ARGUMENTS);
    super('AdamW', args, args.weightDecay ?? 0.05, args.exclude);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), weightDecay: this.weightDecay};
  }
}
tf.serialization.registerClass(AdamW);

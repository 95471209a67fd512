/**
 * Drop-path (stochastic depth): during training a residual branch is dropped for whole samples.
 *
 *   y[b] = x[b] * s[b],   s[b] = 1 / (1 - rate) with probability 1 - rate, else 0
 *
 * Any shape [B, ...] in and out. Identity at inference.
 *
 * Source: Huang et al. 2016, "Deep Networks with Stochastic Depth"; timm, DropPath.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {optionalSeed, rate} from '../kernels/common/arguments.js';
import {defined} from '../kernels/common/defined.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {LAYER_ARGUMENTS} from './layer_arguments.js';
import {layerName} from './layer_name.js';
import {derivedSeed, type RandomLayer} from './random_seed.js';
import {checkInput, singleInput, singleShape} from './shapes.js';
import type {ApplyInput, ApplyOutput, LayerArgs} from './tfjs_types.js';

/** One factor per sample, [B]: 0, or 1 / (1 - rate). Equal seeds give equal factors. */
export function dropPathScale(batch: number, dropRate: number, seed: number): tf.Tensor1D {
  return tf.tidy(() => {
    const uniform: tf.Tensor1D = tf.randomUniform([batch], 0, 1, 'float32', seed);
    return tf.div(tf.floor(tf.add(uniform, 1 - dropRate)), 1 - dropRate);
  });
}

export interface DropPathArgs extends LayerArgs {
  /** Probability that a sample's branch is dropped, 0 <= rate < 1. */
  rate: number;
  /** Makes the draws repeatable. Default: none. */
  seed?: number;
}

const ARGUMENTS = {...LAYER_ARGUMENTS, rate: true, seed: true} as const satisfies ArgumentNames<DropPathArgs>;

export class DropPath extends tfl.layers.Layer implements RandomLayer {
  static readonly className = 'SwinDropPath';
  private readonly rate: number;
  private readonly seed?: number;
  randomUses = 0;

  constructor(args: DropPathArgs) {
    super(args ?? {});
    const who = layerName(this);
    checkArguments(who, args, ARGUMENTS);
    this.rate = rate(who, 'rate', args.rate);
    this.seed = optionalSeed(who, args.seed);
    this.supportsMasking = true;
  }

  override apply(inputs: ApplyInput, kwargs?: Parameters<tfl.layers.Layer['apply']>[1]): ApplyOutput {
    checkInput(layerName(this), inputs);
    return super.apply(inputs, kwargs);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return singleShape(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: {training?: boolean} = {}): tf.Tensor {
    return tf.tidy(() => {
      const x = singleInput(inputs);
      if (kwargs.training !== true || this.rate === 0) return tf.clone(x);
      const scale = dropPathScale(x.shape[0], this.rate, derivedSeed(this.seed, this.randomUses++));
      return tf.mul(x, tf.reshape(scale, [x.shape[0], ...x.shape.slice(1).map(() => 1)]));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), ...defined({rate: this.rate, seed: this.seed})};
  }
}
tf.serialization.registerClass(DropPath);

/**
 * Drop-path as a layer: drops whole samples during training and scales the rest by 1 / (1 - rate).
 *
 * @param args rate (required), seed.
 * @throws ConfigError unless 0 <= rate < 1.
 */
export function dropPath(args: DropPathArgs): DropPath {
  return new DropPath(args);
}

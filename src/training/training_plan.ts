/**
 * How long a training goes on and at which rate, whatever is trained: its number of steps, the optimizer, and a rate that
 * warms up linearly and falls as a cosine, by the steps or, where the time runs out first, by the clock.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkNumber, FROM_ZERO, type NumberRule, positiveInteger} from '../../kernels/common/arguments.js';
import {ConfigError} from '../errors.js';
import {AdamW} from './adamw.js';
import type {Resumable} from './checkpoint_state.js';
import {cosineSchedule, type Schedule} from './schedule.js';

/** The options of a trainer that decide it; `train` documents each with its default. */
export interface PlanOptions {
  epochs?: number;
  stepsPerEpoch?: number;
  batchSize?: number;
  learningRate?: number;
  weightDecay?: number;
  warmupEpochs?: number;
  schedule?: Schedule;
  optimizer?: tf.Optimizer;
  clipNorm?: number;
  maxSeconds?: number;
}

/** How long a training goes on, with which optimizer and at which rate. */
export interface TrainingPlan {
  epochs: number;
  /** Steps of an epoch. */
  steps: number;
  /** Infinity where there is no limit. */
  maxSeconds: number;
  optimizer: tf.Optimizer;
  /** Rate of a step, counted from 0 over all epochs, after some seconds; undefined where the optimizer keeps its own. */
  rate: (step: number, seconds: number) => number | undefined;
  /** What has a state beside the optimizer, by name: checkpoints hold it. */
  resumables?: Readonly<Record<string, Resumable>>;
}

/**
 * @throws ConfigError, in the name of `who`, for an option out of its range, a model without trainable weights, or where
 *     no gradients are registered.
 */
export function checkTrainingOptions(who: string, model: tfl.LayersModel, options: PlanOptions): void {
  const {epochs = 10, batchSize = 1, learningRate = 1e-3, stepsPerEpoch = 1} = options;
  const {clipNorm = 1, maxSeconds = 1, warmupEpochs = 0} = options;
  positiveInteger(who, 'epochs', epochs);
  positiveInteger(who, 'batchSize', batchSize);
  positiveInteger(who, 'stepsPerEpoch', stepsPerEpoch);
  checkNumber(who, 'learningRate', learningRate, FROM_ZERO);
  checkNumber(who, 'clipNorm', clipNorm, ABOVE_ZERO_OR_INFINITE);
  checkNumber(who, 'maxSeconds', maxSeconds, ABOVE_ZERO_OR_INFINITE);
  const belowEpochs = (value: number) => value >= 0 && value < epochs;
  checkNumber(who, 'warmupEpochs', warmupEpochs, {what: `in [0, ${epochs})`, holds: belowEpochs});
  if (tf.getGradient('Add') == null) {
    throw new ConfigError(
      `${who}: tfjs's gradients must be registered; got none, because @tensorflow/tfjs-core registers no gradient ` +
        "by itself (add import '@tensorflow/tfjs' to your program).",
    );
  }
  if (model.trainableWeights.length === 0) {
    throw new ConfigError(
      `${who}: the model must have trainable weights; got none (set layer.trainable = true).`,
    );
  }
}

/** Infinity stands for no limit. */
const ABOVE_ZERO_OR_INFINITE: NumberRule = {what: 'above 0', holds: (value) => value > 0};

/**
 * @param options as checked by `checkTrainingOptions`.
 * @param stepsPerPass steps of an epoch where `stepsPerEpoch` is not given.
 */
export function trainingPlan(options: PlanOptions, stepsPerPass: number): TrainingPlan {
  const {epochs = 10, learningRate = 1e-3, maxSeconds = Infinity, warmupEpochs = epochs / 20} = options;
  const steps = options.stepsPerEpoch ?? stepsPerPass;
  const totalSteps = epochs * steps;
  const warmupSteps = Math.min(Math.round(warmupEpochs * steps), totalSteps - 1);
  const ownRate = options.optimizer != null && options.learningRate == null;
  const cosine = ownRate ? undefined : cosineSchedule({rate: learningRate, totalSteps, warmupSteps});
  return {
    epochs,
    steps,
    maxSeconds,
    optimizer: options.optimizer ?? new AdamW({learningRate, weightDecay: options.weightDecay}),
    rate(step, seconds) {
      // A schedule of the caller's counts steps.
      if (options.schedule) return options.schedule(step);
      // Steps done, or as many as the time spent stands for where that is more.
      return cosine?.(Math.max(step, Math.floor((totalSteps * seconds) / maxSeconds)));
    },
  };
}

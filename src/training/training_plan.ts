/**
 * How long a training goes on and at which rate, whatever is trained: its number of steps, the optimizer, a rate that warms
 * up linearly and falls as a schedule says, by the steps or, where the time runs out first, by the clock, and the average
 * of the weights.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {
  checkNumber,
  FROM_ZERO,
  type NumberRule,
  optionalOneOf,
  positiveInteger,
} from '../../kernels/common/arguments.js';
import {ConfigError} from '../errors.js';
import {AdamW} from './adamw.js';
import {type Averaging, checkAveraging, WeightAverage} from './averaging.js';
import type {Resumable} from './checkpoint_state.js';
import {rateOf, setRate} from './learning_rate.js';
import {type RecipeName, recipeOptimizer} from './recipes.js';
import {
  cosineSchedule,
  plateauSchedule,
  type Schedule,
  type TestFigures,
  triangularSchedule,
} from './schedule.js';

/** The schedules that a trainer makes itself. */
export const SCHEDULES = ['cosine', 'triangular', 'plateau'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** The options of a trainer that decide it; `train` documents each with its default. */
export interface PlanOptions {
  epochs?: number;
  stepsPerEpoch?: number;
  batchSize?: number;
  learningRate?: number;
  weightDecay?: number;
  warmupEpochs?: number;
  schedule?: ScheduleName | Schedule;
  optimizer?: tf.Optimizer;
  /** Decides the optimizer where none is given; what else it fills in is in the options already. */
  recipe?: RecipeName;
  clipNorm?: number;
  accumulateSteps?: number;
  averaging?: Averaging;
  maxSeconds?: number;
}

/** How long a training goes on, with which optimizer and at which rate. */
export interface TrainingPlan {
  epochs: number;
  /** Steps of an epoch. */
  steps: number;
  /** Steps whose gradients make one update of the weights; an epoch's last update may have fewer. */
  accumulateSteps: number;
  /** Updates of an epoch. */
  updates: number;
  /** Infinity where there is no limit. */
  maxSeconds: number;
  optimizer: tf.Optimizer;
  /** Null where the rate is the optimizer's own. */
  schedule: Schedule | null;
  /** Null where weights are not averaged. */
  average: WeightAverage | null;
  /** What of these has a state, by name: checkpoints hold it. */
  resumables: Readonly<Record<string, Resumable>>;
  /** Rate of an update, counted from 0 over all epochs, after some seconds; undefined where the optimizer keeps its own. */
  rate: (update: number, seconds: number) => number | undefined;
  /** Seconds of training so far, tests not counted; while steps are taken, `runSteps` says it. */
  secondsSpent: () => number;
  /** Part of the training that is done with so many updates after some seconds, 0 to 1. */
  done: (updates: number, seconds: number) => number;
  /** Frees what the plan made. An optimizer of the caller's has the rate again that it came with. */
  dispose: () => void;
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
  positiveInteger(who, 'accumulateSteps', options.accumulateSteps ?? 1);
  if (typeof options.schedule !== 'function') optionalOneOf(who, 'schedule', options.schedule, SCHEDULES);
  if (options.averaging !== undefined) checkAveraging(who, options.averaging);
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

/** What a plan is for. */
export interface PlanContext {
  /** The name that errors start with. */
  who: string;
  model: tfl.LayersModel;
  /** Steps of an epoch where `stepsPerEpoch` is not given. */
  stepsPerPass: number;
  /** The figure of a test that the schedule 'plateau' follows. */
  monitor: string;
}

/** @param options as checked by `checkTrainingOptions`. */
export function trainingPlan(
  options: PlanOptions,
  {who, model, stepsPerPass, monitor}: PlanContext,
): TrainingPlan {
  const {epochs = 10, learningRate = 1e-3, maxSeconds = Infinity, accumulateSteps = 1, averaging} = options;
  const steps = options.stepsPerEpoch ?? stepsPerPass;
  const updates = Math.ceil(steps / accumulateSteps);
  const total = epochs * updates;
  const optimizer =
    options.optimizer ??
    recipeOptimizer(options) ??
    new AdamW({learningRate, weightDecay: options.weightDecay});
  const ownRate = rateOf(options.optimizer);
  const schedule = scheduleOf(options, {updates, total, monitor, ownRate});
  const average = averaging === undefined ? null : new WeightAverage(who, model, averaging);
  // Updates done, or as many as the time spent stands for where that is more.
  const reached = (update: number, seconds: number) =>
    Math.max(update, Math.floor((total * seconds) / maxSeconds));
  return {
    ...{epochs, steps, accumulateSteps, updates, maxSeconds, optimizer, schedule, average},
    secondsSpent: () => 0,
    resumables: {
      ...(average && {'the average of the weights': average}),
      ...(schedule?.getState && {'the schedule': schedule as Resumable}),
    },
    rate(update, seconds) {
      // A schedule of the caller's counts updates, whatever the time.
      return schedule?.(typeof options.schedule === 'function' ? update : reached(update, seconds));
    },
    done: (count, seconds) => Math.min(1, reached(count, seconds) / total),
    dispose() {
      average?.dispose();
      if (options.optimizer === undefined) optimizer.dispose();
      else if (ownRate !== undefined) setRate(optimizer, ownRate);
    },
  };
}

/** The schedule that is asked for; null where the rate is the optimizer's own. */
function scheduleOf(
  {schedule, optimizer, learningRate, epochs = 10, warmupEpochs}: PlanOptions,
  {updates, total, monitor, ownRate}: {updates: number; total: number; monitor: string; ownRate?: number},
): Schedule | null {
  if (typeof schedule === 'function') return schedule;
  if (optimizer && schedule === undefined && learningRate === undefined) return null;
  const warmup = warmupEpochs ?? epochs / (schedule === 'triangular' ? 5 : 20);
  const common = {
    rate: learningRate ?? ownRate ?? 1e-3,
    warmupSteps: Math.min(Math.round(warmup * updates), total - 1),
  };
  if (schedule === 'plateau') return plateauSchedule({...common, monitor});
  return (schedule === 'triangular' ? triangularSchedule : cosineSchedule)({...common, totalSteps: total});
}

/** Tells the schedule the results of a test, if it follows them. */
export function tellSchedule({schedule}: TrainingPlan, figures: TestFigures): void {
  schedule?.tested?.(figures);
}

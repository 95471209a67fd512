/**
 * Learning-rate schedules: plain functions from the number of the step, counted from 0, to the rate of that step.
 */

import {checkNumber, FROM_ZERO, positiveInteger, wholeNumber} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ConfigError} from '../errors.js';

/** Rate of optimizer step `step`, the first step being 0. */
export type Schedule = (step: number) => number;

/**
 * The same rate at every step.
 *
 * @throws ConfigError where the rate is negative or no number.
 */
export function constantSchedule(rate: number): Schedule {
  checkNumber('constantSchedule', 'rate', rate, FROM_ZERO);
  return () => rate;
}

export interface CosineScheduleArgs {
  /** The highest rate, reached at step `warmupSteps`. */
  rate: number;
  /** Number of steps of the whole training, warm-up included; from then on the rate is the floor. */
  totalSteps: number;
  /** Steps of linear warm-up before the highest rate. Default 0. */
  warmupSteps?: number;
  /** Rate at the end, at most `rate`. Default 0. */
  floor?: number;
}

const COSINE = {
  ...{rate: true, totalSteps: true, warmupSteps: true, floor: true},
} as const satisfies ArgumentNames<CosineScheduleArgs>;

/**
 * Linear warm-up, then half a cosine from the highest rate to the floor (Loshchilov & Hutter 2017, "SGDR", without
 * restarts). With W warm-up steps of T:
 *
 *     s < W:        rate (s + 1) / (W + 1)
 *     W <= s < T:   floor + (rate - floor) (1 + cos(pi (s - W) / (T - W))) / 2
 *     s >= T:       floor
 *
 * @throws ConfigError where a number lies outside its range.
 */
export function cosineSchedule(args: CosineScheduleArgs): Schedule {
  const who = 'cosineSchedule';
  checkArguments(who, args, COSINE);
  const {rate, totalSteps, warmupSteps = 0, floor = 0} = args;
  checkNumber(who, 'rate', rate, FROM_ZERO);
  checkNumber(who, 'floor', floor, FROM_ZERO);
  if (floor > rate) {
    throw new ConfigError(`${who}: floor must be at most the rate; got ${floor} above ${rate}.`);
  }
  positiveInteger(who, 'totalSteps', totalSteps);
  checkNumber(who, 'warmupSteps', warmupSteps, wholeNumber(0, totalSteps - 1), {
    fix: `it must be below totalSteps, ${totalSteps}`,
  });
  return (step) => {
    if (step < warmupSteps) return (rate * (step + 1)) / (warmupSteps + 1);
    if (step >= totalSteps) return floor;
    const progress = (step - warmupSteps) / (totalSteps - warmupSteps);
    return floor + ((rate - floor) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

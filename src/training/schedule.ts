/**
 * Learning-rate schedules: plain functions from the number of the step, counted from 0, to the rate of that step.
 */
import {ConfigError} from '../errors.js';

/** Rate of optimizer step `step`, the first step being 0. */
export type Schedule = (step: number) => number;

/**
 * The same rate at every step.
 *
 * @throws ConfigError where the rate is negative or no number.
 */
export function constantSchedule(rate: number): Schedule {
  requireRate('constantSchedule', 'rate', rate);
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
export function cosineSchedule({rate, totalSteps, warmupSteps = 0, floor = 0}: CosineScheduleArgs): Schedule {
  requireRate('cosineSchedule', 'rate', rate);
  requireRate('cosineSchedule', 'floor', floor);
  if (floor > rate) {
    throw new ConfigError(`cosineSchedule: floor must be at most the rate; got ${floor} above ${rate}.`);
  }
  if (!Number.isInteger(totalSteps) || totalSteps < 1) {
    throw new ConfigError(`cosineSchedule: totalSteps must be a whole number from 1; got ${totalSteps}.`);
  }
  if (!Number.isInteger(warmupSteps) || warmupSteps < 0 || warmupSteps >= totalSteps) {
    throw new ConfigError(
      `cosineSchedule: warmupSteps must be a whole number from 0 to below totalSteps (${totalSteps}); ` +
        `got ${warmupSteps}.`,
    );
  }
  return (step) => {
    if (step < warmupSteps) return (rate * (step + 1)) / (warmupSteps + 1);
    if (step >= totalSteps) return floor;
    const progress = (step - warmupSteps) / (totalSteps - warmupSteps);
    return floor + ((rate - floor) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

function requireRate(who: string, name: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) {
    throw new ConfigError(`${who}: ${name} must be a number from 0; got ${value}.`);
  }
}

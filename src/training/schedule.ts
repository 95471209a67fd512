/**
 * Learning-rate schedules: functions from the number of the step, counted from 0, to the rate of that step. One that
 * follows the tests of the model is told their results, and its state can be saved and restored.
 */
import {
  BELOW_ONE,
  checkNumber,
  checkNumbers,
  FINITE,
  FROM_ZERO,
  oneOf,
  positiveInteger,
  wholeNumber,
} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ConfigError} from '../errors.js';

/** Rate of optimizer step `step`, the first step being 0. */
export interface Schedule {
  (step: number): number;
  /** Told the figures of each test of the model, such as its loss and its accuracy. */
  tested?(figures: TestFigures): void;
  /** What it knows of the tests so far, as JSON. */
  getState?(): ScheduleState;
  /** Goes on from what getState returned. */
  setState?(state: ScheduleState): void;
}

/** Results of a test by their names. */
export type TestFigures = Readonly<Record<string, number>>;

export type ScheduleState = Readonly<Record<string, number | null>>;

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
  checkCourse(who, {rate, totalSteps, warmupSteps, floor});
  return (step) => {
    if (step < warmupSteps) return (rate * (step + 1)) / (warmupSteps + 1);
    if (step >= totalSteps) return floor;
    const progress = (step - warmupSteps) / (totalSteps - warmupSteps);
    return floor + ((rate - floor) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

export interface TriangularScheduleArgs extends CosineScheduleArgs {
  /** Rate that the warm-up starts from, at most `rate`. Default 0. */
  start?: number;
}

const TRIANGULAR = {...COSINE, start: true} as const satisfies ArgumentNames<TriangularScheduleArgs>;

/**
 * Linearly up from the start to the highest rate, then linearly down to the floor: the triangle of Smith 2017, "Cyclical
 * Learning Rates for Training Neural Networks", once. With W warm-up steps of T:
 *
 *     s < W:        start + (rate - start) (s + 1) / (W + 1)
 *     W <= s < T:   floor + (rate - floor) (T - s) / (T - W)
 *     s >= T:       floor
 *
 * airbench (Jordan 2024) has W = 0.23 T, start = 0.2 rate, floor = 0.07 rate.
 *
 * @throws ConfigError where a number lies outside its range.
 */
export function triangularSchedule(args: TriangularScheduleArgs): Schedule {
  const who = 'triangularSchedule';
  checkArguments(who, args, TRIANGULAR);
  const {rate, totalSteps, warmupSteps = 0, start = 0, floor = 0} = args;
  checkCourse(who, {rate, totalSteps, warmupSteps, floor});
  checkAtMost(who, 'start', start, rate);
  return (step) => {
    if (step < warmupSteps) return start + ((rate - start) * (step + 1)) / (warmupSteps + 1);
    if (step >= totalSteps) return floor;
    return floor + ((rate - floor) * (totalSteps - step)) / (totalSteps - warmupSteps);
  };
}

/** Throws ConfigError unless a rate can rise and fall in so many steps. */
function checkCourse(
  who: string,
  {rate, totalSteps, warmupSteps, floor}: Required<CosineScheduleArgs>,
): void {
  checkNumber(who, 'rate', rate, FROM_ZERO);
  checkAtMost(who, 'floor', floor, rate);
  positiveInteger(who, 'totalSteps', totalSteps);
  checkNumber(who, 'warmupSteps', warmupSteps, wholeNumber(0, totalSteps - 1), {
    fix: `it must be below totalSteps, ${totalSteps}`,
  });
}

function checkAtMost(who: string, name: string, value: number, rate: number): void {
  checkNumber(who, name, value, FROM_ZERO);
  if (value > rate) {
    throw new ConfigError(`${who}: ${name} must be at most the rate; got ${value} above ${rate}.`);
  }
}

export interface PlateauScheduleArgs {
  /** The highest rate, with which it starts. */
  rate: number;
  /**
   * The figure that should get better: for `train` 'loss' or 'accuracy', for `trainSegmentation` 'pixelAccuracy' or
   * 'meanIou'. Default 'loss'.
   */
  monitor?: string;
  /** Whether the smaller figure is the better one ('min') or the larger. Default 'min' for 'loss', else 'max'. */
  mode?: 'min' | 'max';
  /** What the rate is multiplied by, in [0, 1). Default 0.1. */
  factor?: number;
  /** Tests in a row without a better figure after which the rate falls; at least 1. Default 3. */
  patience?: number;
  /** What a figure must be better by to count. Default 1e-4. */
  minDelta?: number;
  /** Tests after a fall that are not counted. Default 0. */
  cooldown?: number;
  /** The rate never falls below this, which is at most `rate`. Default 0. */
  minRate?: number;
  /** Steps of linear warm-up, as cosineSchedule has it. Default 0. */
  warmupSteps?: number;
}

const PLATEAU = {
  ...{rate: true, monitor: true, mode: true, factor: true, patience: true, minDelta: true},
  ...{cooldown: true, minRate: true, warmupSteps: true},
} as const satisfies ArgumentNames<PlateauScheduleArgs>;

/**
 * One rate, after a linear warm-up, that falls by a factor where the tests of the model get no better. It is for a
 * trainer that tells it of its tests, as `train` and `trainSegmentation` do, and for one training.
 *
 * Source: Keras's ReduceLROnPlateau, whose words and counting these are; its patience is 10.
 *
 * @throws ConfigError where a number lies outside its range; from `tested`, where the test has no such figure.
 */
export function plateauSchedule(args: PlateauScheduleArgs): Schedule {
  const who = 'plateauSchedule';
  checkArguments(who, args, PLATEAU);
  const {rate, monitor = 'loss', factor = 0.1, patience = 3, minDelta = 1e-4} = args;
  const {cooldown = 0, minRate = 0, warmupSteps = 0} = args;
  const mode = oneOf(who, 'mode', args.mode ?? (monitor === 'loss' ? 'min' : 'max'), ['min', 'max']);
  checkNumber(who, 'rate', rate, FROM_ZERO);
  checkNumber(who, 'factor', factor, BELOW_ONE);
  positiveInteger(who, 'patience', patience);
  checkNumber(who, 'minDelta', minDelta, FROM_ZERO);
  checkNumber(who, 'cooldown', cooldown, wholeNumber(0));
  checkAtMost(who, 'minRate', minRate, rate);
  checkNumber(who, 'warmupSteps', warmupSteps, wholeNumber(0));
  const isBetter = (figure: number, best: number | null) =>
    mode === 'min' ? figure < (best ?? Infinity) - minDelta : figure > (best ?? -Infinity) + minDelta;
  let state = {rate, best: null as number | null, wait: 0, cooldown: 0};
  const schedule: Schedule = (step) =>
    step < warmupSteps ? (state.rate * (step + 1)) / (warmupSteps + 1) : state.rate;
  schedule.tested = (figures) => {
    const figure = figures[monitor];
    if (typeof figure !== 'number') {
      const names = Object.keys(figures).join(', ');
      throw new ConfigError(`${who}: monitor must be a figure of the test; got ${monitor} (try ${names}).`);
    }
    if (state.cooldown > 0) state.cooldown -= 1;
    if (isBetter(figure, state.best)) {
      state.best = figure;
      state.wait = 0;
    } else if (state.cooldown === 0) {
      state.wait += 1;
    }
    if (state.wait < patience) return;
    state.rate = Math.max(state.rate * factor, minRate);
    state.cooldown = cooldown;
    state.wait = 0;
  };
  schedule.getState = () => ({...state});
  schedule.setState = ({rate: saved, best, wait, cooldown: left}) => {
    const numbers = [saved, wait, left, best ?? 0];
    checkNumbers(who, 'the state', numbers, {count: 4, per: 'figure', rule: FINITE});
    state = {rate: saved!, best: best ?? null, wait: wait!, cooldown: left!};
  };
  return schedule;
}

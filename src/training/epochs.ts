/**
 * The epochs of a training, whatever is trained. An epoch is its steps, a test of the model after them, and a line in the
 * history. The training ends after the last epoch, when its time is spent, when the signal aborts, or when the trainer
 * says that it is enough.
 *
 * A trainer says what a step is taken on, what is added up over the steps, and how the model is tested; the rest is here.
 */
import {DataError} from '../errors.js';
import {type DoneStep, type Ending, runSteps, type StepBatch, type StepsArgs} from './steps.js';

/** What the history tells of an epoch, whatever is trained. */
export interface EpochRecord {
  /** Epoch, from 1. */
  epoch: number;
  /** Rate of the epoch's last step. */
  learningRate: number | null;
  /** Steps taken; fewer than planned in an epoch that was cut short. */
  steps: number;
  /** Seconds of training, and of the evaluation after it. */
  trainSeconds: number;
  testSeconds: number;
}

/** What one epoch adds up over its steps. */
export interface EpochTotals<Test, Figures> {
  /** Adds a step. */
  add(step: DoneStep): void;
  /** What the history tells of the epoch beside its `EpochRecord`; `tested` is null where the evaluation was aborted. */
  figures(tested: Test | null): Figures;
}

type StepsContext = Pick<StepsArgs, 'who' | 'model' | 'objective' | 'clipNorm' | 'plan' | 'signal'>;

/** @typeParam Test the result of an evaluation. @typeParam Figures what the history tells of an epoch. */
export interface EpochsArgs<Test, Figures> extends StepsContext {
  /** Name of the training set, for errors. */
  trainName: string;
  /** The batches of an epoch, counted from 1. */
  batches: (epoch: number) => AsyncGenerator<StepBatch>;
  totals: (epoch: number) => EpochTotals<Test, Figures>;
  /** Evaluates the model after an epoch; rejects with the signal's reason where that comes meanwhile. */
  test: (epoch: number) => Promise<Test>;
  /** Whether no further epoch is wanted after this one. Default never. */
  isEnough?: (epoch: number) => boolean;
  onEpoch?: (report: EpochRecord & Figures, tested: Test | null) => void | Promise<void>;
}

/** What there is at the end. */
export interface EpochsResult<Test, Figures> {
  epochs: (EpochRecord & Figures)[];
  stopped: Ending;
  /** Whether it ended before the last epoch because that was enough. */
  early: boolean;
  /** Steps taken, and the median of their times in milliseconds, data included; null without a step. */
  steps: number;
  stepMs: number | null;
  /** Training images per second over all steps, evaluations not counted; null without a step. */
  imagesPerSecond: number | null;
  /** Seconds from start to end, evaluations included. */
  seconds: number;
  /** Of the last epoch that was tested; null where there is none. */
  evaluation: Test | null;
}

/**
 * Trains epoch after epoch.
 *
 * @throws DataError where an epoch has no batch; what a step, a test or `onEpoch` throws.
 */
export async function runEpochs<Test, Figures>(
  args: EpochsArgs<Test, Figures>,
): Promise<EpochsResult<Test, Figures>> {
  const {who, model, objective, clipNorm, plan, signal} = args;
  const start = performance.now();
  const epochs: (EpochRecord & Figures)[] = [];
  const stepTimes: number[] = [];
  let images = 0;
  let evaluation: Test | null = null;
  let stopped: Ending = 'finished';
  let early = false;
  // The budget is for training alone: the evaluation that ends it is always made.
  const trainSeconds = () => sum(epochs.map((epoch) => epoch.trainSeconds));
  for (let epoch = 1; epoch <= plan.epochs && stopped === 'finished' && !early; epoch++) {
    const totals = args.totals(epoch);
    const result = await runSteps({
      ...{who, model, objective, clipNorm, plan, signal, epoch},
      source: args.batches(epoch),
      secondsBefore: trainSeconds(),
      onStep(step) {
        images += step.images;
        totals.add(step);
      },
    });
    stopped = result.stopped;
    if (result.stepTimes.length === 0) {
      if (stopped === 'aborted') break;
      throw new DataError(
        `${who}: ${args.trainName} must have a readable image; got none in epoch ${epoch}.`,
      );
    }
    for (const time of result.stepTimes) stepTimes.push(time);
    const testStart = performance.now();
    const tested = stopped === 'aborted' ? null : await unlessAborted(args.test(epoch), signal);
    if (tested === null) stopped = 'aborted';
    else evaluation = tested;
    const report = {
      epoch,
      ...totals.figures(tested),
      learningRate: result.learningRate,
      steps: result.stepTimes.length,
      trainSeconds: result.seconds,
      testSeconds: (performance.now() - testStart) / 1000,
    };
    epochs.push(report);
    await args.onEpoch?.(report, tested);
    if (stopped !== 'finished' || epoch === plan.epochs) continue;
    if (trainSeconds() >= plan.maxSeconds) stopped = 'budget';
    else early = args.isEnough?.(epoch) ?? false;
  }
  const steps = stepTimes.length;
  return {
    ...{epochs, stopped, early, steps, stepMs: median(stepTimes)},
    imagesPerSecond: steps === 0 ? null : images / (sum(stepTimes) / 1000),
    seconds: (performance.now() - start) / 1000,
    evaluation,
  };
}

/** What is promised; null where the signal came meanwhile. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** Null without a value. */
function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

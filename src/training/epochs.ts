/**
 * The epochs of a training, whatever is trained. An epoch is its steps, a test of the model after them, and a line in the
 * history. The training ends after the last epoch, when its time is spent, when the signal aborts, or when the trainer
 * says that it is enough.
 *
 * A trainer says what a step is taken on, what is added up over the steps, and how the model is tested; the rest is here.
 */
import {DataError, SwintError} from '../errors.js';
import type {Saved} from './checkpoint_file.js';
import type {Resumable} from './checkpoint_state.js';
import type {Checkpoints, TrainingParts} from './checkpoints.js';
import {GoodWeights} from './good_weights.js';
import {
  type BatchPlace,
  type DoneStep,
  type Ending,
  NotFiniteError,
  runSteps,
  type StepBatch,
  type StepsArgs,
  type StepsResult,
} from './steps.js';
import {WeightUpdate} from './weight_update.js';

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
  /** The sums so far, and these put back. */
  getState(): Saved;
  setState(state: Saved): void;
}

type StepsContext = Pick<StepsArgs, 'who' | 'model' | 'objective' | 'plan' | 'signal'>;

/** @typeParam Test the result of an evaluation. @typeParam Figures what the history tells of an epoch. */
export interface EpochsArgs<Test, Figures> extends StepsContext {
  /** Largest global norm of an update's gradients. */
  clipNorm?: number;
  /** Name of the training set, for errors. */
  trainName: string;
  /**
   * The batches of an epoch, counted from 1, for at most `steps` steps, behind the batch at `after`; that is null where none
   * was taken in any epoch.
   */
  batches: (epoch: number, after: BatchPlace | null, steps: number) => AsyncGenerator<StepBatch>;
  totals: (epoch: number) => EpochTotals<Test, Figures>;
  /** Evaluates the model after an epoch; rejects with the signal's reason where that comes meanwhile. */
  test: (epoch: number) => Promise<Test>;
  /** Whether no further epoch is wanted after this one. Default never. */
  isEnough?: (epoch: number) => boolean;
  onEpoch?: (report: EpochRecord & Figures, tested: Test | null) => void | Promise<void>;
  /** Null where none are wanted. */
  checkpoints: Checkpoints | null;
  /** What has a state beside the model and the optimizer, by name. */
  parts: Readonly<Record<string, Resumable>>;
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

/** How far a training is. */
interface Progress<Test, Figures> {
  /** The epochs that are done. */
  epochs: (EpochRecord & Figures)[];
  evaluation: Test | null;
  /** Training images so far, and the time of each step in milliseconds. */
  images: number;
  stepTimes: number[];
  /** Seconds from the start. */
  seconds: number;
  /** Where the last batch was that a step was taken with; null before the first step. */
  place: BatchPlace | null;
  /** Why no epoch is to follow; 'finished' and false where one is, or where all are done. */
  stopped: Ending;
  early: boolean;
  /** The epoch that is being trained: its steps so far, their seconds and sums, and the rate of the last one. */
  current: {steps: number; seconds: number; learningRate: number | null; totals: Saved};
}

/**
 * Trains epoch after epoch, from the checkpoint that was found where there is one.
 *
 * @throws DataError where an epoch has no batch; SwintError naming epoch and step where the loss or a weight is not finite,
 *     the model then having its last good weights; what a step, a test or `onEpoch` throws.
 */
export async function runEpochs<Test, Figures>(
  args: EpochsArgs<Test, Figures>,
): Promise<EpochsResult<Test, Figures>> {
  return new Epochs(args).run();
}

/** A training whose loss or weights became NaN or infinite; the model then has its last good weights. */
export class DivergedError extends SwintError {}

const noSteps = () => ({steps: 0, seconds: 0, learningRate: null, totals: null});

class Epochs<Test, Figures> {
  private readonly start = performance.now();
  private readonly good: GoodWeights;
  private readonly update: WeightUpdate;
  private readonly training: TrainingParts;
  private readonly progress: Progress<Test, Figures>;
  private stopped: Ending;
  private early: boolean;
  /** Whether the first checkpoint is written. */
  private hasBegun = false;
  /** Seconds before this process. */
  private readonly secondsBefore: number;

  constructor(private readonly args: EpochsArgs<Test, Figures>) {
    const {model, plan, clipNorm, parts, checkpoints} = args;
    this.update = new WeightUpdate(model, plan, clipNorm);
    this.good = new GoodWeights(model);
    this.training = {
      ...{model, optimizer: plan.optimizer},
      parts: {...parts, 'the update that is begun': this.update},
    };
    this.progress = (checkpoints?.found?.progress as Progress<Test, Figures>) ?? {
      ...{epochs: [], evaluation: null, images: 0, stepTimes: [], seconds: 0, place: null},
      ...{stopped: 'finished', early: false},
      current: noSteps(),
    };
    this.secondsBefore = this.progress.seconds;
    this.stopped = this.progress.stopped;
    this.early = this.progress.early;
  }

  async run(): Promise<EpochsResult<Test, Figures>> {
    const {checkpoints, plan} = this.args;
    const {progress} = this;
    try {
      if (checkpoints?.found) await checkpoints.restore(this.training);
      await this.keep(true);
      for (let epoch = progress.epochs.length + 1; epoch <= plan.epochs && !this.hasEnded; epoch++) {
        await this.epoch(epoch);
      }
    } finally {
      this.update.dispose();
    }
    const {epochs, evaluation, images, stepTimes} = progress;
    const steps = stepTimes.length;
    return {
      ...{epochs, stopped: this.stopped, early: this.early, steps, stepMs: median(stepTimes)},
      imagesPerSecond: steps === 0 ? null : images / (sum(stepTimes) / 1000),
      seconds: this.seconds,
      evaluation,
    };
  }

  private get hasEnded(): boolean {
    return this.stopped !== 'finished' || this.early;
  }

  private get seconds(): number {
    return this.secondsBefore + (performance.now() - this.start) / 1000;
  }

  // The budget is for training alone: the evaluation that ends it is always made.
  private get trainSeconds(): number {
    const {epochs, current} = this.progress;
    return sum(epochs.map((epoch) => epoch.trainSeconds)) + current.seconds;
  }

  private async epoch(epoch: number): Promise<void> {
    const {args, progress} = this;
    const {current} = progress;
    const totals = args.totals(epoch);
    if (current.steps > 0) totals.setState(current.totals);
    const {stopped} = await this.steps(epoch, totals);
    this.stopped = stopped;
    if (current.steps === 0) {
      if (stopped === 'aborted') return;
      throw new DataError(
        `${args.who}: ${args.trainName} must have a readable image; got none in epoch ${epoch}.`,
      );
    }
    // Checks them too: a test of weights that are not finite would say less.
    await this.keep(stopped === 'aborted');
    const testStart = performance.now();
    const tested = stopped === 'aborted' ? null : await unlessAborted(args.test(epoch), args.signal);
    if (tested !== null) this.good.stepDone();
    else if (stopped !== 'aborted') await this.keep(true);
    if (tested === null) this.stopped = 'aborted';
    const report = {
      epoch,
      ...totals.figures(tested),
      ...{learningRate: current.learningRate, steps: current.steps, trainSeconds: current.seconds},
      testSeconds: (performance.now() - testStart) / 1000,
    };
    progress.epochs.push(report);
    progress.current = noSteps();
    if (tested !== null) progress.evaluation = tested;
    await args.onEpoch?.(report, tested);
    if (this.stopped === 'finished' && epoch < args.plan.epochs) {
      if (this.trainSeconds >= args.plan.maxSeconds) this.stopped = 'budget';
      else this.early = args.isEnough?.(epoch) ?? false;
    }
    if (this.stopped === 'aborted' || !args.checkpoints) return;
    Object.assign(progress, {stopped: this.stopped, early: this.early});
    await this.keep(true);
    this.good.stepDone();
  }

  /** The steps of an epoch that are still to be taken. */
  private async steps(epoch: number, totals: EpochTotals<Test, Figures>): Promise<StepsResult> {
    const {who, model, objective, plan, signal, checkpoints, ...args} = this.args;
    const {progress, good} = this;
    const {current} = progress;
    const [start, secondsBefore] = [performance.now(), current.seconds];
    const tellTime = () => {
      current.seconds = secondsBefore + (performance.now() - start) / 1000;
    };
    try {
      const result = await runSteps({
        ...{who, model, objective, plan, signal, epoch, update: this.update},
        source: args.batches(epoch, progress.place, plan.steps - current.steps),
        stepsBefore: current.steps,
        secondsBefore: this.trainSeconds,
        onStep(step) {
          good.stepDone();
          progress.images += step.images;
          progress.stepTimes.push(step.stepMs);
          progress.place = step.place;
          current.steps = step.step;
          current.learningRate = step.learningRate;
          totals.add(step);
          current.totals = totals.getState();
        },
        isPauseDue: () => checkpoints?.isDue ?? false,
        pause: () => {
          tellTime();
          return this.keep(true);
        },
      });
      tellTime();
      return result;
    } catch (error) {
      throw error instanceof NotFiniteError ? await this.diverged(error, epoch) : error;
    }
  }

  /**
   * Copies the weights that the model has now; and writes a checkpoint where they are wanted.
   *
   * @throws SwintError where a weight is not finite.
   */
  private async keep(writes: boolean): Promise<void> {
    const {args, good, progress} = this;
    const {steps} = progress.current;
    const epoch = progress.epochs.length + 1;
    const isFirst = progress.place === null;
    const when = isFirst ? 'before the first step' : `of epoch ${epoch}, step ${steps}`;
    const weights = await good.copy(when);
    if (typeof weights === 'string') {
      throw await this.diverged(
        new NotFiniteError('the weights', `${weights} with other numbers`, steps),
        epoch,
      );
    }
    if (!writes || !args.checkpoints) return;
    progress.seconds = this.seconds;
    await args.checkpoints.save(progress, weights, this.training, !this.hasBegun);
    this.hasBegun = true;
  }

  /** Puts the last good weights back. @returns the error to throw. */
  private async diverged({what, got, step}: NotFiniteError, epoch: number): Promise<DivergedError> {
    const {args, good} = this;
    if (good.latestIsUnproven) await args.checkpoints?.dropNewest();
    const when = good.putBack();
    const now = when === null ? '' : `; the model has the weights ${when} again`;
    return new DivergedError(
      `${args.who}: ${what} must stay finite; got ${got} in epoch ${epoch}, step ${step} of ${args.plan.steps}${now} ` +
        '(lower the learning rate, warm up longer, or clip the gradients).',
    );
  }
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

/**
 * Keras's callbacks, as tfjs's `model.fit` takes them, for `train`.
 *
 *     train begins, [epoch begins, [batch begins, batch ends] ..., test, epoch ends] ..., train ends
 *
 * Epochs and batches count from 0. The logs of a batch are {batch, loss, acc}, those of an epoch {loss, acc, val_loss,
 * val_acc}, val_ of the test set; acc and val_acc are there as accuracy and val_accuracy too. `model.stopTraining = true` ends
 * the training after one more step at most, with the test and the end of that epoch.
 *
 * What a callback returns is awaited: one that waits for a frame, as tfjs-vis does, holds up a training in a hidden tab.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {ConfigError} from '../errors.js';
import type {StepBatch} from './steps.js';
import type {BatchReport, EpochReport} from './training_history.js';
import type {TrainingPlan} from './training_plan.js';

/** Figures by name. */
export type TrainingLogs = Record<string, number>;

type Told = void | Promise<void>;

/** Any of these methods; a `tf.Callback` has all of them. */
export interface TrainingCallback {
  setModel?(model: tfl.LayersModel): void;
  /** epochs and steps of an epoch. */
  setParams?(params: TrainingLogs): void;
  onTrainBegin?(logs?: TrainingLogs): Told;
  onTrainEnd?(logs?: TrainingLogs): Told;
  onEpochBegin?(epoch: number, logs?: TrainingLogs): Told;
  onEpochEnd?(epoch: number, logs?: TrainingLogs): Told;
  onBatchBegin?(batch: number, logs?: TrainingLogs): Told;
  onBatchEnd?(batch: number, logs?: TrainingLogs): Told;
}

const EVENTS = [
  'onTrainBegin',
  'onTrainEnd',
  'onEpochBegin',
  'onEpochEnd',
  'onBatchBegin',
  'onBatchEnd',
] as const;
type Event = (typeof EVENTS)[number];

/** What a trainer tells of its progress. */
interface Reports<Evaluation> {
  onBatch?: (report: BatchReport) => void;
  onEpoch?: (report: EpochReport, evaluation: Evaluation | null) => Told;
}

export class CallbackList {
  private readonly callbacks: readonly TrainingCallback[];
  /** What the callbacks of batches returned, until it is awaited. */
  private pending: Promise<void> = Promise.resolve();
  /** Batches of the epoch that a step was begun with. */
  private begun = 0;

  /** @throws ConfigError, in the name of `who`, for what is no callback. */
  constructor(
    who: string,
    private readonly model: tfl.LayersModel,
    given: TrainingCallback | readonly TrainingCallback[] = [],
  ) {
    this.callbacks = Array.isArray(given) ? given : [given as TrainingCallback];
    for (const callback of this.callbacks) checkCallback(who, callback);
    makeStoppable(model);
    model.stopTraining = false;
    for (const callback of this.callbacks) callback.setModel?.(model);
  }

  /** Whether a callback, or whoever has the model, has set `model.stopTraining`. */
  get hasStopped(): boolean {
    return this.model.stopTraining;
  }

  /** The options with the callbacks told of what `onBatch` and `onEpoch` are told of, after these. */
  told<Evaluation, T extends Reports<Evaluation>>(options: T & Reports<Evaluation>): T {
    if (this.callbacks.length === 0) return options;
    return {
      ...options,
      onBatch: (report: BatchReport) => {
        options.onBatch?.(report);
        const {step, loss, accuracy} = report;
        const logs = {batch: step - 1, loss, acc: accuracy, accuracy};
        this.pending = this.pending.then(() => this.tell('onBatchEnd', step - 1, logs));
        // It is awaited before the next batch. Should it fail before, that is no unhandled rejection.
        this.pending.catch(() => undefined);
      },
      onEpoch: async (report: EpochReport, evaluation: Evaluation | null) => {
        await options.onEpoch?.(report, evaluation);
        await this.pending;
        await this.tell('onEpochEnd', report.epoch - 1, epochLogs(report));
      },
    };
  }

  async trainBegin({epochs, steps}: Pick<TrainingPlan, 'epochs' | 'steps'>): Promise<void> {
    for (const callback of this.callbacks) callback.setParams?.({epochs, steps});
    await this.tell('onTrainBegin', {});
  }

  async trainEnd(): Promise<void> {
    await this.tell('onTrainEnd', {});
  }

  /** The batches of an epoch, counted from 1, until the training is stopped; with what is told before each. */
  async *during(epoch: number, batches: AsyncGenerator<StepBatch>): AsyncGenerator<StepBatch> {
    this.begun = 0;
    await this.tell('onEpochBegin', epoch - 1, {});
    for await (const batch of batches) {
      try {
        await this.tell('onBatchBegin', this.begun, {batch: this.begun});
      } catch (error) {
        tf.dispose([batch.images, batch.labels]);
        throw error;
      }
      this.begun++;
      yield batch;
      await this.pending;
      if (this.hasStopped) return;
    }
  }

  private async tell(event: 'onTrainBegin' | 'onTrainEnd', logs: TrainingLogs): Promise<void>;
  private async tell(
    event: Exclude<Event, 'onTrainBegin' | 'onTrainEnd'>,
    number: number,
    logs: TrainingLogs,
  ): Promise<void>;
  private async tell(event: Event, ...told: (number | TrainingLogs)[]): Promise<void> {
    for (const callback of this.callbacks) {
      await (callback[event] as ((...args: unknown[]) => Told) | undefined)?.call(callback, ...told);
    }
  }
}

/** tfjs makes the model inside of a Sequential late, and `stopTraining` is that one's. */
function makeStoppable(model: tfl.LayersModel): void {
  if (model instanceof tfl.Sequential && (model as unknown as {model?: object}).model == null) model.build();
}

/** The figures of an epoch that are there, under the names that Keras and tfjs give them. */
function epochLogs({trainLoss, trainAccuracy, testLoss, testAccuracy}: EpochReport): TrainingLogs {
  return {
    ...{loss: trainLoss, acc: trainAccuracy, accuracy: trainAccuracy},
    ...(testLoss === null ? {} : {val_loss: testLoss}),
    ...(testAccuracy === null ? {} : {val_acc: testAccuracy, val_accuracy: testAccuracy}),
  };
}

function checkCallback(who: string, callback: TrainingCallback): void {
  const names: readonly string[] = EVENTS;
  if (typeof callback !== 'object' || callback === null || !EVENTS.some((event) => event in callback)) {
    throw new ConfigError(
      `${who}: a callback must be an object with some of ${names.join(', ')}; got ${callback === null ? 'null' : typeof callback}.`,
    );
  }
  const unknown = Object.keys(callback).filter((name) => /^on[A-Z]/.test(name) && !names.includes(name));
  if (unknown.length > 0) {
    throw new ConfigError(
      `${who}: a callback is told of ${names.join(', ')}; got ${unknown.join(', ')}, which nobody would call.`,
    );
  }
}

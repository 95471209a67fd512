/**
 * The steps of a training, whatever is trained: the gradients of a loss, an update of the weights by those of one step or
 * of several; the learning rate by a schedule; an end by the clock or by a signal.
 *
 *     loss = objective(model(images), labels) + the layers' own regularisation losses
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {ConfigError, SwintError} from '../errors.js';
import {rateOf, setRate} from './learning_rate.js';
import type {TrainingPlan} from './training_plan.js';
import type {WeightUpdate} from './weight_update.js';

/** What a step is taken with; it is disposed after the step. */
export interface StepBatch {
  images: tf.Tensor;
  labels: tf.Tensor;
  /** Index in the data set of each image. */
  indices: readonly number[];
  place: BatchPlace;
}

/** Where a batch is in the data: the pass over them and its number in that, both from 0. */
export interface BatchPlace {
  pass: number;
  batch: number;
}

/** What must stay finite is not. */
export class NotFiniteError extends SwintError {
  /** @param what what it is that is not. */
  constructor(
    readonly what: string,
    readonly got: string,
    /** Step of the epoch, from 1. */
    readonly step: number,
  ) {
    super(`${what} must stay finite; got ${got} in step ${step}.`);
  }
}

/** What is minimised, and float32 numbers to be read with it that say how the model did on the batch. */
export type Objective = (logits: tf.Tensor, labels: tf.Tensor) => {loss: tf.Scalar; counts: tf.Tensor1D};

/** A step whose result is known. */
export interface DoneStep {
  /** Step of the epoch, from 1. */
  step: number;
  /** Images of its batch, and where it was. */
  images: number;
  place: BatchPlace;
  /** Regularisation included. */
  loss: number;
  /** What the objective counted. */
  counts: number[];
  /** Rate this step was taken with; null where the caller's own optimizer keeps it to itself. */
  learningRate: number | null;
  /** Milliseconds since the step before was finished, data included. */
  stepMs: number;
}

export interface StepsArgs {
  /** The name that errors start with. */
  who: string;
  model: tfl.LayersModel;
  objective: Objective;
  plan: TrainingPlan;
  update: WeightUpdate;
  /** The batches of the epoch that no step was taken with yet. */
  source: AsyncGenerator<StepBatch>;
  /** Epoch, from 1. */
  epoch: number;
  /** Steps of this epoch before these; default 0. */
  stepsBefore?: number;
  /** Seconds of training before these steps. */
  secondsBefore: number;
  signal?: AbortSignal;
  onStep: (done: DoneStep) => void;
  /** Whether `pause` is to be called before the next step, when all before it are done. Default never. */
  isPauseDue?: () => boolean;
  pause?: () => Promise<void>;
}

/** Why a training ended: all epochs done, the time budget spent, or the signal aborted. */
export type Ending = 'finished' | 'budget' | 'aborted';

export interface StepsResult {
  stepTimes: number[];
  seconds: number;
  /** Rate of the last step. */
  learningRate: number | null;
  stopped: Ending;
}

/** A step whose result is still on the device. */
interface Pending {
  step: number;
  images: number;
  place: BatchPlace;
  learningRate: number | null;
  /** [loss, ...counts] */
  result: Promise<ArrayLike<number>>;
}

/**
 * The steps of one epoch, until they are done, the time is spent or the signal aborts. The last update is made of the
 * steps that are left. Where weights are averaged, the model has their average when it returns.
 *
 * @throws NotFiniteError where the loss is not finite.
 */
export async function runSteps(args: StepsArgs): Promise<StepsResult> {
  const {who, plan, update, source, epoch, stepsBefore = 0, secondsBefore, signal, onStep} = args;
  const {optimizer, steps} = plan;
  const start = performance.now();
  const total: StepsResult = {stepTimes: [], seconds: 0, learningRate: null, stopped: 'finished'};
  let lastEnd = start;
  const finish = async ({result, ...done}: Pending): Promise<void> => {
    const [loss, ...counts] = Array.from(await result);
    if (!Number.isFinite(loss)) throw new NotFiniteError('the loss', String(loss), done.step);
    const now = performance.now();
    const stepMs = now - lastEnd;
    total.stepTimes.push(stepMs);
    total.learningRate = done.learningRate;
    onStep({...done, loss, counts, stepMs});
    lastEnd = now;
  };
  const secondsSpent = () => secondsBefore + (performance.now() - start) / 1000;
  plan.secondsSpent = secondsSpent;

  // A step's loss is awaited only after the next step has been handed to the device, so that the device never waits
  // for a read. One step of lag bounds what is queued.
  let pending: Pending | null = null;
  let step = stepsBefore;
  let learningRate: number | null = null;
  if (signal?.aborted) return {...total, stopped: 'aborted'};
  if (stepsBefore > 0 && secondsBefore >= plan.maxSeconds) return {...total, stopped: 'budget'};
  plan.average?.useTrained();
  try {
    for await (const batch of untilAborted(source, signal)) {
      if (args.isPauseDue?.()) {
        const done: Pending | null = pending;
        pending = null;
        await pauseBefore(batch, async () => {
          if (done) await finish(done);
          await args.pause?.();
        });
        lastEnd = performance.now();
      }
      step += 1;
      // The rate of an update that was begun before these steps is set anew.
      if (update.begins || step === stepsBefore + 1) {
        const number = (epoch - 1) * plan.updates + Math.floor((step - 1) / plan.accumulateSteps);
        learningRate = setLearningRate(who, optimizer, plan.rate(number, secondsSpent()));
        update.done = plan.done(number + 1, secondsSpent());
      }
      const current: Pending = {
        step,
        images: batch.indices.length,
        place: batch.place,
        learningRate,
        result: takeStep(args, batch),
      };
      if (pending) await finish(pending);
      pending = current;
      if (signal?.aborted) total.stopped = 'aborted';
      else if (step < steps && secondsSpent() >= plan.maxSeconds) total.stopped = 'budget';
      if (total.stopped !== 'finished') break;
    }
    if (signal?.aborted) total.stopped = 'aborted';
    // What goes on later goes on with the gradients that are there.
    if (total.stopped !== 'aborted') update.flush();
    const last: Pending | null = pending;
    pending = null;
    if (last) await finish(last);
  } finally {
    plan.average?.useAverage();
    // After an error nobody else waits for the step in flight.
    await pending?.result.catch(() => undefined);
    const spent = secondsSpent();
    plan.secondsSpent = () => spent;
  }
  total.seconds = (performance.now() - start) / 1000;
  return total;
}

/** Does something while a batch waits, which is disposed where that fails. */
async function pauseBefore({images, labels}: StepBatch, pause: () => Promise<void>): Promise<void> {
  try {
    await pause();
  } catch (error) {
    tf.dispose([images, labels]);
    throw error;
  }
}

/** The batches up to the one that the signal's reason ended. */
async function* untilAborted<T>(source: AsyncGenerator<T>, signal?: AbortSignal): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    if (!signal?.aborted || error !== signal.reason) throw error;
  }
}

/** The next `count` batches of a stream, which stays open. */
export async function* take<T>(stream: AsyncGenerator<T>, count: number): AsyncGenerator<T> {
  for (let i = 0; i < count; i++) {
    const {value, done} = await stream.next();
    if (done) return;
    yield value;
  }
}

/**
 * Takes the gradients of a batch, and updates the weights where it is the last one of an update. Disposes the batch.
 *
 * @returns what reads [loss, ...counts].
 */
function takeStep(
  {model, objective, update, plan: {optimizer}}: StepsArgs,
  {images, labels, indices}: StepBatch,
): Promise<ArrayLike<number>> {
  let summary: tf.Tensor;
  try {
    summary = tf.tidy(() => {
      let counts: tf.Tensor1D | undefined;
      const lossOf = (): tf.Scalar => {
        const logits = model.apply(images, {training: true}) as tf.Tensor;
        const result = objective(logits, labels);
        counts = tf.keep(result.counts);
        let {loss} = result;
        for (const regularization of model.calculateLosses()) loss = tf.add(loss, regularization);
        return loss;
      };
      const {value, grads} = optimizer.computeGradients(lossOf, [...update.variables.keys()]);
      update.take(grads, indices.length);
      const result = tf.concat([tf.reshape(value, [1]), counts!]);
      counts!.dispose();
      return result;
    });
  } finally {
    tf.dispose([images, labels]);
  }
  const reading = summary.data().finally(() => summary.dispose());
  // It is awaited one step later. Should it fail before, that is no unhandled rejection.
  reading.catch(() => undefined);
  return reading;
}

/** Sets the rate, where there is one to set. @returns the rate in use; null where it cannot be known. */
function setLearningRate(who: string, optimizer: tf.Optimizer, rate: number | undefined): number | null {
  if (rate === undefined) return rateOf(optimizer) ?? null;
  if (!setRate(optimizer, rate)) {
    throw new ConfigError(
      `${who}: an optimizer under a schedule must have a learningRate; got ${optimizer.getClassName()} without ` +
        `(leave out schedule and learningRate).`,
    );
  }
  return rate;
}

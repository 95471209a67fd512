/**
 * `train` on batches that are tensors already: those of a `tf.data.Dataset`, or of anything with such an iterator.
 *
 *     {xs, ys} or [xs, ys]    xs as the model takes them;  ys classes [B] or [B, 1], or shares of the classes [B, K]
 *
 * The order, changes and scaling of images are the data set's. It has no place to go on from and nothing that tells it from
 * another one, so that there are no checkpoints; and where it does not know its length, a schedule needs `stepsPerEpoch`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkModel} from '../../architectures/check_model.js';
import {BELOW_ONE, checkNumber, positiveInteger} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {showValue} from '../../kernels/common/show_value.js';
import {ConfigError, DataError, ShapeError, SwintError} from '../errors.js';
import {nextTurn} from '../next_turn.js';
import {BestEpoch} from './best_epoch.js';
import {CallbackList} from './callbacks.js';
import {classification} from './classification.js';
import {ClassificationTotals, type Figures} from './classification_totals.js';
import {runEpochs} from './epochs.js';
import {type Evaluation, scoreRow} from './evaluate.js';
import {type StepBatch, take} from './steps.js';
import type {TrainOptions} from './train_options.js';
import type {TrainingHistory} from './training_history.js';
import {checkTrainingOptions, type TrainingPlan, tellSchedule, trainingPlan} from './training_plan.js';

const WHO = 'train';

/** A `tf.data.Dataset` of batches, or anything of its form. */
export interface BatchSource {
  iterator(): Promise<{next(): Promise<{value: unknown; done?: boolean}>}>;
  /** Number of batches; null or undefined where it is not known, Infinity where there is no end. */
  readonly size?: number | null;
}

/** A training set, and a test set where there is one. */
export interface BatchSplit {
  train: BatchSource;
  test?: BatchSource;
}

/** The options of `train` that have a place where batches are tensors already. */
export type BatchTrainOptions = Pick<
  TrainOptions,
  | ('epochs' | 'stepsPerEpoch' | 'learningRate' | 'weightDecay' | 'warmupEpochs' | 'schedule' | 'optimizer')
  | (
      | 'clipNorm'
      | 'accumulateSteps'
      | 'averaging'
      | 'labelSmoothing'
      | 'maxSeconds'
      | 'patience'
      | 'restoreBest'
    )
  | ('signal' | 'onBatch' | 'onEpoch' | 'callbacks')
>;

const OPTIONS = {
  ...{epochs: true, stepsPerEpoch: true, learningRate: true, weightDecay: true, warmupEpochs: true},
  ...{schedule: true, optimizer: true, clipNorm: true, accumulateSteps: true, averaging: true},
  ...{labelSmoothing: true, maxSeconds: true, patience: true, restoreBest: true},
  ...{signal: true, onBatch: true, onEpoch: true, callbacks: true},
} as const satisfies ArgumentNames<BatchTrainOptions>;

const STREAM =
  'a tf.data.Dataset has no place to go on from: train on an ImageDataset, such as imageFolder gives';
const OWN = "the data set's own affair: batch, shuffle and map it";

const HINTS = {
  ...{checkpoint: STREAM, resume: STREAM},
  ...{batchSize: OWN, testBatchSize: OWN, dropRemainder: OWN, seed: OWN, mean: OWN, std: OWN, flip: OWN},
};

const isSource = (data: unknown): data is BatchSource =>
  typeof (data as Partial<BatchSource> | null | undefined)?.iterator === 'function';

/** Whether batches come as tensors. */
export function isBatchData(data: unknown): data is BatchSource | BatchSplit {
  return isSource(data) || isSource((data as Partial<BatchSplit> | null | undefined)?.train);
}

/** What one training works with. */
interface Training {
  model: tfl.LayersModel;
  split: BatchSplit;
  options: BatchTrainOptions;
  plan: TrainingPlan;
  classes: number;
  /** The batches of pass after pass, where epochs are counted in steps. */
  stream: AsyncGenerator<StepBatch> | null;
}

/** See `train`. */
export async function trainOnBatches(
  model: tfl.LayersModel,
  data: BatchSource | BatchSplit,
  given: BatchTrainOptions,
): Promise<TrainingHistory> {
  checkArguments(WHO, given, OPTIONS, HINTS);
  const split = isSource(data) ? {train: data} : data;
  const classes = checkAll(model, split, given);
  const callbacks = new CallbackList(WHO, model, given.callbacks);
  const options = callbacks.told<Evaluation, BatchTrainOptions>(given);
  const stepsPerPass = options.stepsPerEpoch ?? (split.train.size as number);
  const plan = trainingPlan(options, {who: WHO, model, stepsPerPass, monitor: 'loss'});
  const training: Training = {model, split, options, plan, classes, stream: null};
  try {
    return await run(training, callbacks);
  } finally {
    await training.stream?.return(undefined);
    plan.dispose();
  }
}

/** @returns the number of classes. */
function checkAll(model: tfl.LayersModel, {train, test}: BatchSplit, options: BatchTrainOptions): number {
  checkModel(WHO, model);
  checkTrainingOptions(WHO, model, options);
  const {labelSmoothing = 0, patience = 1, stepsPerEpoch} = options;
  checkNumber(WHO, 'labelSmoothing', labelSmoothing, {...BELOW_ONE, what: 'in [0, 1)'});
  positiveInteger(WHO, 'patience', patience);
  const output = model.outputs[0].shape;
  if (model.inputs.length !== 1 || model.outputs.length !== 1 || output.length !== 2 || output[1] == null) {
    throw new ConfigError(
      `${WHO}: the model must have one input and return one logit per class, [B, K]; got ${showShape(output)}.`,
    );
  }
  if (stepsPerEpoch == null && !(Number.isInteger(train.size) && train.size! > 0)) {
    throw new ConfigError(
      `${WHO}: stepsPerEpoch must be given for a training set that does not know its number of batches, as the schedule ` +
        `needs it; got none, and a size of ${train.size} (give stepsPerEpoch).`,
    );
  }
  if (test !== undefined && (!isSource(test) || test.size === Infinity)) {
    throw new ConfigError(
      `${WHO}: the test set must be a data set of batches that has an end; got ${isSource(test) ? 'one without' : showValue(test)} ` +
        '(take(n) ends one).',
    );
  }
  const needy = ['patience', 'restoreBest'].filter((name) => options[name as 'patience' | 'restoreBest']);
  if (options.schedule === 'plateau') needy.push("schedule 'plateau'");
  if (test === undefined && needy.length > 0) {
    throw new ConfigError(
      `${WHO}: ${needy.join(' and ')} must have a test set to follow; got none (give {train, test}).`,
    );
  }
  return output[1];
}

/** The result of an epoch's test; null without a test set. */
interface Tested {
  evaluation: Evaluation | null;
}

async function run(training: Training, callbacks: CallbackList): Promise<TrainingHistory> {
  const {model, split, options, plan, classes} = training;
  const {clipNorm, signal, patience = Infinity, restoreBest = options.patience != null} = options;
  const best = new BestEpoch(model, restoreBest);
  await callbacks.trainBegin(plan);
  const result = await runEpochs<Tested, Figures>({
    ...{who: WHO, model, plan, clipNorm, signal, checkpoints: null, parts: {}},
    objective: classification(classes, options.labelSmoothing ?? 0),
    trainName: 'the training set',
    batches: (epoch, _, steps) => callbacks.during(epoch, epochBatches(training, epoch, steps)),
    totals(epoch) {
      const totals = new ClassificationTotals(plan, epoch, options.onBatch);
      return {
        add: (step) => totals.add(step),
        getState: () => totals.getState(),
        setState: (state) => totals.setState(state),
        figures: (tested) => totals.figures(tested?.evaluation ?? null),
      };
    },
    async test(epoch) {
      if (!split.test) return {evaluation: null};
      const evaluation = await evaluateBatches(model, split.test, classes, signal);
      tellSchedule(plan, {loss: evaluation.loss, accuracy: evaluation.accuracy});
      await best.tested(epoch, evaluation);
      return {evaluation};
    },
    isEnough: (epoch) => callbacks.hasStopped || epoch - (best.epoch ?? 0) >= patience,
    onEpoch: (report, tested) => options.onEpoch?.(report, tested?.evaluation ?? null),
  });
  const {epochs, steps, stepMs, imagesPerSecond, seconds} = result;
  const restoredEpoch = best.putBack(epochs.length);
  await callbacks.trainEnd();
  return {
    ...{epochs, bestEpoch: best.epoch, restoredEpoch, steps, stepMs, imagesPerSecond, seconds},
    stopped: result.early ? 'early' : result.stopped,
    evaluation: restoredEpoch === null ? (result.evaluation?.evaluation ?? null) : best.evaluation,
    ...{mean: [], std: [], testViews: 1},
  };
}

function epochBatches(training: Training, epoch: number, steps: number): AsyncGenerator<StepBatch> {
  if (training.options.stepsPerEpoch == null) return take(passOver(training, epoch - 1), steps);
  training.stream ??= allPasses(training);
  return take(training.stream, steps);
}

/** The batches of pass after pass, until a pass has none. */
async function* allPasses(training: Training): AsyncGenerator<StepBatch> {
  for (let pass = 0, some = true; some; pass++) {
    some = false;
    for await (const batch of passOver(training, pass)) {
      some = true;
      yield batch;
    }
  }
}

async function* passOver({model, split, classes}: Training, pass: number): AsyncGenerator<StepBatch> {
  let number = 0;
  for await (const {xs, ys} of batchesOf(model, split.train, classes)) {
    const indices = Array.from({length: xs.shape[0]}, (_, i) => i);
    yield {images: xs, labels: ys, indices, place: {pass, batch: number++}};
  }
}

/** A batch as the model and its objective take it. Whoever gets it disposes it. */
interface ReadyBatch {
  xs: tf.Tensor;
  /** Classes [B], int32, or shares of the classes [B, K], float32. */
  ys: tf.Tensor;
}

async function* batchesOf(
  model: tfl.LayersModel,
  source: BatchSource,
  classes: number,
): AsyncGenerator<ReadyBatch> {
  const iterator = await source.iterator();
  for (;;) {
    const {value, done} = await iterator.next();
    if (done) return;
    // The computations of some backends (wasm, cpu) never let the event loop run.
    await nextTurn();
    yield await readyBatch(model, value, classes);
  }
}

/** Disposes what it was given. */
async function readyBatch(model: tfl.LayersModel, value: unknown, classes: number): Promise<ReadyBatch> {
  const {xs, ys} = Array.isArray(value)
    ? {xs: value[0], ys: value[1]}
    : ((value ?? {}) as Partial<ReadyBatch>);
  try {
    if (!(xs instanceof tf.Tensor) || !(ys instanceof tf.Tensor)) {
      throw new DataError(
        `${WHO}: a batch must be {xs, ys} or [xs, ys] of tensors; got ${showValue(value)} ` +
          '(dataset.batch(32) makes them of examples).',
      );
    }
    checkShapes(model, xs, ys);
    const labels = await labelsOf(ys, classes);
    return {xs: tf.cast(xs, 'float32'), ys: labels};
  } finally {
    if (typeof value === 'object' && value !== null) tf.dispose(value as tf.TensorContainer);
  }
}

function checkShapes(model: tfl.LayersModel, xs: tf.Tensor, ys: tf.Tensor): void {
  const [, ...taken] = model.inputs[0].shape;
  const [count, ...given] = xs.shape;
  const fits =
    given.length === taken.length && taken.every((size, axis) => size == null || size === given[axis]);
  if (fits && count > 0 && ys.shape[0] === count) return;
  throw new ShapeError(
    `${WHO}: a batch must have xs ${showShape(['B', ...taken])} and as many ys; got xs ${showShape(xs.shape)} and ys ` +
      `${showShape(ys.shape)} (dataset.batch(32) makes batches of examples).`,
  );
}

async function labelsOf(ys: tf.Tensor, classes: number): Promise<tf.Tensor> {
  const [count, columns] = ys.shape;
  if (ys.rank === 2 && columns === classes && classes > 1) return tf.cast(ys, 'float32');
  if (ys.rank > 2 || ys.size !== count) {
    throw new ShapeError(
      `${WHO}: ys must be classes [B] or shares of the ${classes} classes [B, ${classes}]; got ${showShape(ys.shape)}.`,
    );
  }
  const values = await ys.data();
  const wrong = values.find((value) => !(Number.isInteger(value) && value >= 0 && value < classes));
  if (wrong !== undefined) {
    throw new DataError(`${WHO}: a label must be a class from 0 to ${classes - 1}; got ${wrong}.`);
  }
  return tf.tensor1d(Int32Array.from(values), 'int32');
}

/** As `evaluate`; of shares of the classes the largest counts. */
async function evaluateBatches(
  model: tfl.LayersModel,
  source: BatchSource,
  classes: number,
  signal?: AbortSignal,
): Promise<Evaluation> {
  const confusion = Array.from({length: classes}, () => new Array<number>(classes).fill(0));
  const predictions: number[] = [];
  const confidences: number[] = [];
  let [lossSum, correct] = [0, 0];
  for await (const {xs, ys} of batchesOf(model, source, classes)) {
    const [logits, labels] = tf.tidy(() => [
      model.apply(xs, {training: false}) as tf.Tensor,
      ys.rank === 2 ? tf.argMax(ys, 1) : tf.clone(ys),
    ]);
    tf.dispose([xs, ys]);
    let [values, classOf]: ArrayLike<number>[] = [];
    try {
      [values, classOf] = await Promise.all([logits.data(), labels.data()]);
    } finally {
      tf.dispose([logits, labels]);
    }
    for (let row = 0; row < classOf.length; row++) {
      const {loss, prediction, confidence} = scoreRow(values, row * classes, classes, classOf[row]);
      if (!Number.isFinite(loss)) {
        throw new SwintError(
          `${WHO}: the model's logits must be finite; got a loss of ${loss} for image ${predictions.length} of the test ` +
            'set (the training diverged).',
        );
      }
      lossSum += loss;
      correct += prediction === classOf[row] ? 1 : 0;
      confusion[classOf[row]][prediction] += 1;
      predictions.push(prediction);
      confidences.push(confidence);
    }
    signal?.throwIfAborted();
  }
  const images = predictions.length;
  if (images === 0) throw new DataError(`${WHO}: the test set must have an image; got none.`);
  return {
    ...{loss: lossSum / images, accuracy: correct / images, confusion},
    predictions: Int32Array.from(predictions),
    confidences: Float32Array.from(confidences),
  };
}

/**
 * Trains an image classifier: seeded shuffles and augmentation, softmax cross-entropy with label smoothing, AdamW
 * under a warm-up and cosine schedule, an evaluation after each epoch.
 *
 *     target = (1 - s) onehot(y) + s / K        loss = mean over the batch of  -sum_k target_k log softmax(z)_k
 *                                                      + the layers' own regularisation losses
 *
 * with label smoothing s (Szegedy et al. 2016) and K classes. Loss and accuracy of the training set are running means
 * over the epoch's batches, so they lag behind the test figures, which are taken at its end.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {type Batch, batches} from '../data/batches.js';
import type {DatasetSplit} from '../data/dataset.js';
import {channelStatistics} from '../data/normalise.js';
import {ConfigError, DataError, SwintError} from '../errors.js';
import {describeClassifier} from '../inference/classifier_metadata.js';
import {AdamW} from './adamw.js';
import {BestEpoch} from './best_epoch.js';
import {checkClassifier} from './check_model.js';
import {type Evaluation, evaluate, type ImageOptions} from './evaluate.js';
import {cosineSchedule, type Schedule} from './schedule.js';

/** What is known after a step. */
export interface BatchReport {
  /** Epoch, from 1. */
  epoch: number;
  /** Epochs of the whole training. */
  epochs: number;
  /** Step of the epoch, from 1. */
  step: number;
  /** Steps of an epoch, as planned; unreadable images that are skipped can make it fewer. */
  steps: number;
  /** Loss of this step's batch, label smoothing and regularisation included. */
  loss: number;
  /** Share of the batch that was classified correctly. */
  accuracy: number;
  /** Means over the epoch's images so far. */
  runningLoss: number;
  runningAccuracy: number;
  /** Rate this step was taken with; null where the caller's own optimizer keeps it to itself. */
  learningRate: number | null;
  /** Milliseconds since the step before was finished, data included. */
  stepMs: number;
}

/** One line of the history. */
export interface EpochReport {
  /** Epoch, from 1. */
  epoch: number;
  /** Running mean over the epoch's batches. */
  trainLoss: number;
  trainAccuracy: number;
  /** Null where the training was aborted before the evaluation. */
  testLoss: number | null;
  testAccuracy: number | null;
  /** Rate of the epoch's last step. */
  learningRate: number | null;
  /** Steps taken; fewer than planned in an epoch that was cut short. */
  steps: number;
  /** Seconds of training, and of the evaluation after it. */
  trainSeconds: number;
  testSeconds: number;
}

export interface TrainingHistory {
  epochs: EpochReport[];
  /** Why it ended: all epochs done, none better within `patience`, the time budget spent, or the signal aborted. */
  stopped: 'finished' | 'early' | 'budget' | 'aborted';
  /** Epoch of the highest test accuracy, the first of equal ones; null where none was evaluated. */
  bestEpoch: number | null;
  /** Epoch whose weights were put back at the end; null where the model has those of its last step. */
  restoredEpoch: number | null;
  /** Steps taken, and the median of their times in milliseconds, data included; null without a step. */
  steps: number;
  stepMs: number | null;
  /** Training images per second over all steps, evaluations not counted; null without a step. */
  imagesPerSecond: number | null;
  /** Seconds from start to end, evaluations included. */
  seconds: number;
  /** The normalisation used; a caller of the trained model needs it. */
  mean: number[];
  std: number[];
  /**
   * Result on the test set: of the restored epoch, else of the last one that was evaluated; null where the training was
   * aborted before any.
   */
  evaluation: Evaluation | null;
}

export interface TrainOptions extends ImageOptions {
  /** Passes over the training set; default 10. */
  epochs?: number;
  /**
   * Steps that count as one epoch; default one pass over the training set. With it, passes run on from epoch to epoch,
   * so that one pass can be watched and tested in several parts.
   */
  stepsPerEpoch?: number;
  /** Images per step; default 32. */
  batchSize?: number;
  /** Images per batch of the evaluation; default the larger of 64 and batchSize. */
  testBatchSize?: number;
  /** Leave out an epoch's last batch if it is not full; default true where the training set fills one batch. */
  dropRemainder?: boolean;
  /** Decides order and augmentation; default 0. Weights and dropout have seeds of their own in the model. */
  seed?: number;
  /** Highest learning rate; default 1e-3. */
  learningRate?: number;
  /** AdamW's weight decay; default 0.05. */
  weightDecay?: number;
  /** Epochs of linear warm-up, fractions allowed; default a twentieth of the training. */
  warmupEpochs?: number;
  /** Rate by step, in place of warm-up and cosine. */
  schedule?: Schedule;
  /** In place of AdamW. Without `schedule` or `learningRate` its own rate stays. The caller disposes it. */
  optimizer?: tf.Optimizer;
  /** Share s of the target spread over all classes, in [0, 1); default 0. */
  labelSmoothing?: number;
  /** Largest global norm of a step's gradients; larger ones are scaled down to it. Default none. */
  clipNorm?: number;
  /** Mirror half of the training images; default false. */
  flip?: boolean;
  /** Cells of zero padding before a random crop back to the size; default 0. */
  cropPadding?: number;
  /**
   * Seconds of training after which it stops at the end of a step and evaluates; default none. Where the time is spent
   * before the epochs are done, the warm-up and cosine schedule follows the time: the rate is at its end when it stops.
   */
  maxSeconds?: number;
  /**
   * Epochs in a row without a higher test accuracy after which it stops; at least 1, default none. What chooses the epoch is
   * no longer a fair test of it: where the figure matters, give a validation set as `data.test` and keep a test set apart.
   */
  patience?: number;
  /**
   * Whether the weights of the epoch of the highest test accuracy are put back at the end, however it ended. Takes the memory
   * of a copy of the weights. Default: where `patience` is given.
   */
  restoreBest?: boolean;
  /** Stops at the end of a step; the promise still resolves with what there is. */
  signal?: AbortSignal;
  onBatch?: (report: BatchReport) => void;
  /** Told after each batch of an evaluation how many of the test images are done. */
  onTestBatch?: (progress: {epoch: number; images: number; total: number}) => void;
  onEpoch?: (report: EpochReport, evaluation: Evaluation | null) => void | Promise<void>;
}

/**
 * Trains `model` on `data.train`, testing on `data.test` after each epoch. Mean and standard deviation, where not
 * given, are those of the training set. Layers with `trainable = false` take no step. The model is told its class names and
 * how its images were prepared (in its `userDefinedMetadata`, which is saved with it), so that `classify` knows.
 *
 * @param model Maps images to logits [B, K], K the number of classes.
 * @throws ConfigError for an unusable option, a model that does not fit the data, or where no gradients are
 *     registered; DataError for an unreadable image; SwintError naming epoch and step where the loss is not finite.
 */
export async function train(
  model: tfl.LayersModel,
  data: DatasetSplit,
  options: TrainOptions = {},
): Promise<TrainingHistory> {
  const plan = await planTraining(model, data, options);
  describeImages(plan);
  const stream = options.stepsPerEpoch == null ? null : allPasses(plan);
  try {
    return await runEpochs(plan, stream);
  } finally {
    await stream?.return(undefined);
    if (plan.optimizer !== options.optimizer) plan.optimizer.dispose();
  }
}

interface Plan {
  model: tfl.LayersModel;
  data: DatasetSplit;
  options: TrainOptions;
  epochs: number;
  batchSize: number;
  steps: number;
  totalSteps: number;
  dropRemainder: boolean;
  images: ImageOptions & {mean: number[]; std: number[]};
  optimizer: tf.Optimizer;
  /** Null where the caller's optimizer keeps its own rate. */
  schedule: Schedule | null;
}

async function planTraining(
  model: tfl.LayersModel,
  data: DatasetSplit,
  options: TrainOptions,
): Promise<Plan> {
  const {epochs = 10, batchSize = 32, dataFormat, badImages, onBadImage, prefetch} = options;
  requireOption('epochs', epochs, Number.isInteger(epochs) && epochs >= 1, 'a whole number from 1');
  requireOption(
    'batchSize',
    batchSize,
    Number.isInteger(batchSize) && batchSize >= 1,
    'a whole number from 1',
  );
  const {labelSmoothing = 0, clipNorm, maxSeconds, patience, warmupEpochs, learningRate = 1e-3} = options;
  requireOption(
    'learningRate',
    learningRate,
    learningRate >= 0 && learningRate < Infinity,
    'a number from 0',
  );
  requireOption('labelSmoothing', labelSmoothing, labelSmoothing >= 0 && labelSmoothing < 1, 'in [0, 1)');
  if (clipNorm != null) requireOption('clipNorm', clipNorm, clipNorm > 0, 'above 0');
  if (maxSeconds != null) requireOption('maxSeconds', maxSeconds, maxSeconds > 0, 'above 0');
  if (patience != null) {
    const whole = Number.isInteger(patience) && patience >= 1;
    requireOption('patience', patience, whole, 'a whole number from 1');
  }
  if (warmupEpochs != null) {
    requireOption(
      'warmupEpochs',
      warmupEpochs,
      warmupEpochs >= 0 && warmupEpochs < epochs,
      `in [0, ${epochs})`,
    );
  }
  const {stepsPerEpoch} = options;
  if (stepsPerEpoch != null) {
    const whole = Number.isInteger(stepsPerEpoch) && stepsPerEpoch >= 1;
    requireOption('stepsPerEpoch', stepsPerEpoch, whole, 'a whole number from 1');
  }
  requireGradients();
  checkClassifier('train', model, data.train, dataFormat ?? 'channelsFirst');
  checkClassifier('train', model, data.test, dataFormat ?? 'channelsFirst');
  if (model.trainableWeights.length === 0) {
    throw new ConfigError(
      'train: the model must have trainable weights; got none (set layer.trainable = true).',
    );
  }

  const dropRemainder = options.dropRemainder ?? data.train.size >= batchSize;
  const batchCount = data.train.size / batchSize;
  const stepsPerPass = dropRemainder ? Math.floor(batchCount) : Math.ceil(batchCount);
  if (stepsPerPass === 0) {
    throw new ConfigError(
      `train: the training set must fill at least one batch; got ${data.train.size} images and ` +
        `batchSize ${batchSize} (use a smaller batchSize, or dropRemainder: false).`,
    );
  }
  const reading = {badImages, onBadImage};
  const statistics =
    options.mean && options.std
      ? {mean: options.mean, std: options.std}
      : await channelStatistics(data.train, reading);
  const mean = [...(options.mean ?? statistics.mean)];
  const std = [...(options.std ?? statistics.std)];

  const steps = stepsPerEpoch ?? stepsPerPass;
  const totalSteps = epochs * steps;
  const ownRate = options.optimizer != null && options.learningRate == null;
  const warmupSteps = Math.min(Math.round((warmupEpochs ?? epochs / 20) * steps), totalSteps - 1);
  const cosine = ownRate ? null : cosineSchedule({rate: learningRate, totalSteps, warmupSteps});
  return {
    model,
    data,
    options,
    epochs,
    batchSize,
    steps,
    totalSteps,
    dropRemainder,
    images: {mean, std, dataFormat, badImages, onBadImage, prefetch},
    optimizer: options.optimizer ?? new AdamW({learningRate, weightDecay: options.weightDecay}),
    schedule: options.schedule ?? cosine,
  };
}

/** Writes into the model what `classify` has to know, before the first step: a callback may save the model. */
function describeImages({model, data, images}: Plan): void {
  const {height, width, classNames} = data.train;
  describeClassifier(model, {
    classNames: [...classNames],
    mean: images.mean,
    std: images.std,
    dataFormat: images.dataFormat ?? 'channelsFirst',
    imageSize: [height, width],
    // As imageFolder brings pictures to the size of its images.
    cropFraction: 1,
    cropMode: 'squash',
    interpolation: 'bilinear',
  });
}

/** @param stream The batches of pass after pass, where epochs are counted in steps; else null. */
async function runEpochs(plan: Plan, stream: AsyncGenerator<Batch> | null): Promise<TrainingHistory> {
  const {options, data, model} = plan;
  const start = performance.now();
  const history: EpochReport[] = [];
  const stepTimes: number[] = [];
  let trainedImages = 0;
  let evaluation: Evaluation | null = null;
  const {patience = Infinity, restoreBest = options.patience != null} = options;
  const best = new BestEpoch(model, restoreBest);
  let stopped: TrainingHistory['stopped'] = 'finished';
  // The budget is for training alone: the evaluation that ends it is always made.
  const trainSeconds = () => history.reduce((sum, epoch) => sum + epoch.trainSeconds, 0);
  for (let epoch = 1; epoch <= plan.epochs && stopped === 'finished'; ++epoch) {
    const source = stream === null ? passOver(plan, epoch - 1) : take(stream, plan.steps);
    const result = await runSteps(plan, source, epoch, (options.maxSeconds ?? Infinity) - trainSeconds());
    stopped = result.stopped;
    if (result.stepTimes.length === 0) {
      if (stopped === 'aborted') break;
      throw new DataError(
        `train: ${data.train.name} must have a readable image; got none in epoch ${epoch}.`,
      );
    }
    for (const time of result.stepTimes) stepTimes.push(time);
    trainedImages += result.images;
    const testStart = performance.now();
    const tested = stopped === 'aborted' ? null : await testEpoch(plan, epoch);
    if (tested === null) stopped = 'aborted';
    else {
      evaluation = tested;
      await best.tested(epoch, tested);
    }
    const report: EpochReport = {
      epoch,
      trainLoss: result.lossSum / result.images,
      trainAccuracy: result.correct / result.images,
      testLoss: tested?.loss ?? null,
      testAccuracy: tested?.accuracy ?? null,
      learningRate: result.learningRate,
      steps: result.stepTimes.length,
      trainSeconds: result.seconds,
      testSeconds: (performance.now() - testStart) / 1000,
    };
    history.push(report);
    await options.onEpoch?.(report, tested);
    if (stopped === 'finished' && epoch < plan.epochs && trainSeconds() >= (options.maxSeconds ?? Infinity)) {
      stopped = 'budget';
    }
    if (stopped === 'finished' && epoch < plan.epochs && epoch - (best.epoch ?? 0) >= patience)
      stopped = 'early';
  }
  const restoredEpoch = best.putBack(history.length);
  return {
    epochs: history,
    stopped,
    bestEpoch: best.epoch,
    restoredEpoch,
    steps: stepTimes.length,
    stepMs: median(stepTimes),
    imagesPerSecond: stepTimes.length === 0 ? null : trainedImages / (sum(stepTimes) / 1000),
    seconds: (performance.now() - start) / 1000,
    mean: plan.images.mean,
    std: plan.images.std,
    evaluation: restoredEpoch === null ? evaluation : best.evaluation,
  };

  /** Null where the signal came during the evaluation. */
  async function testEpoch({batchSize, images}: Plan, epoch: number): Promise<Evaluation | null> {
    const {signal, onTestBatch, testBatchSize = Math.max(64, batchSize)} = options;
    try {
      return await evaluate(model, data.test, {
        ...images,
        batchSize: testBatchSize,
        signal,
        onBatch: onTestBatch && ((progress) => onTestBatch({epoch, ...progress})),
      });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return null;
      throw error;
    }
  }
}

interface StepsResult {
  lossSum: number;
  correct: number;
  images: number;
  stepTimes: number[];
  seconds: number;
  learningRate: number | null;
  stopped: TrainingHistory['stopped'];
}

/** A step whose result is still on the device. */
interface Pending {
  step: number;
  count: number;
  learningRate: number | null;
  /** [loss, number of correct images] */
  result: Promise<ArrayLike<number>>;
}

/** The batches of one pass over the training set; each pass has an order and augmentation of its own. */
function passOver(
  {data, images, batchSize, dropRemainder, options}: Plan,
  pass: number,
): AsyncGenerator<Batch> {
  const {seed = 0, flip = false, cropPadding = 0} = options;
  const order = {shuffle: true, seed, epoch: pass};
  return batches(data.train, {...images, ...order, batchSize, dropRemainder, flip, cropPadding});
}

/** The batches of pass after pass, until one has none. */
async function* allPasses(plan: Plan): AsyncGenerator<Batch> {
  for (let pass = 0, some = true; some; pass++) {
    some = false;
    for await (const batch of passOver(plan, pass)) {
      some = true;
      yield batch;
    }
  }
}

/** The next `count` batches of a stream, which stays open. */
async function* take(stream: AsyncGenerator<Batch>, count: number): AsyncGenerator<Batch> {
  for (let i = 0; i < count; i++) {
    const {value, done} = await stream.next();
    if (done) return;
    yield value;
  }
}

/** The steps of one epoch, until they are done, `secondsLeft` are spent or the signal aborts. */
async function runSteps(
  plan: Plan,
  source: AsyncGenerator<Batch>,
  epoch: number,
  secondsLeft: number,
): Promise<StepsResult> {
  const {model, data, options, optimizer, steps, schedule} = plan;
  const {signal, labelSmoothing = 0, clipNorm} = options;
  const variables = trainableVariables(model);
  const classes = data.train.classNames.length;
  const start = performance.now();
  const total: StepsResult = {
    lossSum: 0,
    correct: 0,
    images: 0,
    stepTimes: [],
    seconds: 0,
    learningRate: null,
    stopped: 'finished',
  };
  let lastEnd = start;
  const finish = async ({step, count, learningRate, result}: Pending): Promise<void> => {
    const [loss, correct] = Array.from(await result);
    if (!Number.isFinite(loss)) {
      throw new SwintError(
        `train: the loss must stay finite; got ${loss} in epoch ${epoch}, step ${step} of ${steps} ` +
          `(lower the learning rate, warm up longer, or clip the gradients).`,
      );
    }
    const now = performance.now();
    total.lossSum += loss * count;
    total.correct += correct;
    total.images += count;
    total.stepTimes.push(now - lastEnd);
    total.learningRate = learningRate;
    options.onBatch?.({
      epoch,
      epochs: plan.epochs,
      step,
      steps,
      loss,
      accuracy: correct / count,
      runningLoss: total.lossSum / total.images,
      runningAccuracy: total.correct / total.images,
      learningRate,
      stepMs: now - lastEnd,
    });
    lastEnd = now;
  };

  /** Steps done, or as many as the time spent stands for where that is more; a schedule of the caller's counts steps. */
  const placeInSchedule = (): number => {
    const done = (epoch - 1) * steps + step - 1;
    if (options.maxSeconds == null || options.schedule) return done;
    const spent = options.maxSeconds - secondsLeft + (performance.now() - start) / 1000;
    return Math.max(done, Math.floor((plan.totalSteps * spent) / options.maxSeconds));
  };

  // A step's loss is awaited only after the next step has been handed to the device, so that the device never waits
  // for a read. One step of lag bounds what is queued.
  let pending: Pending | null = null;
  let step = 0;
  if (signal?.aborted) return {...total, stopped: 'aborted'};
  try {
    for await (const batch of source) {
      step += 1;
      const learningRate = setLearningRate(optimizer, schedule?.(placeInSchedule()));
      const current: Pending = {
        step,
        count: batch.indices.length,
        learningRate,
        result: takeStep(model, optimizer, variables, batch, classes, labelSmoothing, clipNorm),
      };
      if (pending) await finish(pending);
      pending = current;
      if (signal?.aborted) total.stopped = 'aborted';
      else if (step < steps && (performance.now() - start) / 1000 >= secondsLeft) total.stopped = 'budget';
      if (total.stopped !== 'finished') break;
    }
    const last: Pending | null = pending;
    pending = null;
    if (last) await finish(last);
  } finally {
    // After an error nobody else waits for the step in flight.
    await pending?.result.catch(() => undefined);
  }
  total.seconds = (performance.now() - start) / 1000;
  return total;
}

/** One optimizer step. Disposes the batch. @returns what reads [loss, number of correct images]. */
function takeStep(
  model: tfl.LayersModel,
  optimizer: tf.Optimizer,
  variables: Map<tf.Variable, tfl.LayerVariable>,
  {images, labels}: Batch,
  classes: number,
  labelSmoothing: number,
  clipNorm: number | undefined,
): Promise<ArrayLike<number>> {
  let summary: tf.Tensor;
  try {
    summary = tf.tidy(() => {
      let correct: tf.Tensor | undefined;
      const lossOf = (): tf.Scalar => {
        const logits = model.apply(images, {training: true}) as tf.Tensor2D;
        correct = tf.keep(tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32')));
        const target = tf.oneHot(labels, classes);
        let loss = tf.losses.softmaxCrossEntropy(target, logits, undefined, labelSmoothing) as tf.Scalar;
        for (const regularization of model.calculateLosses()) loss = tf.add(loss, regularization);
        return loss;
      };
      const {value, grads} = optimizer.computeGradients(lossOf, [...variables.keys()]);
      optimizer.applyGradients(clipNorm == null ? grads : clipped(grads, clipNorm));
      for (const [variable, {constraint}] of variables) {
        if (constraint != null) variable.assign(constraint.apply(variable));
      }
      const result = tf.stack([value, correct!]);
      correct!.dispose();
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

/** The gradients scaled so that the root of the sum of all their squares is at most `clipNorm`. */
function clipped(grads: tf.NamedTensorMap, clipNorm: number): tf.NamedTensorMap {
  const squares = Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.addN(squares));
  const scale = tf.div(clipNorm, tf.maximum(norm, clipNorm));
  return Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, tf.mul(gradient, scale)]));
}

/** The model's trainable variables, with the layer weights they belong to. */
function trainableVariables(model: tfl.LayersModel): Map<tf.Variable, tfl.LayerVariable> {
  // read() returns the variable itself, though its type says tensor; tfjs's own training loop relies on it too.
  return new Map(model.trainableWeights.map((weight) => [weight.read() as tf.Variable, weight]));
}

/** Sets the rate, where there is one to set. @returns the rate in use; null where it cannot be known. */
function setLearningRate(optimizer: tf.Optimizer, rate: number | undefined): number | null {
  const target = optimizer as {learningRate?: unknown; setLearningRate?: (rate: number) => void};
  if (rate === undefined) return typeof target.learningRate === 'number' ? target.learningRate : null;
  if (typeof target.setLearningRate === 'function') target.setLearningRate(rate);
  else if (typeof target.learningRate === 'number') target.learningRate = rate;
  else {
    throw new ConfigError(
      `train: an optimizer under a schedule must have a learningRate; got ${optimizer.getClassName()} without ` +
        `(leave out schedule and learningRate).`,
    );
  }
  return rate;
}

function requireGradients(): void {
  if (tf.getGradient('Add') == null) {
    throw new ConfigError(
      "train: tfjs's gradients must be registered; got none, because @tensorflow/tfjs-core registers no gradient " +
        "by itself (add import '@tensorflow/tfjs' to your program).",
    );
  }
}

function requireOption(name: string, value: unknown, valid: boolean, rule: string): void {
  if (!valid) throw new ConfigError(`train: ${name} must be ${rule}; got ${value}.`);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

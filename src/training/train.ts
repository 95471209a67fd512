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
import {ConfigError, DataError} from '../errors.js';
import {describeClassifier} from '../inference/classifier_metadata.js';
import {BestEpoch} from './best_epoch.js';
import {checkClassifier} from './check_model.js';
import {type Evaluation, evaluate, type ImageOptions} from './evaluate.js';
import {type Ending, type Objective, runSteps, take} from './loop.js';
import type {Schedule} from './schedule.js';
import {checkPace, median, type Pace, paceOf, requireOption} from './training_plan.js';

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
  stopped: Ending | 'early';
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
    if (plan.pace.optimizer !== options.optimizer) plan.pace.optimizer.dispose();
  }
}

interface Plan {
  model: tfl.LayersModel;
  data: DatasetSplit;
  options: TrainOptions;
  batchSize: number;
  dropRemainder: boolean;
  images: ImageOptions & {mean: number[]; std: number[]};
  pace: Pace;
}

async function planTraining(
  model: tfl.LayersModel,
  data: DatasetSplit,
  options: TrainOptions,
): Promise<Plan> {
  const {
    batchSize = 32,
    dataFormat,
    badImages,
    onBadImage,
    prefetch,
    labelSmoothing = 0,
    patience = 1,
  } = options;
  checkPace('train', model, {...options, batchSize});
  const smooths = labelSmoothing >= 0 && labelSmoothing < 1;
  requireOption('train', 'labelSmoothing', labelSmoothing, smooths, 'in [0, 1)');
  const whole = Number.isInteger(patience) && patience >= 1;
  requireOption('train', 'patience', patience, whole, 'a whole number from 1');
  checkClassifier('train', model, data.train, dataFormat ?? 'channelsFirst');
  checkClassifier('train', model, data.test, dataFormat ?? 'channelsFirst');

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

  return {
    model,
    data,
    options,
    batchSize,
    dropRemainder,
    images: {mean, std, dataFormat, badImages, onBadImage, prefetch},
    pace: paceOf(options, stepsPerPass),
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
  const {options, data, model, pace} = plan;
  const objective = classification(data.train.classNames.length, options.labelSmoothing ?? 0);
  const {clipNorm, signal} = options;
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
  for (let epoch = 1; epoch <= pace.epochs && stopped === 'finished'; ++epoch) {
    const source = stream === null ? passOver(plan, epoch - 1) : take(stream, pace.steps);
    const total = {lossSum: 0, correct: 0, images: 0};
    const common = {who: 'train', model, objective, clipNorm, pace, signal};
    const result = await runSteps({
      ...common,
      source,
      epoch,
      secondsBefore: trainSeconds(),
      onStep({step, images, loss, counts: [correct], learningRate, stepMs}) {
        total.lossSum += loss * images;
        total.correct += correct;
        total.images += images;
        options.onBatch?.({
          epoch,
          epochs: pace.epochs,
          step,
          steps: pace.steps,
          loss,
          accuracy: correct / images,
          runningLoss: total.lossSum / total.images,
          runningAccuracy: total.correct / total.images,
          learningRate,
          stepMs,
        });
      },
    });
    stopped = result.stopped;
    if (result.stepTimes.length === 0) {
      if (stopped === 'aborted') break;
      throw new DataError(
        `train: ${data.train.name} must have a readable image; got none in epoch ${epoch}.`,
      );
    }
    for (const time of result.stepTimes) stepTimes.push(time);
    trainedImages += total.images;
    const testStart = performance.now();
    const tested = stopped === 'aborted' ? null : await testEpoch(plan, epoch);
    if (tested === null) stopped = 'aborted';
    else {
      evaluation = tested;
      await best.tested(epoch, tested);
    }
    const report: EpochReport = {
      epoch,
      trainLoss: total.lossSum / total.images,
      trainAccuracy: total.correct / total.images,
      testLoss: tested?.loss ?? null,
      testAccuracy: tested?.accuracy ?? null,
      learningRate: result.learningRate,
      steps: result.stepTimes.length,
      trainSeconds: result.seconds,
      testSeconds: (performance.now() - testStart) / 1000,
    };
    history.push(report);
    await options.onEpoch?.(report, tested);
    if (stopped === 'finished' && epoch < pace.epochs && trainSeconds() >= pace.maxSeconds) {
      stopped = 'budget';
    }
    if (stopped === 'finished' && epoch < pace.epochs && epoch - (best.epoch ?? 0) >= patience)
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

/** Softmax cross-entropy with label smoothing; counts the images that are classified correctly. */
function classification(classes: number, labelSmoothing: number): Objective {
  return (logits, labels) => {
    const correct = tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'));
    const target = tf.oneHot(labels as tf.Tensor1D, classes);
    const loss = tf.losses.softmaxCrossEntropy(target, logits, undefined, labelSmoothing) as tf.Scalar;
    return {loss, counts: tf.reshape(correct, [1])};
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * Trains an image classifier: seeded shuffles and augmentation, softmax cross-entropy with label smoothing
 * (classification.ts) plus the layers' own regularisation losses, AdamW under a warm-up and cosine schedule, an
 * evaluation after each epoch.
 *
 * Loss and accuracy of the training set are running means over the epoch's batches, so they lag behind the test figures,
 * which are taken at its end.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {BELOW_ONE, checkNumber, positiveInteger} from '../../kernels/common/arguments.js';
import {checkArguments} from '../../kernels/common/known_arguments.js';
import {batches} from '../data/batches.js';
import {checkLabels} from '../data/checked_reads.js';
import type {DatasetSplit} from '../data/dataset.js';
import {type ChannelStatistics, channelStatistics} from '../data/normalise.js';
import {ConfigError} from '../errors.js';
import {describeClassifier} from '../inference/classifier_metadata.js';
import type {Views} from '../inference/views.js';
import {BestEpoch} from './best_epoch.js';
import {CallbackList} from './callbacks.js';
import {checkClassifier} from './check_model.js';
import {identityOf, labelsChecksum, shortName} from './checkpoint_identity.js';
import {copyWeights, restoreWeights} from './checkpoint_state.js';
import {Checkpoints} from './checkpoints.js';
import {classification, withTargets} from './classification.js';
import {ClassificationTotals, type Figures} from './classification_totals.js';
import {runEpochs, unlessAborted} from './epochs.js';
import {type Evaluation, evaluate, type ImageOptions} from './evaluate.js';
import {checkTrainingImages, imageChanges} from './image_options.js';
import {withRecipe} from './recipes.js';
import {type BatchPlace, type StepBatch, take} from './steps.js';
import {
  type BatchSource,
  type BatchSplit,
  type BatchTrainOptions,
  isBatchData,
  trainOnBatches,
} from './train_on_batches.js';
import {TRAIN_OPTIONS, type TrainOptions} from './train_options.js';
import type {TrainingHistory} from './training_history.js';
import {checkTrainingOptions, type TrainingPlan, tellSchedule, trainingPlan} from './training_plan.js';
import {whitenedKernel, whitenFirstConvolution} from './whitening.js';

export type {TrainOptions} from './train_options.js';

const WHO = 'train';

/**
 * Trains on batches that are tensors already, as `tf.data` makes them: {xs, ys} or [xs, ys], xs as the model takes them, ys
 * classes [B] or shares of the classes [B, K], such as one-hot rows.
 *
 *     await train(model, {train: photos.shuffle(1000).batch(32), test: others.batch(64)}, {epochs: 10});
 *
 * What is said of images has no place here, and neither have checkpoints: a stream has no place to go on from.
 *
 * @throws ConfigError for options that have no place, and where the training set does not know its number of batches and
 *     stepsPerEpoch is not given; ShapeError or DataError for a batch that is none.
 */
export async function train(
  model: tfl.LayersModel,
  data: BatchSource | BatchSplit,
  options?: BatchTrainOptions,
): Promise<TrainingHistory>;
/**
 * Trains `model` on `data.train`, testing on `data.test` after each epoch. Mean and standard deviation, where not
 * given, are those of the training set. Layers with `trainable = false` take no step. The model is told its class names and
 * how its images were prepared (in its `userDefinedMetadata`, which is saved with it), so that `classify` knows.
 *
 * @param model Maps images to logits [B, K], K the number of classes.
 * @throws ConfigError for an unusable option, a model that does not fit the data, or where no gradients are
 *     registered; DataError for an unreadable image or a label that is no class; SwintError naming epoch and step where the loss or
 *     a weight is not finite, the model then having its last good weights; what `checkpoint` and `resume` say.
 */
export async function train(
  model: tfl.LayersModel,
  data: DatasetSplit,
  options?: TrainOptions,
): Promise<TrainingHistory>;
export async function train(
  model: tfl.LayersModel,
  data: DatasetSplit | BatchSource | BatchSplit,
  options: TrainOptions = {},
): Promise<TrainingHistory> {
  return isBatchData(data) ? trainOnBatches(model, data, options) : trainOnImages(model, data, options);
}

async function trainOnImages(
  model: tfl.LayersModel,
  data: DatasetSplit,
  given: TrainOptions,
): Promise<TrainingHistory> {
  checkArguments(WHO, given, TRAIN_OPTIONS);
  const start = performance.now();
  const chosen = withRecipe(WHO, model, given);
  checkOptions(model, data, chosen);
  const callbacks = new CallbackList(WHO, model, given.callbacks);
  const options = callbacks.told(chosen);
  const checkpoints = await Checkpoints.open(WHO, options);
  const training = await prepare(model, data, options, {checkpoints, callbacks});
  if (training === null) return nothingTrained((performance.now() - start) / 1000);
  const {plan, images} = training;
  try {
    const {mean, std} = images;
    checkpoints?.belongsTo(identityOf(WHO, model, factsOf(data), options), {mean, std});
    describeImages(training);
    return ended(training) ?? (await run(training));
  } finally {
    await training.stream?.return(undefined);
    plan.dispose();
  }
}

/** What a checkpoint knows of the images. */
function factsOf({train, test}: DatasetSplit): Record<string, string | number> {
  const facts = [train, test].flatMap((dataset, i) => {
    const {name, size, height, width, channels, classNames} = dataset;
    const labels = labelsChecksum(dataset);
    const all = {
      name: shortName(name),
      images: size,
      size: `${height}x${width}x${channels}`,
      classes: classNames.join(),
      labels,
    };
    return Object.entries(all).map(([key, value]) => [`${i === 0 ? 'training' : 'test'} ${key}`, value]);
  });
  return Object.fromEntries(facts);
}

/** What a training returned that had ended when its last checkpoint was written; its weights are put into the model. */
function ended({model, checkpoints}: Training): TrainingHistory | null {
  const {result, weights} = checkpoints?.found ?? {};
  if (!result || !weights) return null;
  restoreWeights(model, weights);
  return result as TrainingHistory;
}

/** What one training works with. */
interface Training {
  model: tfl.LayersModel;
  data: DatasetSplit;
  options: TrainOptions;
  batchSize: number;
  dropRemainder: boolean;
  /** Steps of one pass over the training set. */
  stepsPerPass: number;
  images: ImageOptions & {mean: number[]; std: number[]};
  plan: TrainingPlan;
  checkpoints: Checkpoints | null;
  callbacks: CallbackList;
  /** The batches of pass after pass, where epochs are counted in steps; made when the first is asked for. */
  stream: AsyncGenerator<StepBatch> | null;
}

/** @returns null where the signal came before it was done. */
async function prepare(
  model: tfl.LayersModel,
  data: DatasetSplit,
  options: TrainOptions,
  {checkpoints, callbacks}: Pick<Training, 'checkpoints' | 'callbacks'>,
): Promise<Training | null> {
  const {batchSize = 32, dataFormat, badImages, onBadImage, prefetch, signal} = options;
  const dropRemainder = options.dropRemainder ?? data.train.size >= batchSize;
  const batchCount = data.train.size / batchSize;
  const stepsPerPass = dropRemainder ? Math.floor(batchCount) : Math.ceil(batchCount);
  if (stepsPerPass === 0) {
    throw new ConfigError(
      `${WHO}: the training set must fill at least one batch; got ${data.train.size} images and ` +
        `batchSize ${batchSize} (use a smaller batchSize, or dropRemainder: false).`,
    );
  }
  const reading = {badImages, onBadImage, signal};
  const known = options.mean && options.std ? {mean: options.mean, std: options.std} : null;
  const statistics =
    known ??
    (checkpoints?.found?.setup as ChannelStatistics | undefined) ??
    (await unlessAborted(channelStatistics(data.train, reading), signal));
  if (statistics === null) return null;
  const mean = [...(options.mean ?? statistics.mean)];
  const std = [...(options.std ?? statistics.std)];
  const images = {mean, std, dataFormat, badImages, onBadImage, prefetch};
  // The weights of a checkpoint have the whitened filters.
  if (!checkpoints?.found && !(await whiten(model, data, options, images))) return null;
  const plan = trainingPlan(options, {who: WHO, model, stepsPerPass, monitor: 'loss'});
  return {
    ...{model, data, options, batchSize, dropRemainder, stepsPerPass, images, plan, checkpoints, callbacks},
    stream: null,
  };
}

/** Sets the whitened filters, where they are asked for. @returns false where the signal came before it was done. */
async function whiten(
  model: tfl.LayersModel,
  {train}: DatasetSplit,
  {whitening, seed, signal}: TrainOptions,
  images: ImageOptions,
): Promise<boolean> {
  if (!whitening) return true;
  const kernel = whitenedKernel(WHO, model, train.channels);
  const whitened = whitenFirstConvolution(kernel, train, images, {seed, signal}).then(() => true);
  return (await unlessAborted(whitened, signal)) ?? false;
}

/** The history of a training that was stopped before its images were measured. */
function nothingTrained(seconds: number): TrainingHistory {
  return {
    ...{epochs: [], stopped: 'aborted', bestEpoch: null, restoredEpoch: null, steps: 0, stepMs: null},
    ...{imagesPerSecond: null, seconds, mean: [], std: [], evaluation: null, testViews: 1},
  };
}

function checkOptions(model: tfl.LayersModel, data: DatasetSplit, options: TrainOptions): void {
  const {batchSize = 32, labelSmoothing = 0, patience = 1, dataFormat = 'channelsFirst'} = options;
  checkTrainingOptions(WHO, model, {...options, batchSize});
  checkNumber(WHO, 'labelSmoothing', labelSmoothing, {...BELOW_ONE, what: 'in [0, 1)'});
  positiveInteger(WHO, 'patience', patience);
  const {name, classNames} = data.train;
  if (classNames.length < 2) {
    throw new ConfigError(
      `${WHO}: ${name} must have at least 2 classes; got ${classNames.length} (${classNames.join()}), of which there is ` +
        'nothing to learn (add images of other classes).',
    );
  }
  checkClassifier(WHO, model, data.train, dataFormat);
  checkClassifier(WHO, model, data.test, dataFormat);
  checkTrainingImages(WHO, model, data, options);
  checkLabels(data.train);
  checkLabels(data.test);
}

/** Writes into the model what `classify` has to know, before the first step: a callback may save the model. */
function describeImages({model, data, images}: Training): void {
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

async function run(training: Training): Promise<TrainingHistory> {
  const {options, data, model, plan, images, checkpoints, callbacks} = training;
  const {clipNorm, signal, patience = Infinity, restoreBest = options.patience != null} = options;
  const best = new BestEpoch(model, restoreBest);
  await callbacks.trainBegin(plan);
  const result = await runEpochs<Evaluation, Figures>({
    ...{who: WHO, model, plan, clipNorm, signal, checkpoints},
    parts: {'the best epoch': best, ...plan.resumables},
    objective: classification(data.train.classNames.length, options.labelSmoothing ?? 0),
    trainName: data.train.name,
    batches: (epoch, after, steps) => callbacks.during(epoch, epochBatches(training, epoch, after, steps)),
    totals: (epoch) => new ClassificationTotals(plan, epoch, options.onBatch),
    async test(epoch) {
      const evaluation = await testEpoch(training, epoch);
      tellSchedule(plan, {loss: evaluation.loss, accuracy: evaluation.accuracy});
      await best.tested(epoch, evaluation);
      return evaluation;
    },
    isEnough: (epoch) => callbacks.hasStopped || epoch - (best.epoch ?? 0) >= patience,
    onEpoch: (report, tested) => options.onEpoch?.(report, tested),
  });
  const {epochs, steps, stepMs, imagesPerSecond, seconds} = result;
  const restoredEpoch = best.putBack(epochs.length);
  const start = performance.now();
  const final = await finalTest(training, epochs.length, {
    stopped: result.early ? 'early' : result.stopped,
    evaluation: restoredEpoch === null ? result.evaluation : best.evaluation,
  });
  const history: TrainingHistory = {
    epochs,
    bestEpoch: best.epoch,
    restoredEpoch,
    ...{steps, stepMs, imagesPerSecond, seconds: seconds + (performance.now() - start) / 1000},
    mean: images.mean,
    std: images.std,
    ...final,
  };
  if (history.stopped !== 'aborted') await checkpoints?.saveResult(history, await copyWeights(model));
  await callbacks.trainEnd();
  return history;
}

/** The test at the end, of the weights that the model keeps: the one of an epoch, made anew where more views are asked for. */
async function finalTest(
  training: Training,
  epoch: number,
  tested: Pick<TrainingHistory, 'stopped' | 'evaluation'>,
): Promise<Pick<TrainingHistory, 'stopped' | 'evaluation' | 'testViews'>> {
  const {testViews = 1, signal} = training.options;
  if (testViews === 1 || tested.stopped === 'aborted' || tested.evaluation === null) {
    return {...tested, testViews: 1};
  }
  const evaluation = await unlessAborted(testEpoch(training, epoch, testViews), signal);
  return evaluation === null
    ? {...tested, stopped: 'aborted', testViews: 1}
    : {...tested, evaluation, testViews};
}

function testEpoch(
  {model, data, options, batchSize, images}: Training,
  epoch: number,
  views?: Views,
): Promise<Evaluation> {
  const {signal, onTestBatch, testBatchSize = Math.max(64, batchSize)} = options;
  return evaluate(model, data.test, {
    ...images,
    batchSize: testBatchSize,
    views,
    signal,
    onBatch: onTestBatch && ((progress) => onTestBatch({epoch, ...progress})),
  });
}

/** The batches of an epoch behind the one at `after`. */
function epochBatches(
  training: Training,
  epoch: number,
  after: BatchPlace | null,
  steps: number,
): AsyncGenerator<StepBatch> {
  if (training.options.stepsPerEpoch == null) {
    const pass = epoch - 1;
    return passOver(training, pass, after?.pass === pass ? after.batch + 1 : 0);
  }
  training.stream ??= allPasses(training, after);
  return take(training.stream, steps);
}

/** The batches of one pass over the training set, from one on; each pass has an order and augmentation of its own. */
async function* passOver(training: Training, pass: number, firstBatch: number): AsyncGenerator<StepBatch> {
  const {data, images, batchSize, dropRemainder, stepsPerPass, options, plan} = training;
  const {seed = 0, signal} = options;
  const totalSteps = plan.epochs * plan.steps;
  const done = (step: number) => Math.max(step / totalSteps, plan.secondsSpent() / plan.maxSeconds);
  const changes = imageChanges(data.train, options, {pass, stepsPerPass, done});
  const order = {shuffle: true, seed, epoch: pass, firstBatch};
  const source = batches(data.train, {...images, ...changes, ...order, batchSize, dropRemainder, signal});
  for await (const batch of source) {
    yield {...withTargets(batch, data.train), place: {pass, batch: batch.number}};
  }
}

/** The batches of pass after pass behind the one at `after`, until a pass has none. */
async function* allPasses(training: Training, after: BatchPlace | null): AsyncGenerator<StepBatch> {
  let firstBatch = after === null ? 0 : after.batch + 1;
  for (let pass = after?.pass ?? 0, some = true; some; pass++) {
    some = firstBatch > 0;
    for await (const batch of passOver(training, pass, firstBatch)) {
      some = true;
      yield batch;
    }
    firstBatch = 0;
  }
}

/**
 * Trains a segmentation network: random crops in random orientations, Dice and cross-entropy, AdamW under a warm-up and
 * cosine schedule, the mean intersection over union of the test images after each epoch.
 *
 * Figures of the training set are those of the epoch's crops, taken while the weights changed; those of the test set are
 * taken at its end, over whole images.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {checkLabelledImage} from '../data/checked_reads.js';
import {cropBatches} from '../data/crop_batches.js';
import {channelStatistics} from '../data/normalise.js';
import type {SegmentationDataset, SegmentationSplit} from '../data/segmentation_dataset.js';
import {ConfigError} from '../errors.js';
import {describeSegmenter} from '../inference/segmenter_metadata.js';
import {checkSegmenter} from './check_model.js';
import type {Saved} from './checkpoint_file.js';
import {identityOf, shortName} from './checkpoint_identity.js';
import {copyWeights, restoreWeights} from './checkpoint_state.js';
import {Checkpoints} from './checkpoints.js';
import {type EpochRecord, type EpochTotals, runEpochs, unlessAborted} from './epochs.js';
import {evaluateSegmentation, type SegmentationEvaluation} from './evaluate_segmentation.js';
import {confusionCounts} from './pixel_classes.js';
import type {TileOptions} from './predict_segmentation.js';
import type {
  SegmentationBatchReport,
  SegmentationEpochReport,
  SegmentationHistory,
} from './segmentation_history.js';
import {diceCrossEntropy, type SegmentationLoss} from './segmentation_loss.js';
import {
  addConfusion,
  emptyConfusion,
  type PixelConfusion,
  segmentationScores,
} from './segmentation_metrics.js';
import {type BatchPlace, type DoneStep, type Objective, type StepBatch, take} from './steps.js';
import type {TrainOptions} from './train.js';
import {checkTrainingOptions, type TrainingPlan, tellSchedule, trainingPlan} from './training_plan.js';

type Shared =
  | 'epochs'
  | 'stepsPerEpoch'
  | 'seed'
  | 'learningRate'
  | 'weightDecay'
  | 'warmupEpochs'
  | 'schedule'
  | 'optimizer'
  | 'accumulateSteps'
  | 'averaging'
  | 'clipNorm'
  | 'maxSeconds'
  | 'signal'
  | 'mean'
  | 'std'
  | 'dataFormat'
  | 'checkpoint'
  | 'resume';

/** The options of `train` that say how long and how fast, and these. The schedule 'plateau' follows the mean IoU. */
export interface SegmentationTrainOptions extends Pick<TrainOptions, Shared>, Pick<TileOptions, 'overlap'> {
  /** Crops per step; default 4. */
  batchSize?: number;
  /** Side of the squares taken at random places of the training images; default whole images, then all of one size. */
  cropSize?: number;
  /** Mirror half of the crops; default false. */
  flip?: boolean;
  /** Turn the crops by 0, 90, 180 or 270 degrees; default false. */
  rotate?: boolean;
  /** Default `diceCrossEntropy` with its defaults. */
  loss?: SegmentationLoss;
  /** Side of the tiles in which test images are predicted; default 512. */
  tile?: TileOptions['tile'];
  onBatch?: (report: SegmentationBatchReport) => void;
  onEpoch?: (
    report: SegmentationEpochReport,
    evaluation: SegmentationEvaluation | null,
  ) => void | Promise<void>;
}

const OPTIONS = {
  ...{epochs: true, stepsPerEpoch: true, batchSize: true, seed: true, learningRate: true, weightDecay: true},
  ...{warmupEpochs: true, schedule: true, optimizer: true, clipNorm: true, maxSeconds: true, signal: true},
  ...{accumulateSteps: true, averaging: true},
  ...{
    mean: true,
    std: true,
    dataFormat: true,
    overlap: true,
    tile: true,
    cropSize: true,
    flip: true,
    rotate: true,
  },
  ...{loss: true, onBatch: true, onEpoch: true, checkpoint: true, resume: true},
} as const satisfies ArgumentNames<SegmentationTrainOptions>;

/** Images from which mean and standard deviation are taken. */
const STATISTICS_SAMPLE = 200;

/**
 * Trains `model` on crops of `data.train`, testing on the whole images of `data.test` after each epoch. An epoch is one
 * crop of every image, or `stepsPerEpoch` steps. Mean and standard deviation, where not given, are those of the training
 * set. The model is told its class names and how its images were prepared (in its `userDefinedMetadata`, which is saved with
 * it), so that `predictSegmentation` knows.
 *
 * @param model Maps images [B, C, H, W] of any size to logits [B, K, H, W], K the number of classes; see `swinUNet`.
 * @throws ConfigError for an unusable option, a model that does not fit the data, or where no gradients are registered;
 *     DataError for an unreadable image, or one smaller than a crop; SwintError naming epoch and step where the loss or a weight
 *     is not finite, the model then having its last good weights; what `checkpoint` and `resume` say.
 */
export async function trainSegmentation(
  model: tfl.LayersModel,
  data: SegmentationSplit,
  options: SegmentationTrainOptions = {},
): Promise<SegmentationHistory> {
  checkArguments(WHO, options, OPTIONS);
  const {batchSize = 4} = options;
  checkTrainingOptions(WHO, model, {...options, batchSize});
  checkData(model, data, options);
  const start = performance.now();
  const checkpoints = await Checkpoints.open(WHO, options);
  const statistics = await unlessAborted(normalisation(data.train, options, checkpoints), options.signal);
  if (statistics === null) {
    const nothing = {epochs: [], steps: 0, stepMs: null, mean: [], std: [], evaluation: null};
    return {...nothing, stopped: 'aborted', seconds: (performance.now() - start) / 1000};
  }
  const {mean, std} = statistics;
  const {dataFormat = 'channelsFirst'} = options;
  // Before the first step: a callback may save the model.
  describeSegmenter(model, {classNames: [...data.train.classNames], mean, std, dataFormat});
  checkpoints?.belongsTo(identityOf(WHO, model, factsOf(data), options), {mean, std});
  const {result, weights} = checkpoints?.found ?? {};
  if (result && weights) {
    restoreWeights(model, weights);
    return result as SegmentationHistory;
  }
  const stepsPerPass = Math.ceil(data.train.size / batchSize);
  const plan = trainingPlan(options, {who: WHO, model, stepsPerPass, monitor: 'meanIou'});
  const training: Training = {model, data, options, plan, checkpoints, stream: null, mean, std};
  try {
    return await run(training);
  } finally {
    await training.stream?.return(undefined);
    plan.dispose();
  }
}

/** What a checkpoint knows of the images. */
function factsOf({train, test}: SegmentationSplit): Record<string, string | number> {
  const facts = [train, test].flatMap(({name, size, channels, classNames}, i) =>
    Object.entries({name: shortName(name), images: size, channels, classes: classNames.join()}).map(
      ([key, value]) => [`${i === 0 ? 'training' : 'test'} ${key}`, value],
    ),
  );
  return Object.fromEntries(facts);
}

const WHO = 'trainSegmentation';

function checkData(
  model: tfl.LayersModel,
  {train, test}: SegmentationSplit,
  {cropSize, dataFormat = 'channelsFirst'}: SegmentationTrainOptions,
): void {
  const {channels, classNames} = train;
  const classes = classNames.length;
  const size = cropSize === undefined ? null : ([cropSize, cropSize] as const);
  checkSegmenter(WHO, model, {channels, size, classes, dataFormat});
  if (test.channels !== channels || test.classNames.join() !== classNames.join()) {
    throw new ConfigError(
      `${WHO}: training and test set must have the same channels and classes; got ${channels} and ${test.channels}, ` +
        `[${classNames}] and [${test.classNames}].`,
    );
  }
}

async function normalisation(
  train: SegmentationDataset,
  {mean, std, signal}: SegmentationTrainOptions,
  checkpoints: Checkpoints | null,
): Promise<{mean: number[]; std: number[]}> {
  if (mean && std) return {mean: [...mean], std: [...std]};
  if (checkpoints?.found) return checkpoints.found.setup as {mean: number[]; std: number[]};
  // Images without labels: a sample balanced by class is one of all of them.
  const {name, size, channels} = train;
  const read = async (index: number) => checkLabelledImage(train, index, await train.read(index)).data;
  const images = {name, size, channels, classNames: ['image'], label: () => 0, read};
  const statistics = await channelStatistics(images, {sample: STATISTICS_SAMPLE, signal});
  return {mean: [...(mean ?? statistics.mean)], std: [...(std ?? statistics.std)]};
}

/** What one training works with. */
interface Training {
  model: tfl.LayersModel;
  data: SegmentationSplit;
  options: SegmentationTrainOptions;
  plan: TrainingPlan;
  checkpoints: Checkpoints | null;
  /** Made when the first batch is asked for. */
  stream: AsyncGenerator<StepBatch> | null;
  mean: number[];
  std: number[];
}

async function run(training: Training): Promise<SegmentationHistory> {
  const {model, data, options, plan, checkpoints, mean, std} = training;
  const {clipNorm, signal} = options;
  const result = await runEpochs<SegmentationEvaluation, Figures>({
    ...{who: WHO, model, plan, clipNorm, signal, checkpoints},
    parts: {...plan.resumables},
    objective: objectiveOf(training),
    trainName: data.train.name,
    batches(_epoch, after, count) {
      training.stream ??= allCrops(training, after);
      return take(training.stream, count);
    },
    totals: (epoch) => new Totals(training, epoch),
    async test() {
      const evaluation = await testEpoch(training);
      const {pixelAccuracy, meanIou} = evaluation;
      tellSchedule(plan, {pixelAccuracy, meanIou});
      return evaluation;
    },
    onEpoch: (report, tested) => options.onEpoch?.(report, tested),
  });
  const {epochs, stopped, steps, stepMs, seconds, evaluation} = result;
  const history = {epochs, stopped, steps, stepMs, seconds, mean, std, evaluation};
  if (stopped !== 'aborted') await checkpoints?.saveResult(history, await copyWeights(model));
  return history;
}

/** The batches behind the one at `after`, without end. */
async function* allCrops(training: Training, after: BatchPlace | null): AsyncGenerator<StepBatch> {
  const {data, options, mean, std} = training;
  const {batchSize = 4, cropSize, flip, rotate, seed, signal, dataFormat = 'channelsFirst'} = options;
  const firstBatch = after === null ? 0 : after.batch + 1;
  const args = {batchSize, cropSize, flip, rotate, seed, mean, std, dataFormat, signal, firstBatch};
  for await (const batch of cropBatches(data.train, args)) {
    yield {...batch, place: {pass: 0, batch: batch.number}};
  }
}

type Figures = Omit<SegmentationEpochReport, keyof EpochRecord>;

/** The loss and the pixels, by true and predicted class, of an epoch so far. */
class Totals implements EpochTotals<SegmentationEvaluation, Figures> {
  private confusion: PixelConfusion;
  private lossSum = 0;
  private images = 0;

  constructor(
    private readonly training: Training,
    private readonly epoch: number,
  ) {
    this.confusion = this.noPixels();
  }

  add({counts, ...step}: DoneStep): void {
    const {options, plan} = this.training;
    addConfusion(this.confusion, counts);
    this.lossSum += step.loss * step.images;
    this.images += step.images;
    const batch = this.noPixels();
    addConfusion(batch, counts);
    const {pixelAccuracy} = segmentationScores(batch);
    options.onBatch?.({epoch: this.epoch, epochs: plan.epochs, steps: plan.steps, pixelAccuracy, ...step});
  }

  getState(): Saved {
    const {confusion, lossSum, images} = this;
    return {confusion, lossSum, images};
  }

  setState(state: Saved): void {
    Object.assign(this, state);
  }

  figures(tested: SegmentationEvaluation | null): Figures {
    const trained = segmentationScores(this.confusion);
    return {
      trainLoss: this.lossSum / this.images,
      trainPixelAccuracy: trained.pixelAccuracy,
      trainMeanIou: trained.meanIou,
      testPixelAccuracy: tested?.pixelAccuracy ?? null,
      testMeanIou: tested?.meanIou ?? null,
    };
  }

  private noPixels(): PixelConfusion {
    return emptyConfusion(this.training.data.train.classNames.length);
  }
}

/** The loss, and the pixels by true and predicted class. */
function objectiveOf({data, options}: Training): Objective {
  const {dataFormat = 'channelsFirst'} = options;
  const {ignoreIndex} = data.train;
  const loss = options.loss ?? diceCrossEntropy({ignoreIndex, dataFormat});
  return (logits, labels) => ({
    loss: loss(labels, logits),
    counts: confusionCounts(labels, logits, dataFormat, ignoreIndex),
  });
}

function testEpoch({model, data, options, mean, std}: Training): Promise<SegmentationEvaluation> {
  const {signal, tile, overlap, dataFormat} = options;
  return evaluateSegmentation(model, data.test, {mean, std, tile, overlap, dataFormat, signal});
}

/**
 * Trains a segmentation network: random crops in random orientations, Dice and cross-entropy, AdamW under a warm-up and
 * cosine schedule, the mean intersection over union of the test images after each epoch.
 *
 * Figures of the training set are those of the epoch's crops, taken while the weights changed; those of the test set are
 * taken at its end, over whole images.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {cropBatches} from '../data/crop_batches.js';
import {channelStatistics} from '../data/normalise.js';
import type {SegmentationDataset, SegmentationSplit} from '../data/segmentation_dataset.js';
import {ConfigError} from '../errors.js';
import {checkSegmenter} from './check_model.js';
import {evaluateSegmentation, type SegmentationEvaluation} from './evaluate_segmentation.js';
import {type Ending, type Objective, runSteps, take} from './loop.js';
import {confusionCounts} from './pixel_classes.js';
import type {TileOptions} from './predict_segmentation.js';
import type {
  SegmentationBatchReport,
  SegmentationEpochReport,
  SegmentationHistory,
} from './segmentation_history.js';
import {diceCrossEntropy, type SegmentationLoss} from './segmentation_loss.js';
import {addConfusion, emptyConfusion, segmentationScores} from './segmentation_metrics.js';
import type {TrainOptions} from './train.js';
import {checkPace, median, type Pace, paceOf} from './training_plan.js';

type Shared =
  | 'epochs'
  | 'stepsPerEpoch'
  | 'seed'
  | 'learningRate'
  | 'weightDecay'
  | 'warmupEpochs'
  | 'schedule'
  | 'optimizer'
  | 'clipNorm'
  | 'maxSeconds'
  | 'signal'
  | 'mean'
  | 'std'
  | 'dataFormat';

/** The options of `train` that say how long and how fast, and these. */
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

/** Images from which mean and standard deviation are taken. */
const STATISTICS_SAMPLE = 200;

/**
 * Trains `model` on crops of `data.train`, testing on the whole images of `data.test` after each epoch. An epoch is one
 * crop of every image, or `stepsPerEpoch` steps. Mean and standard deviation, where not given, are those of the training
 * set.
 *
 * @param model Maps images [B, C, H, W] of any size to logits [B, K, H, W], K the number of classes; see `swinUNet`.
 * @throws ConfigError for an unusable option, a model that does not fit the data, or where no gradients are registered;
 *     DataError for an unreadable image, or one smaller than a crop; SwintError naming epoch and step where the loss is not
 *     finite.
 */
export async function trainSegmentation(
  model: tfl.LayersModel,
  data: SegmentationSplit,
  options: SegmentationTrainOptions = {},
): Promise<SegmentationHistory> {
  const {batchSize = 4, cropSize, dataFormat = 'channelsFirst'} = options;
  checkPace(WHO, model, {...options, batchSize});
  checkData(model, data, options);
  const {mean, std} = await normalisation(data.train, options);
  const {seed, flip, rotate} = options;
  const stream = cropBatches(data.train, {
    ...{batchSize, cropSize, flip, rotate, seed},
    ...{mean, std, dataFormat},
  });
  const pace = paceOf(options, Math.ceil(data.train.size / batchSize));
  try {
    return await runEpochs({model, data, options, pace, stream, mean, std});
  } finally {
    await stream.return(undefined as never);
    if (pace.optimizer !== options.optimizer) pace.optimizer.dispose();
  }
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
  {mean, std}: SegmentationTrainOptions,
): Promise<{mean: number[]; std: number[]}> {
  if (mean && std) return {mean: [...mean], std: [...std]};
  // Images without labels: a sample balanced by class is one of all of them.
  const {name, size, channels} = train;
  const read = async (index: number) => (await train.read(index)).data;
  const images = {name, size, channels, classNames: ['image'], label: () => 0, read};
  const statistics = await channelStatistics(images, {sample: STATISTICS_SAMPLE});
  return {mean: [...(mean ?? statistics.mean)], std: [...(std ?? statistics.std)]};
}

interface Plan {
  model: tfl.LayersModel;
  data: SegmentationSplit;
  options: SegmentationTrainOptions;
  pace: Pace;
  stream: ReturnType<typeof cropBatches>;
  mean: number[];
  std: number[];
}

async function runEpochs(plan: Plan): Promise<SegmentationHistory> {
  const {model, options, pace, mean, std} = plan;
  const {clipNorm, signal} = options;
  const {classNames} = plan.data.train;
  const start = performance.now();
  const epochs: SegmentationEpochReport[] = [];
  const stepTimes: number[] = [];
  let evaluation: SegmentationEvaluation | null = null;
  let stopped: Ending = 'finished';
  // The budget is for training alone: the evaluation that ends it is always made.
  const trainSeconds = () => epochs.reduce((sum, epoch) => sum + epoch.trainSeconds, 0);
  for (let epoch = 1; epoch <= pace.epochs && stopped === 'finished'; epoch++) {
    const confusion = emptyConfusion(classNames.length);
    const total = {loss: 0, images: 0};
    const result = await runSteps({
      ...{who: WHO, model, objective: objectiveOf(plan), clipNorm, pace, signal, epoch},
      source: take(plan.stream, pace.steps),
      secondsBefore: trainSeconds(),
      onStep({counts, ...done}) {
        addConfusion(confusion, counts);
        total.loss += done.loss * done.images;
        total.images += done.images;
        const batch = emptyConfusion(classNames.length);
        addConfusion(batch, counts);
        const {pixelAccuracy} = segmentationScores(batch);
        options.onBatch?.({epoch, epochs: pace.epochs, steps: pace.steps, pixelAccuracy, ...done});
      },
    });
    stopped = result.stopped;
    if (result.stepTimes.length === 0) break;
    stepTimes.push(...result.stepTimes);
    const testStart = performance.now();
    const tested = stopped === 'aborted' ? null : await testEpoch(plan);
    if (tested === null) stopped = 'aborted';
    else evaluation = tested;
    const trained = segmentationScores(confusion);
    const report: SegmentationEpochReport = {
      epoch,
      trainLoss: total.loss / total.images,
      trainPixelAccuracy: trained.pixelAccuracy,
      trainMeanIou: trained.meanIou,
      testPixelAccuracy: tested?.pixelAccuracy ?? null,
      testMeanIou: tested?.meanIou ?? null,
      learningRate: result.learningRate,
      steps: result.stepTimes.length,
      trainSeconds: result.seconds,
      testSeconds: (performance.now() - testStart) / 1000,
    };
    epochs.push(report);
    await options.onEpoch?.(report, tested);
    if (stopped === 'finished' && epoch < pace.epochs && trainSeconds() >= pace.maxSeconds)
      stopped = 'budget';
  }
  const seconds = (performance.now() - start) / 1000;
  const steps = stepTimes.length;
  return {epochs, stopped, steps, stepMs: median(stepTimes), seconds, mean, std, evaluation};
}

/** The loss, and the pixels by true and predicted class. */
function objectiveOf({data, options}: Plan): Objective {
  const {dataFormat = 'channelsFirst'} = options;
  const {ignoreIndex} = data.train;
  const loss = options.loss ?? diceCrossEntropy({ignoreIndex, dataFormat});
  return (logits, labels) => ({
    loss: loss(labels, logits),
    counts: confusionCounts(labels, logits, dataFormat, ignoreIndex),
  });
}

/** Null where the signal came during the evaluation. */
async function testEpoch({model, data, options, mean, std}: Plan): Promise<SegmentationEvaluation | null> {
  const {signal, tile, overlap, dataFormat} = options;
  try {
    return await evaluateSegmentation(model, data.test, {mean, std, tile, overlap, dataFormat, signal});
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** Trains the networks that `tfjs-swint train` compares, one after the other, and saves each. */
import {join} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import {backendReport} from '../backends/backend_report.js';
import type {DatasetSplit} from '../data/dataset.js';
import type {ReportedModel} from '../node/report.js';
import {saveModel} from '../node/save_model.js';
import type {ResumeOptions} from '../training/checkpoints.js';
import {DivergedError} from '../training/epochs.js';
import {evaluate} from '../training/evaluate.js';
import {type TrainOptions, train} from '../training/train.js';
import type {TrainingHistory} from '../training/training_history.js';
import type {TrainingDisplay} from './display.js';
import {buildNetwork, networkName} from './networks.js';
import {checkpointOptions} from './run_folder.js';
import {checkStepMemory, memoryError, type StepUse} from './step_memory.js';
import {TimeLeft} from './time_left.js';
import type {NetworkKind, TrainSettings} from './train_settings.js';

/** One network after its training. */
export interface TrainedNetwork extends ReportedModel {
  kind: NetworkKind;
  dir: string;
}

/**
 * @param resume whether to go on from the checkpoints that are there.
 * @returns the networks that took a step before `signal` came.
 */
export async function trainNetworks(
  settings: TrainSettings,
  resume: boolean,
  data: DatasetSplit,
  signal: AbortSignal,
  display: TrainingDisplay,
): Promise<TrainedNetwork[]> {
  const trained: TrainedNetwork[] = [];
  let minutesLeft = settings.maxMinutes;
  const maxSeconds = minutesLeft === null ? null : 60 * minutesLeft;
  const timeLeft = new TimeLeft(settings.networks.length, settings.epochs, maxSeconds);
  for (const [i, kind] of settings.networks.entries()) {
    if (signal.aborted) break;
    // What one network leaves of its share is there for the next.
    const maxSeconds = minutesLeft === null ? undefined : (minutesLeft * 60) / (settings.networks.length - i);
    const saving = checkpointOptions(kind, settings, resume, display);
    const network = await trainNetwork(kind, settings, data, saving, maxSeconds, signal, timeLeft, display);
    timeLeft.networkDone();
    if (network === null) break;
    trained.push(network);
    const minutes = network.history.epochs.reduce((sum, epoch) => sum + epoch.trainSeconds, 0) / 60;
    // Never 0: the last network is still trained for a step and evaluated.
    if (minutesLeft !== null) minutesLeft = Math.max(minutesLeft - minutes, 1e-3);
  }
  return trained;
}

/** Trains and saves one network. @returns null where it was stopped before its first step. */
async function trainNetwork(
  kind: NetworkKind,
  settings: TrainSettings,
  data: DatasetSplit,
  saving: ResumeOptions,
  maxSeconds: number | undefined,
  signal: AbortSignal,
  timeLeft: TimeLeft,
  display: TrainingDisplay,
): Promise<TrainedNetwork | null> {
  const name = networkName(kind, settings.depth);
  const model = buildNetwork(kind, settings, data.train);
  const parameters = model.countParams();
  const {epochs, batchSize} = settings;
  display.line();
  display.line(
    `${name}: ${parameters.toLocaleString('en-US')} parameters, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of batches of ${batchSize}`,
  );
  const skipped = new Set<string>();
  let steps = 1;
  const use: StepUse = {
    ...{name, model, data: data.train, backend: backendReport().backend},
    batchSize: Math.min(batchSize, data.train.size),
  };
  const dir = join(settings.out, kind);
  try {
    checkStepMemory(use);
    const trained = await train(model, data, {
      ...saving,
      ...libraryOptions(settings),
      maxSeconds,
      signal,
      badImages: settings.badImages,
      onBadImage(error) {
        // Once for each image, not in every epoch.
        if (skipped.has(error.message)) return;
        skipped.add(error.message);
        display.line(`  skipped  ${error.message}`);
      },
      onBatch(report) {
        steps = report.steps;
        timeLeft.step(report.stepMs / 1000);
        display.batch(report, timeLeft.seconds(report.epoch, report.step, steps, false));
      },
      onTestBatch: (progress) => display.testBatch(progress),
      onEpoch(report) {
        timeLeft.test(report.testSeconds);
        display.epoch(
          report,
          epochs,
          signal.aborted ? null : timeLeft.seconds(report.epoch, steps, steps, true),
        );
      },
    });
    display.endBar();
    if (trained.stopped === 'budget') display.line('  stopped: the time of --max-minutes is spent');
    if (trained.steps === 0) return null;
    await saveModel(model, dir);
    const history =
      trained.stopped === 'aborted' ? await tested(model, data, trained, settings, display) : trained;
    return {kind, name, parameters, history, dir};
  } catch (error) {
    if (!(error instanceof DivergedError)) throw memoryError(error, use);
    await saveModel(model, dir);
    display.line(`${name.padEnd(14)} ${dir}`);
    throw error;
  } finally {
    model.dispose();
  }
}

/** The settings in the words of the library. */
function libraryOptions(settings: TrainSettings): TrainOptions {
  const {epochs, batchSize, learningRate, weightDecay, labelSmoothing, seed, flip, schedule} = settings;
  const {recipe, stepsPerEpoch, average} = settings;
  return {
    ...{epochs, batchSize, learningRate, weightDecay, labelSmoothing, seed, flip, schedule},
    recipe: recipe ?? undefined,
    stepsPerEpoch: stepsPerEpoch ?? undefined,
    // What fits a step's memory fits the test's.
    testBatchSize: batchSize,
    cropPadding: settings.crop,
    warmupEpochs: settings.warmup,
    accumulateSteps: settings.accumulate,
    averaging: average === null ? undefined : {method: average},
    testViews: settings.views,
    progressiveResizing: settings.progressiveResizing ?? undefined,
  };
}

/** The history of a training that was stopped, with a test of the network as it is now. */
async function tested(
  model: tfl.LayersModel,
  data: DatasetSplit,
  history: TrainingHistory,
  {batchSize, badImages}: TrainSettings,
  display: TrainingDisplay,
): Promise<TrainingHistory> {
  const {mean, std, epochs} = history;
  const reading = {mean, std, batchSize, badImages, onBadImage() {}};
  const onBatch = (progress: {images: number; total: number}) => display.testBatch(progress);
  const evaluation = await evaluate(model, data.test, {...reading, onBatch});
  const last = {...epochs.at(-1)!, testLoss: evaluation.loss, testAccuracy: evaluation.accuracy};
  // Of one view: who stops it does not wait for six.
  return {...history, epochs: [...epochs.slice(0, -1), last], evaluation, testViews: 1};
}

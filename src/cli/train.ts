/**
 * `tfjs-swint train`: trains a SwinResNet and its convolutional twin on the same images, one after the other, and leaves
 * behind both models, their history and a report.
 *
 *     OUT/swin/, OUT/conv/    model.json and weights.bin, with class names and the preparation of images as metadata
 *     OUT/history.json        settings and figures of every epoch
 *     OUT/report.html         the comparison, self-contained
 */
import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import {kernelsInUse} from '../../kernels/index.js';
import {backendReport} from '../backends/backend_report.js';
import {setupBackend} from '../backends/setup_backend.js';
import type {DatasetSplit} from '../data/dataset.js';
import {ConfigError} from '../errors.js';
import {type ReportedModel, writeReport} from '../node/report.js';
import {saveModel} from '../node/save_model.js';
import {train} from '../training/train.js';
import type {TrainingHistory} from '../training/training_history.js';
import {duration, type Output, TrainingDisplay, textTable} from './display.js';
import {buildNetwork, networkName} from './networks.js';
import {TimeLeft} from './time_left.js';
import {describeData, openData} from './train_data.js';
import {type NetworkKind, parseTrainCommand, type TrainCommand} from './train_options.js';
import {TRAIN_HELP} from './usage.js';

/** Exit code of a program ended by Ctrl-C, by convention 128 + SIGINT. */
const INTERRUPTED = 130;

/** One network after its training. */
interface TrainedNetwork extends ReportedModel {
  kind: NetworkKind;
  dir: string;
}

/**
 * Runs the command.
 *
 * @param args What follows `train` on the command line.
 * @returns the exit code: 0, or 130 after Ctrl-C.
 * @throws UsageError for the command line; other SwintErrors for data, network, backend or disk.
 */
export async function trainCommand(args: readonly string[], out: Output): Promise<number> {
  const command = parseTrainCommand(args);
  const display = new TrainingDisplay(out);
  if (command.help) {
    out.write(TRAIN_HELP);
    return 0;
  }
  const data = await openData(command);
  await makeOutput(command.out);
  await startBackend(command, display);
  display.line(`Data     ${describeData(data)}`);

  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    display.line('Stopping after this step. Ctrl-C again stops at once.');
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  try {
    const trained = await trainNetworks(command, data, controller.signal, display);
    await writeResults(command, args, data, trained, display);
  } finally {
    display.endBar();
    process.off('SIGINT', interrupt);
  }
  return controller.signal.aborted ? INTERRUPTED : 0;
}

/** Made before anything is computed, so that a place that cannot be written to is known at once. */
async function makeOutput(dir: string): Promise<void> {
  try {
    await mkdir(dir, {recursive: true});
  } catch (error) {
    throw new ConfigError(
      `train: --out must be a directory that can be made; got ${dir}: ${(error as Error).message}.`,
      {cause: error},
    );
  }
}

async function startBackend({backend, threads}: TrainCommand, display: TrainingDisplay): Promise<void> {
  // Silences tfjs's advice, on stderr, to install its native backend.
  tf.enableProdMode();
  await setupBackend(backend ?? undefined, threads === null ? {} : {threads});
  const report = backendReport();
  display.line(`Backend  ${report.backend}: ${report.device}`);
  if (report.threadsReason) display.line(`         ${report.threads} thread(s): ${report.threadsReason}`);
  for (const skipped of report.skipped) display.line(`         not ${skipped.reason}`);
}

async function trainNetworks(
  command: TrainCommand,
  data: DatasetSplit,
  signal: AbortSignal,
  display: TrainingDisplay,
): Promise<TrainedNetwork[]> {
  const trained: TrainedNetwork[] = [];
  let minutesLeft = command.maxMinutes;
  const maxSeconds = minutesLeft === null ? null : 60 * minutesLeft;
  const timeLeft = new TimeLeft(command.networks.length, command.epochs, maxSeconds);
  for (const [i, kind] of command.networks.entries()) {
    if (signal.aborted) break;
    // What one network leaves of its share is there for the next.
    const maxSeconds = minutesLeft === null ? undefined : (minutesLeft * 60) / (command.networks.length - i);
    const network = await trainNetwork(kind, command, data, maxSeconds, signal, timeLeft, display);
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
  command: TrainCommand,
  data: DatasetSplit,
  maxSeconds: number | undefined,
  signal: AbortSignal,
  timeLeft: TimeLeft,
  display: TrainingDisplay,
): Promise<TrainedNetwork | null> {
  const name = networkName(kind, command.depth);
  const model = buildNetwork(kind, command, data.train);
  const parameters = model.countParams();
  const {epochs, stepsPerEpoch, batchSize, learningRate, weightDecay, labelSmoothing, seed, flip} = command;
  display.line();
  display.line(
    `${name}: ${parameters.toLocaleString('en-US')} parameters, ${epochs} epochs of batches of ${batchSize}`,
  );
  const skipped = new Set<string>();
  let steps = 1;
  try {
    const history = await train(model, data, {
      epochs,
      stepsPerEpoch: stepsPerEpoch ?? undefined,
      batchSize,
      learningRate,
      weightDecay,
      labelSmoothing,
      seed,
      flip,
      cropPadding: command.crop,
      warmupEpochs: command.warmup ?? undefined,
      maxSeconds,
      signal,
      badImages: command.badImages,
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
    if (history.stopped === 'budget') display.line('  stopped: the time of --max-minutes is spent');
    if (history.steps === 0) return null;
    const dir = join(command.out, kind);
    await saveModel(model, dir);
    return {kind, name, parameters, history, dir};
  } finally {
    model.dispose();
  }
}

async function writeResults(
  command: TrainCommand,
  args: readonly string[],
  data: DatasetSplit,
  trained: readonly TrainedNetwork[],
  display: TrainingDisplay,
): Promise<void> {
  if (trained.length === 0) {
    display.line('Stopped before the first step; nothing was saved.');
    return;
  }
  display.line();
  for (const line of textTable(resultRows(trained))) display.line(line);
  display.line();
  for (const {name, dir} of trained) display.line(`${name.padEnd(14)} ${dir}`);

  const typed = ['tfjs-swint', 'train', ...args].map(shellWord).join(' ');
  const configuration = describeConfiguration(command, data);
  const historyPath = join(command.out, 'history.json');
  const models = trained.map(({kind, name, parameters, history}) => ({
    kind,
    name,
    parameters,
    ...withoutPredictions(history),
  }));
  const history = {command: typed, configuration, classNames: data.train.classNames, models};
  await writeFile(historyPath, `${JSON.stringify(history, null, 2)}\n`);
  display.line(`${'History'.padEnd(14)} ${historyPath}`);
  const reportPath = join(command.out, 'report.html');
  await writeReport(reportPath, {
    title: `${trained.map(({name}) => name).join(' and ')} on ${data.train.name.replace(/\/train$/, '')}`,
    subtitle: new Date().toLocaleString('en-GB', {dateStyle: 'long', timeStyle: 'short'}),
    command: typed,
    configuration,
    test: data.test,
    models: trained,
  });
  display.line(`${'Report'.padEnd(14)} ${reportPath}`);
}

function resultRows(trained: readonly TrainedNetwork[]): string[][] {
  const rows = trained.map(({name, parameters, history}) => {
    const {stepMs, evaluation, epochs, seconds} = history;
    return [
      name,
      parameters.toLocaleString('en-US'),
      stepMs === null ? '-' : `${stepMs.toFixed(stepMs < 10 ? 2 : 0)} ms`,
      epochs.at(-1)?.trainLoss.toFixed(3) ?? '-',
      evaluation?.loss.toFixed(3) ?? '-',
      evaluation ? `${(evaluation.accuracy * 100).toFixed(1)}%` : '-',
      duration(seconds),
    ];
  });
  return [['', 'parameters', 'time/step', 'train loss', 'test loss', 'test accuracy', 'total'], ...rows];
}

/** The history without what is as long as the test set. */
function withoutPredictions({evaluation, ...history}: TrainingHistory): object {
  if (evaluation === null) return {...history, evaluation};
  const {loss, accuracy, confusion} = evaluation;
  return {...history, evaluation: {loss, accuracy, confusion}};
}

function describeConfiguration(
  command: TrainCommand,
  {train, test}: DatasetSplit,
): Record<string, string | number> {
  const {backend, device} = backendReport();
  const operations = Object.values(kernelsInUse().operations);
  const fast = operations.filter((implementation) => implementation !== 'composed').length;
  return {
    backend: `${backend}: ${device}`,
    kernels: `${fast} of ${operations.length} operations have a kernel of their own`,
    'training images': train.size,
    'test images': test.size,
    'image size': `${train.height} x ${train.width} x ${train.channels}`,
    ...(command.widths === null ? {} : {widths: command.widths.join(', ')}),
    epochs: command.epochs,
    ...(command.stepsPerEpoch === null ? {} : {'steps per epoch': command.stepsPerEpoch}),
    'batch size': command.batchSize,
    'learning rate': command.learningRate,
    'weight decay': command.weightDecay,
    'label smoothing': command.labelSmoothing,
    'warm-up epochs': command.warmup ?? command.epochs / 20,
    'drop path': command.dropPath,
    flip: command.flip ? 'yes' : 'no',
    crop: command.crop,
    seed: command.seed,
    platform: `Node ${process.version}, ${process.platform} ${process.arch}`,
  };
}

/** An argument as a POSIX shell takes it. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

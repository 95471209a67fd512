/**
 * `tfjs-swint train`: trains a SwinResNet and its convolutional twin on the same images, one after the other, and leaves
 * behind both models, their history and a report.
 *
 *     OUT/swin/, OUT/conv/    model.json and weights.bin, with class names and the preparation of images as metadata
 *     OUT/history.json        settings and figures of every epoch
 *     OUT/report.html         the comparison, self-contained
 */
import {mkdir} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import type {Command} from 'commander';
import {backendReport} from '../backends/backend_report.js';
import {setupBackend} from '../backends/setup_backend.js';
import {ConfigError} from '../errors.js';
import {type Context, newCommand, PROGRAM} from './command.js';
import {TrainingDisplay} from './display.js';
import type {NetworkKind} from './networks.js';
import {addOptions, onOff, option, type Values} from './options.js';
import {describeData, describeSize, openData} from './train_data.js';
import {FOLDER_DEFAULTS as FOLDER, SHAPES_DEFAULTS as SHAPES} from './train_defaults.js';
import {trainNetworks} from './train_networks.js';
import {writeResults} from './train_results.js';
import {UsageError} from './usage_error.js';
import {belowOne, count, fromZero, listOf, oneOf, path, positive, whole} from './values.js';

const DATA = {
  data: option(
    'DIR',
    path('a folder'),
    null,
    'a folder with one folder of images per class (or train/ and test/ of those), or with the binary files ' +
      'of CIFAR-10 or CIFAR-100',
    'drawn shapes',
  ),
  imageSize: option(
    'N',
    count,
    null,
    'pixels of a side',
    `${SHAPES.imageSize} for shapes, for a folder its images' usual size, at most 64`,
  ),
  limit: option('N', count, null, 'training images, balanced by class', `all (${SHAPES.trainImages} shapes)`),
  testLimit: option('N', count, null, 'test images, balanced by class', `all (${SHAPES.testImages} shapes)`),
  badImages: option('fail|skip', oneOf(['fail', 'skip']), 'fail', 'what an unreadable image does', 'fail'),
  flip: onOff('mirror half of the training images', 'on, for shapes off'),
  crop: option('N', whole, 0, 'random crop of the image padded by N pixels'),
};

const NETWORKS = {
  model: option(
    'swin|conv|both',
    oneOf(['swin', 'conv', 'both']),
    'both',
    'which network; both means one after the other',
  ),
  depth: option(
    'N',
    count,
    null,
    'layers: 14, 20, 29 (for small images) or 50, 101, 152 (for 224 pixels)',
    '14',
  ),
  widths: option(
    'N,N,...',
    listOf(count),
    null,
    "width of each stage's blocks",
    `the network's own (shapes ${SHAPES.widths.join(',')})`,
  ),
  window: option('N', count, null, 'window of the attention', "the network's own"),
  dropPath: option('RATE', belowOne, 0, 'stochastic depth of the SwinT layers, in [0, 1)'),
};

const TRAINING = {
  epochs: option(
    'N',
    count,
    null,
    'passes over the training images',
    `${FOLDER.epochs} (shapes ${SHAPES.epochs})`,
  ),
  stepsPerEpoch: option(
    'N',
    count,
    null,
    'steps that count as an epoch',
    `one pass (shapes ${SHAPES.stepsPerEpoch})`,
  ),
  batchSize: option('N', count, null, 'images per step', `${FOLDER.batchSize} (shapes ${SHAPES.batchSize})`),
  learningRate: option('RATE', fromZero, 0.003, 'highest rate'),
  weightDecay: option('RATE', fromZero, 0.05, "AdamW's"),
  labelSmoothing: option('S', belowOne, 0, 'in [0, 1)'),
  warmup: option('EPOCHS', fromZero, null, 'linear warm-up, fractions allowed', 'a twentieth of the epochs'),
  seed: option('N', whole, 0, 'decides data, order and weights'),
  maxMinutes: option(
    'N',
    positive,
    null,
    'training time over all networks; then it stops, evaluates and saves, the learning rate having fallen with the time',
    'none',
  ),
};

const BACKENDS = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const;

const MACHINE = {
  backend: option('NAME', oneOf(BACKENDS), null, 'tensorflow, webgpu, wasm or cpu', 'the best that works'),
  threads: option('N', count, null, 'threads of the wasm backend', 'all cores'),
};

const OUTPUT = {
  out: option('DIR', path('a folder'), null, 'where models, history and report go', 'runs/<date-time>'),
};

type Options = Values<typeof DATA & typeof NETWORKS & typeof TRAINING & typeof MACHINE & typeof OUTPUT>;

/** Everything the command needs; null where the data decide. */
export type TrainSettings = ReturnType<typeof settingsOf>;

/**
 * The command. Its `parseAsync` throws UsageError for the command line, and other SwintErrors for data, network, backend
 * or disk.
 *
 * @param run What is done with the settings; default the training.
 */
export function trainCommand(
  context: Context,
  run: (settings: TrainSettings, context: Context) => void | Promise<void> = runTraining,
): Command {
  const command = newCommand('train', context)
    .summary('train a SwinT network and its convolutional twin, and compare them')
    .description(
      'Trains an image classifier and its convolutional twin, and compares them. Without options it draws its own ' +
        'images (ten shapes) and trains both networks on them.',
    )
    .action((options: Options) => run(settingsOf(options, context.now), context));
  addOptions(command, 'Data:', DATA);
  addOptions(command, 'Networks:', NETWORKS);
  addOptions(command, 'Training:', TRAINING);
  addOptions(command, 'Machine:', MACHINE);
  addOptions(command, 'Output:', OUTPUT);
  return command;
}

/** The settings with the defaults that depend on the data or on another option. */
function settingsOf({model, ...options}: Options, now: Date) {
  const defaults = options.data === null ? SHAPES : FOLDER;
  const epochs = options.epochs ?? defaults.epochs;
  if (options.warmup !== null && options.warmup >= epochs) {
    throw new UsageError(`train: --warmup must be less than --epochs (${epochs}); got ${options.warmup}.`);
  }
  const networks: NetworkKind[] = model === 'both' ? ['swin', 'conv'] : [model];
  // The widths of the drawn shapes are for the network that is theirs by default too.
  const widths = options.depth === null && defaults.widths !== null ? [...defaults.widths] : null;
  return {
    ...options,
    networks,
    epochs,
    flip: options.flip ?? defaults.flip,
    depth: options.depth ?? 14,
    widths: options.widths ?? widths,
    stepsPerEpoch: options.stepsPerEpoch ?? defaults.stepsPerEpoch,
    batchSize: options.batchSize ?? defaults.batchSize,
    out: options.out ?? `runs/${timestamp(now)}`,
  };
}

/** Local date and time, fit for a directory name and sorting as text: 2026-11-20-153000. */
function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

async function runTraining(settings: TrainSettings, context: Context): Promise<void> {
  const display = new TrainingDisplay(context.out);
  const data = await openData({...settings, onLeftOut: (message) => display.line(message)});
  await makeOutput(settings.out);
  await startBackend(settings, display);
  display.line(`Data     ${describeData(data)}`);
  const size = describeSize(settings, data);
  if (size !== null) display.line(`         ${size}`);

  const controller = new AbortController();
  let ended: Signal = 'SIGINT';
  const interrupt = (signal: Signal) => {
    if (controller.signal.aborted) process.exit(EXIT_CODES[signal]);
    ended = signal;
    display.line('Stopping after this step. Ctrl-C again stops at once.');
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    const trained = await trainNetworks(settings, data, controller.signal, display);
    await writeResults(settings, [PROGRAM, ...context.args], data, trained, display);
  } finally {
    display.endBar();
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
  if (controller.signal.aborted) context.exitCode = EXIT_CODES[ended];
}

/** Ctrl-C, and what a machine sends that shuts down or ends a job. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
type Signal = (typeof SIGNALS)[number];

/** Exit code of a program ended by a signal, by convention 128 + its number. */
const EXIT_CODES: Readonly<Record<Signal, number>> = {SIGINT: 130, SIGTERM: 143};

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

async function startBackend({backend, threads}: TrainSettings, display: TrainingDisplay): Promise<void> {
  // Silences tfjs's advice, on stderr, to install its native backend.
  tf.enableProdMode();
  await setupBackend(backend ?? undefined, threads === null ? {} : {threads});
  const report = backendReport();
  display.line(`Backend  ${report.backend}: ${report.device}`);
  if (report.threadsReason) display.line(`         ${report.threads} thread(s): ${report.threadsReason}`);
  for (const skipped of report.skipped) display.line(`         not ${skipped.reason}`);
}

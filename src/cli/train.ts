/**
 * `tfjs-swint train`: trains a SwinResNet and its convolutional twin on the same images, one after the other, and leaves
 * behind both models, their history and a report.
 *
 *     OUT/swin/, OUT/conv/    model.json and weights.bin, with class names and the preparation of images as metadata
 *     OUT/history.json        settings and figures of every epoch
 *     OUT/report.html         the comparison, self-contained
 *     OUT/run.json            the settings, so that --resume OUT goes on with a run that was interrupted
 */
import {mkdir} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import type {Command} from 'commander';
import {backendReport} from '../backends/backend_report.js';
import {setupBackend} from '../backends/setup_backend.js';
import {ConfigError} from '../errors.js';
import {type Context, newCommand, PROGRAM} from './command.js';
import {TrainingDisplay} from './display.js';
import {addOptions} from './options.js';
import {beginRun, checkNewRun, commandOf, endRun, readSettings, resumeCommand} from './run_folder.js';
import {describeData, describeSize, openData} from './train_data.js';
import {trainNetworks} from './train_networks.js';
import {writeResults} from './train_results.js';
import {
  DATA,
  MACHINE,
  NETWORKS,
  OUTPUT,
  resumedSettings,
  settingsOf,
  TRAINING,
  type TrainOptions,
  type TrainSettings,
} from './train_settings.js';

/**
 * The command. Its `parseAsync` throws UsageError for the command line, and other SwintErrors for data, network, backend
 * or disk.
 *
 * @param run What is done with the settings; default the training.
 */
export function trainCommand(
  context: Context,
  run: (settings: TrainSettings, context: Context, resume: boolean) => void | Promise<void> = runTraining,
): Command {
  const command = newCommand('train', context)
    .summary('train a SwinT network and its convolutional twin, and compare them')
    .description(
      'Trains an image classifier and its convolutional twin, and compares them. Without options it draws its own ' +
        'images (ten shapes) and trains both networks on them.',
    )
    .action((options: TrainOptions) => {
      if (options.resume === null) return run(settingsOf(options, context.now), context, false);
      const names = Object.keys(options) as (keyof TrainOptions)[];
      const given = names.filter((name) => command.getOptionValueSource(name) === 'cli');
      return run(resumedSettings(readSettings(options.resume), options, given), context, true);
    });
  addOptions(command, 'Data:', DATA);
  addOptions(command, 'Networks:', NETWORKS);
  addOptions(command, 'Training:', TRAINING);
  addOptions(command, 'Machine:', MACHINE);
  addOptions(command, 'Output:', OUTPUT);
  return command;
}

async function runTraining(settings: TrainSettings, context: Context, resume: boolean): Promise<void> {
  const display = new TrainingDisplay(context.out);
  const {out, checkpointSeconds} = settings;
  if (!resume) checkNewRun(out);
  const data = await openData({...settings, onLeftOut: (message) => display.line(message)});
  await makeOutput(out);
  const command = [PROGRAM, ...context.args];
  if (!resume && checkpointSeconds > 0) await beginRun(out, settings, command);
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
    const trained = await trainNetworks(settings, resume, data, controller.signal, display);
    const began = resume ? (commandOf(out) ?? command) : command;
    await writeResults(settings, began, data, trained, display);
    if (checkpointSeconds === 0) return;
    if (controller.signal.aborted) display.line(`${'To go on'.padEnd(14)} ${resumeCommand(out)}`);
    else await endRun(out);
  } finally {
    display.endBar();
    for (const signal of SIGNALS) process.off(signal, interrupt);
    if (controller.signal.aborted) context.exitCode = EXIT_CODES[ended];
  }
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

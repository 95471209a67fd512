/**
 * `tfjs-swint train`: trains a SwinResNet and its convolutional twin on the same images, one after the other, and leaves
 * behind both models, their history and a report.
 *
 *     OUT/swin/, OUT/conv/    model.json and weights.bin, with class names and the preparation of images as metadata
 *     OUT/history.json        settings and figures of every epoch
 *     OUT/report.html         the comparison, self-contained
 */
import type {Command} from 'commander';
import {type Context, newCommand, PROGRAM} from './command.js';
import {TrainingDisplay} from './display.js';
import {addOptions, type Values} from './options.js';
import {makeOutput} from './output_folder.js';
import {startBackend} from './start_backend.js';
import {describeData, describeSize, openData} from './train_data.js';
import {trainNetworks} from './train_networks.js';
import {writeResults} from './train_results.js';
import {trainSegmentCommand} from './train_segment.js';
import {TASK, wantsSegmentation} from './train_segment_settings.js';
import {
  DATA,
  MACHINE,
  NETWORKS,
  OUTPUT,
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
  run: (settings: TrainSettings, context: Context) => void | Promise<void> = runTraining,
): Command {
  // Its options are others.
  if (wantsSegmentation(context.args)) return trainSegmentCommand(context);
  const command = newCommand('train', context)
    .summary('train a SwinT network and its convolutional twin, and compare them')
    .description(
      'Trains an image classifier and its convolutional twin, and compares them. Without options it draws its own ' +
        'images (ten shapes) and trains both networks on them.',
    )
    .action(({task: _, ...options}: TrainOptions & Values<typeof TASK>) =>
      run(settingsOf(options, context.now), context),
    );
  addOptions(command, 'Task:', TASK);
  addOptions(command, 'Data:', DATA);
  addOptions(command, 'Networks:', NETWORKS);
  addOptions(command, 'Training:', TRAINING);
  addOptions(command, 'Machine:', MACHINE);
  addOptions(command, 'Output:', OUTPUT);
  return command;
}

async function runTraining(settings: TrainSettings, context: Context): Promise<void> {
  const display = new TrainingDisplay(context.out);
  const data = await openData({...settings, onLeftOut: (message) => display.line(message)});
  await makeOutput('train', settings.out);
  await startBackend(settings, (text) => display.line(text));
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

/**
 * `tfjs-swint train`: trains a SwinResNet and its convolutional twin on the same images, one after the other, and leaves
 * behind both models, their history and a report.
 *
 *     OUT/swin/, OUT/conv/    model.json and weights.bin, with class names and the preparation of images as metadata
 *     OUT/history.json        settings and figures of every epoch
 *     OUT/report.html         the comparison, self-contained
 *     OUT/run.json            the settings, so that --resume OUT goes on with a run that was interrupted
 */
import type {Command} from 'commander';
import {type Context, newCommand, PROGRAM} from './command.js';
import {TrainingDisplay} from './display.js';
import {untilInterrupted} from './interrupts.js';
import {addOptions, givenOptions, type Values} from './options.js';
import {makeOutput} from './output_folder.js';
import {beginRun, checkNewRun, commandOf, endRun, readSettings, resumeCommand} from './run_folder.js';
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
  // Its options are others.
  if (wantsSegmentation(context.args)) return trainSegmentCommand(context);
  const command = newCommand('train', context)
    .summary('train a SwinT network and its convolutional twin, and compare them')
    .description(
      'Trains an image classifier and its convolutional twin, and compares them. Without options it draws its own ' +
        'images (ten shapes) and trains both networks on them.',
    )
    .action(({task: _, ...options}: TrainOptions & Values<typeof TASK>) => {
      if (options.resume === null) return run(settingsOf(options, context.now), context, false);
      const given = givenOptions(command, options);
      return run(resumedSettings(readSettings(options.resume, 'classify'), options, given), context, true);
    });
  addOptions(command, 'Task:', TASK);
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
  await makeOutput('train', out);
  const command = [PROGRAM, ...context.args];
  if (!resume && checkpointSeconds > 0) await beginRun(out, 'classify', settings, command);
  await startBackend(settings, (text) => display.line(text));
  display.line(`Data     ${describeData(data)}`);
  const size = describeSize(settings, data);
  if (size !== null) display.line(`         ${size}`);

  context.exitCode = await untilInterrupted(
    async (signal) => {
      try {
        const trained = await trainNetworks(settings, resume, data, signal, display);
        const began = resume ? (commandOf(out) ?? command) : command;
        await writeResults(settings, began, data, trained, display);
        if (checkpointSeconds === 0) return;
        if (signal.aborted) display.line(`${'To go on'.padEnd(14)} ${resumeCommand(out, 'classify')}`);
        else await endRun(out);
      } finally {
        display.endBar();
      }
    },
    () => display.line('Stopping after this step. Ctrl-C again stops at once.'),
  );
}

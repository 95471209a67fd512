/**
 * `tfjs-swint train --task segment`: trains a Swin-UNet, pure or with convolutions, on images with masks, and leaves behind
 * the model, its history, pictures and a report.
 *
 *     OUT/model/           model.json and weights.bin, with class names and the preparation of images as metadata
 *     OUT/overlays/        for each held-out image: the image, its true mask, and what the model got right and wrong
 *     OUT/history.json     settings and figures of every epoch
 *     OUT/report.html      curves, figures by class and the pictures, self-contained
 *     OUT/run.json         the settings, so that --resume OUT goes on with a run that was interrupted
 */
import {join} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {Command} from 'commander';
import {swinUNet} from '../../architectures/swin_unet.js';
import type {SegmentationSplit} from '../data/segmentation_dataset.js';
import {describeSegmenter} from '../inference/segmenter_metadata.js';
import {saveModel} from '../node/save_model.js';
import {DivergedError} from '../training/epochs.js';
import {evaluateSegmentation} from '../training/evaluate_segmentation.js';
import type {SegmentationHistory} from '../training/segmentation_history.js';
import {trainSegmentation} from '../training/train_segmentation.js';
import {type Context, newCommand, PROGRAM} from './command.js';
import {TrainingDisplay} from './display.js';
import {untilInterrupted} from './interrupts.js';
import {openMasks} from './mask_options.js';
import {addOptions, givenOptions, type Values} from './options.js';
import {makeOutput} from './output_folder.js';
import {
  beginRun,
  checkNewRun,
  checkpointOptions,
  commandOf,
  endRun,
  readSettings,
  resumeCommand,
} from './run_folder.js';
import {shellWord} from './shell_word.js';
import {startBackend} from './start_backend.js';
import {SegmentDisplay} from './train_segment_display.js';
import {writeSegmentResults} from './train_segment_results.js';
import {
  resumedSegmentSettings,
  SEGMENT_DATA,
  SEGMENT_NETWORK,
  SEGMENT_OUTPUT,
  SEGMENT_TRAINING,
  type SegmentOptions,
  type SegmentSettings,
  segmentSettings,
  TASK,
} from './train_segment_settings.js';
import {MACHINE} from './train_settings.js';

const EXAMPLES = `
Examples:
  tfjs-swint train --task segment --data membrane --classes membrane,cell --background cell --border membrane --test 20-29
  tfjs-swint train --task segment --data photos --classes sky,road,car --mask-suffix _mask --model swin --max-minutes 30`;

/**
 * The command. Its `parseAsync` throws UsageError for the command line, and other SwintErrors for data, network, backend or
 * disk.
 *
 * @param run What is done with the settings; default the training.
 */
export function trainSegmentCommand(
  context: Context,
  run: (settings: SegmentSettings, context: Context, resume: boolean) => void | Promise<void> = runTraining,
): Command {
  const command = newCommand('train', context)
    .summary('train a network that finds the classes of pixels')
    .description(
      'Trains a segmentation network, a Swin-UNet with or without convolutions, on images with masks: DIR/image/NAME.png ' +
        '(or .jpg) with DIR/label/NAME.png, whose values stand for the classes.',
    )
    .usage('--task segment --data DIR --classes NAME,NAME,... [options]')
    .addHelpText('after', EXAMPLES)
    .action(({task: _, ...options}: SegmentOptions & Values<typeof TASK>) => {
      if (options.resume === null) return run(segmentSettings(options, context.now), context, false);
      const given = givenOptions(command, options);
      const saved = readSettings<SegmentSettings>(options.resume, 'segment');
      return run(resumedSegmentSettings(saved, options, given), context, true);
    });
  addOptions(command, 'Task:', TASK);
  addOptions(command, 'Data:', SEGMENT_DATA);
  addOptions(command, 'Network:', SEGMENT_NETWORK);
  addOptions(command, 'Training:', SEGMENT_TRAINING);
  addOptions(command, 'Machine:', MACHINE);
  addOptions(command, 'Output:', SEGMENT_OUTPUT);
  return command;
}

async function runTraining(settings: SegmentSettings, context: Context, resume: boolean): Promise<void> {
  const display = new TrainingDisplay(context.out);
  const {classes, out, checkpointSeconds} = settings;
  if (!resume) checkNewRun(out);
  const data = await openMasks(settings.data, classes, settings);
  await makeOutput('train', out);
  const command = [PROGRAM, ...context.args];
  if (!resume && checkpointSeconds > 0) await beginRun(out, 'segment', settings, command);
  await startBackend(settings, (text) => display.line(text));
  const {train, test} = data;
  display.line(
    `Data     ${train.name}: ${train.size} images, ${test.name}: ${test.size} images, ${classes.length} classes ` +
      `(${classes.join(', ')})`,
  );
  const model = buildSegmenter(settings);
  try {
    context.exitCode = await untilInterrupted(
      async (signal) => {
        const history = await trainNetwork(model, settings, resume, data, signal, display);
        if (history.steps === 0) display.line('Stopped before the first step; nothing was saved.');
        else {
          await saveModel(model, join(out, 'model'));
          const began = (resume ? (commandOf(out) ?? command) : command).map(shellWord).join(' ');
          await writeSegmentResults({model, settings, data, history, command: began, signal}, display);
        }
        if (checkpointSeconds === 0) return;
        if (signal.aborted) display.line(`${'To go on'.padEnd(14)} ${resumeCommand(out, 'segment')}`);
        else await endRun(out);
      },
      () => display.line('Stopping after this step. Ctrl-C again stops at once.'),
    );
  } finally {
    display.endBar();
    model.dispose();
  }
}

/** @throws ConfigError for settings that the network cannot have. */
function buildSegmenter(settings: SegmentSettings): tfl.LayersModel {
  const {classes, width, depths, heads, window, patch, convolutions, seed, background, border} = settings;
  const model = swinUNet({
    numClasses: classes.length,
    embedDim: width,
    ...{depths, numHeads: heads, windowSize: window, patchSize: patch, convolutions, seed},
  });
  describeSegmenter(model, {background, ...(border === null ? {} : {border})});
  return model;
}

async function trainNetwork(
  model: tfl.LayersModel,
  settings: SegmentSettings,
  resume: boolean,
  data: SegmentationSplit,
  signal: AbortSignal,
  display: TrainingDisplay,
): Promise<SegmentationHistory> {
  const {epochs, stepsPerEpoch, batchSize, crop, flip, rotate, learningRate, weightDecay, seed} = settings;
  const maxSeconds = settings.maxMinutes === null ? undefined : 60 * settings.maxMinutes;
  const parameters = model.countParams().toLocaleString('en-US');
  display.line();
  display.line(
    `Swin-UNet (${settings.model}): ${parameters} parameters, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of ` +
      `${stepsPerEpoch} batches of ${batchSize} crops of ${crop}x${crop}`,
  );
  const shown = new SegmentDisplay(display, epochs, maxSeconds ?? null);
  const history = await trainSegmentation(model, data, {
    ...checkpointOptions('model', settings, resume, display),
    ...{epochs, stepsPerEpoch, batchSize, cropSize: crop, flip, rotate, learningRate, weightDecay, seed},
    ...{maxSeconds, signal},
    warmupEpochs: settings.warmup ?? undefined,
    onBatch: (report) => shown.batch(report),
    onEpoch: (report) => shown.epoch(report, signal.aborted),
  }).catch(async (error: unknown) => {
    // The model has its last good weights.
    if (error instanceof DivergedError) await saveModel(model, join(settings.out, 'model'));
    throw error;
  });
  display.endBar();
  if (history.stopped === 'budget') display.line('  stopped: the time of --max-minutes is spent');
  return history.stopped === 'aborted' && history.steps > 0 ? tested(model, data, history) : history;
}

/** The history of a training that was stopped, with a test of the network as it is now. */
async function tested(
  model: tfl.LayersModel,
  {test}: SegmentationSplit,
  history: SegmentationHistory,
): Promise<SegmentationHistory> {
  const {mean, std, epochs} = history;
  const evaluation = await evaluateSegmentation(model, test, {mean, std});
  const {pixelAccuracy, meanIou} = evaluation;
  const last = {...epochs.at(-1)!, testPixelAccuracy: pixelAccuracy, testMeanIou: meanIou};
  return {...history, epochs: [...epochs.slice(0, -1), last], evaluation};
}

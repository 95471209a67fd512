/**
 * `tfjs-swint train --task segment`: trains a Swin-UNet, pure or with convolutions, on images with masks, and leaves behind
 * the model, its history, pictures and a report.
 *
 *     OUT/model/           model.json and weights.bin, with class names and the preparation of images as metadata
 *     OUT/overlays/        for each held-out image: the image, its true mask, and what the model got right and wrong
 *     OUT/history.json     settings and figures of every epoch
 *     OUT/report.html      curves, figures by class and the pictures, self-contained
 */
import {join} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {Command} from 'commander';
import {swinUNet} from '../../architectures/swin_unet.js';
import type {SegmentationSplit} from '../data/segmentation_dataset.js';
import {describeSegmenter} from '../inference/segmenter_metadata.js';
import {saveModel} from '../node/save_model.js';
import type {SegmentationHistory} from '../training/segmentation_history.js';
import {trainSegmentation} from '../training/train_segmentation.js';
import {type Context, newCommand, PROGRAM} from './command.js';
import {TrainingDisplay} from './display.js';
import {untilInterrupted} from './interrupts.js';
import {openMasks} from './mask_options.js';
import {addOptions} from './options.js';
import {makeOutput} from './output_folder.js';
import {shellWord} from './shell_word.js';
import {startBackend} from './start_backend.js';
import {SegmentDisplay} from './train_segment_display.js';
import {writeSegmentResults} from './train_segment_results.js';
import {
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
  run: (settings: SegmentSettings, context: Context) => void | Promise<void> = runTraining,
): Command {
  const command = newCommand('train', context)
    .summary('train a network that finds the classes of pixels')
    .description(
      'Trains a segmentation network, a Swin-UNet with or without convolutions, on images with masks: DIR/image/NAME.png ' +
        '(or .jpg) with DIR/label/NAME.png, whose values stand for the classes.',
    )
    .usage('--task segment --data DIR --classes NAME,NAME,... [options]')
    .addHelpText('after', EXAMPLES)
    .action((options: SegmentOptions) => run(segmentSettings(options, context.now), context));
  addOptions(command, 'Task:', TASK);
  addOptions(command, 'Data:', SEGMENT_DATA);
  addOptions(command, 'Network:', SEGMENT_NETWORK);
  addOptions(command, 'Training:', SEGMENT_TRAINING);
  addOptions(command, 'Machine:', MACHINE);
  addOptions(command, 'Output:', SEGMENT_OUTPUT);
  return command;
}

async function runTraining(settings: SegmentSettings, context: Context): Promise<void> {
  const display = new TrainingDisplay(context.out);
  const {classes} = settings;
  const data = await openMasks(settings.data, classes, settings);
  await makeOutput('train', settings.out);
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
        const history = await trainNetwork(model, settings, data, signal, display);
        if (history.steps === 0) {
          display.line('Stopped before the first step; nothing was saved.');
          return;
        }
        await saveModel(model, join(settings.out, 'model'));
        const command = [PROGRAM, ...context.args].map(shellWord).join(' ');
        await writeSegmentResults({model, settings, data, history, command, signal}, display);
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
    ...{epochs, stepsPerEpoch, batchSize, cropSize: crop, flip, rotate, learningRate, weightDecay, seed},
    ...{maxSeconds, signal},
    warmupEpochs: settings.warmup ?? undefined,
    onBatch: (report) => shown.batch(report),
    onEpoch: (report) => shown.epoch(report, signal.aborted),
  });
  display.endBar();
  if (history.stopped === 'budget') display.line('  stopped: the time of --max-minutes is spent');
  return history;
}

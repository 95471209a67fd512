/**
 * `tfjs-swint convert`: a published checkpoint becomes a model of tfjs, a model becomes a checkpoint, and one layout another.
 *
 *     IN    .safetensors, .pth, .pt, .bin   a Swin Transformer's weights; its configuration is read from them
 *           folder, or its model.json       what saveModel wrote
 *     OUT   .safetensors                    weights under the names of --layout
 *           any other                       a folder with model.json and weights.bin
 *
 * What is at OUT is replaced, as saveModel and saveWeights do.
 */
import {basename, dirname} from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {setupBackend} from '../backends/setup_backend.js';
import {loadModel, saveModel} from '../node/save_model.js';
import {saveWeights, swinFromCheckpoint} from '../node/weight_files.js';
import type {LoadReport} from '../weights/load_report.js';
import {type ConvertCommand, isCheckpoint, isWeightFile, parseConvertCommand} from './convert_options.js';
import type {Output} from './display.js';
import {CONVERT_HELP} from './usage.js';

/**
 * Runs the command.
 *
 * @param args What follows `convert` on the command line.
 * @returns the exit code, 0.
 * @throws UsageError for the command line; CheckpointError for what cannot be read, converted or written.
 */
export async function convertCommand(args: readonly string[], out: Output): Promise<number> {
  const command = parseConvertCommand(args);
  if (command.help) {
    out.write(CONVERT_HELP);
    return 0;
  }
  // Silences tfjs's advice, on stderr, to install its native backend; nothing is computed here.
  tf.enableProdMode();
  await setupBackend('cpu');
  const {model, report} = await open(command);
  try {
    await write(model, command);
    for (const line of summary(command, model, report)) out.write(`${line}\n`);
  } finally {
    model.dispose();
  }
  return 0;
}

async function open({input, window, imageSize, channelsLast}: ConvertCommand): Promise<{
  model: tfl.LayersModel;
  report?: LoadReport;
}> {
  if (!isCheckpoint(input)) {
    return {model: await loadModel(basename(input) === 'model.json' ? dirname(input) : input)};
  }
  return swinFromCheckpoint(input, {
    ...(window === null ? {} : {windowSize: window}),
    ...(imageSize === null ? {} : {imageSize}),
    ...(channelsLast ? {dataFormat: 'channelsLast'} : {}),
  });
}

async function write(model: tfl.LayersModel, {out, layout}: ConvertCommand): Promise<void> {
  if (isWeightFile(out)) await saveWeights(model, out, {layout});
  else await saveModel(model, out);
}

function summary(
  {input, out, layout}: ConvertCommand,
  model: tfl.LayersModel,
  report?: LoadReport,
): string[] {
  const lines = [
    `Read     ${input}: ${report ? `weights in the layout of ${report.layout}` : 'a saved model'}`,
    `Model    ${model.name}: ${model.countParams().toLocaleString('en-US')} parameters`,
  ];
  if (report) {
    const {matched, resized, missing, unexpected} = report;
    const counts = Object.entries({matched, resized, missing, unexpected}).map(
      ([what, names]) => `${names.length} ${what}`,
    );
    lines.push(`Weights  ${counts.join(', ')}`);
  }
  const written = isWeightFile(out) ? `weights in the layout of ${layout}` : 'model.json and weights.bin';
  return [...lines, `Written  ${out}: ${written}`];
}

/**
 * `tfjs-swint convert`: a published checkpoint becomes a model of tfjs, a model becomes a checkpoint, and one layout another.
 *
 *     IN    .safetensors, .pth, .pt, .bin   a Swin Transformer's weights; its configuration is read from them
 *           a URL, hf:owner/name            the same, downloaded
 *           folder, or its model.json       what saveModel wrote
 *     OUT   .safetensors                    weights under the names of --layout
 *           any other                       a folder with model.json and weights.bin
 *
 * What is at OUT is replaced, as saveModel and saveWeights do.
 */
import {basename, dirname} from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {Command} from 'commander';
import {setupBackend} from '../backends/setup_backend.js';
import {loadModel} from '../node/load_model.js';
import {saveModel} from '../node/save_model.js';
import {saveWeights, swinFromCheckpoint} from '../node/weight_files.js';
import {printable} from '../printable.js';
import {LAYOUTS} from '../weights/layouts/index.js';
import type {LoadReport} from '../weights/load_report.js';
import {QUANTIZATIONS} from '../weights/quantize.js';
import {type Context, newCommand} from './command.js';
import {DownloadBar} from './download_bar.js';
import {DOWNLOADS, downloadOptions} from './download_options.js';
import {addOptions, flag, option, type Values} from './options.js';
import {UsageError} from './usage_error.js';
import {oneOf, path, size, windows} from './values.js';

const OPTIONS = {
  to: option(
    'OUT',
    path('a folder or a .safetensors file'),
    null,
    'a .safetensors file, or a folder for model.json and weights.bin; replaced where it is there',
  ),
  quantize: option(
    'NAME',
    oneOf(QUANTIZATIONS),
    null,
    `how weights are stored: ${QUANTIZATIONS.join(', ')}; half the size or a quarter, a little less exact; in a .safetensors ` +
      'file float16 alone',
    'float32',
  ),
  layout: option(
    'NAME',
    oneOf(LAYOUTS),
    null,
    `whose names a .safetensors file has: ${LAYOUTS.join(', ')}; tfjs-swint takes any model`,
    'microsoft',
  ),
  window: option(
    'N|HxW|N,N,...',
    windows,
    null,
    'window of the model, one for all stages or one for each, for which the weights are resized; needed for a checkpoint of ' +
      'Swin V2 that does not tell its own',
    "the checkpoint's",
  ),
  imageSize: option(
    'N|HxW',
    size,
    null,
    'pixels of a side, for an absolute position embedding and for windows larger than the last maps',
    "the checkpoint's",
  ),
  padding: option(
    'masked|attended',
    oneOf(['masked', 'attended']),
    null,
    'whether attention sees the cells that are added so that windows fit',
    'attended for published layouts',
  ),
  prefix: option(
    'TEXT',
    path('text'),
    null,
    'what is before all names of the network',
    'found where all have it',
  ),
  channelsLast: flag('images as [B, H, W, C]', '[B, C, H, W]'),
};

/** Everything the command needs; null where the checkpoint decides. */
export type ConvertSettings = ReturnType<typeof settingsOf>;

/**
 * The command. Its `parseAsync` throws UsageError for the command line, and CheckpointError for what cannot be read,
 * converted or written.
 *
 * @param run What is done with the settings; default the conversion.
 */
export function convertCommand(
  context: Context,
  run: (settings: ConvertSettings, context: Context) => void | Promise<void> = convert,
): Command {
  const command = newCommand('convert', context)
    .summary(
      'turn a published checkpoint into a model of tfjs, a model into a checkpoint, or one layout into another',
    )
    .description('Published checkpoints and models of tfjs, into each other.')
    .usage('IN --to OUT [options]')
    .argument(
      '[IN...]',
      'a checkpoint of a Swin Transformer (.safetensors, or .pth, .pt, .bin of torch.save) in the layout of microsoft, ' +
        'timm, torchvision, huggingface, swin-unet or tfjs-swint, its URL, or its name on a hub, hf:owner/name; or a folder with model.json',
    )
    .action((inputs: string[], options: Values<typeof OPTIONS & typeof DOWNLOADS>) =>
      run(settingsOf(inputs, options), context),
    );
  addOptions(command, 'Options:', OPTIONS);
  addOptions(command, 'Downloads:', DOWNLOADS);
  return command;
}

/** Checks what belongs together, which no option says alone. */
function settingsOf(
  inputs: readonly string[],
  {to: out, ...options}: Values<typeof OPTIONS & typeof DOWNLOADS>,
) {
  const [input] = inputs;
  if (inputs.length !== 1) {
    throw new UsageError(
      `convert: one file or folder must be given; got ${inputs.join(' ') || 'none'} (tfjs-swint convert --help).`,
    );
  }
  if (out === null) {
    throw new UsageError('convert: --to must be a folder or a .safetensors file; got nothing.');
  }
  if (isCheckpoint(out) && !isWeightFile(out)) {
    throw new UsageError(
      `convert: --to must be a folder or a .safetensors file, the only weights that are written; got ${out}.`,
    );
  }
  if (options.layout !== null && !isWeightFile(out)) {
    throw new UsageError(
      `convert: --layout must go with a .safetensors file; got --to ${out} (a folder has our own names).`,
    );
  }
  const {quantize} = options;
  if (quantize !== null && quantize !== 'float16' && isWeightFile(out)) {
    throw new UsageError(
      `convert: --quantize must be float16 for a .safetensors file; got ${quantize} (--to a folder takes it).`,
    );
  }
  if (!isCheckpoint(input)) {
    // A saved model is what it is: nothing of it can be chosen.
    const {window, imageSize, padding, prefix, channelsLast} = options;
    const chosen = Object.entries({
      ...{window, 'image-size': imageSize, padding, prefix},
      'channels-last': channelsLast || null,
    });
    for (const [name] of chosen.filter(([, value]) => value !== null)) {
      throw new UsageError(
        `convert: --${name} must go with a checkpoint; got it with a saved model (leave it out).`,
      );
    }
  }
  return {...options, input, out, layout: options.layout ?? ('microsoft' as const)};
}

/** Whether the result is a file of weights; otherwise it is a folder of a model. */
const isWeightFile = (path: string): boolean => /\.safetensors$/i.test(path);

/** Whether the input is a checkpoint; otherwise it is a saved model. */
const isCheckpoint = (path: string): boolean => /\.(safetensors|pth|pt|bin)$|^(hf:|https?:\/\/)/i.test(path);

async function convert(settings: ConvertSettings, {out, err}: Context): Promise<void> {
  // Silences tfjs's advice, on stderr, to install its native backend; nothing is computed here.
  tf.enableProdMode();
  await setupBackend('cpu');
  const {model, report} = await open(settings, new DownloadBar(err));
  try {
    await write(model, settings);
    for (const line of summary(settings, model, report)) out.write(`${printable(line)}\n`);
  } finally {
    model.dispose();
  }
}

async function open(
  {input, window, imageSize, padding, prefix, channelsLast, ...settings}: ConvertSettings,
  bar: DownloadBar,
): Promise<{model: tfl.LayersModel; report?: LoadReport}> {
  if (!isCheckpoint(input)) {
    return {model: await loadModel(basename(input) === 'model.json' ? dirname(input) : input)};
  }
  const loading = swinFromCheckpoint(input, {
    ...downloadOptions(settings),
    onProgress: bar.show,
    ...(window === null ? {} : {windowSize: window}),
    ...(imageSize === null ? {} : {imageSize}),
    ...(padding === null ? {} : {padding}),
    ...(prefix === null ? {} : {prefix}),
    ...(channelsLast ? {dataFormat: 'channelsLast'} : {}),
  });
  return loading.finally(() => bar.end());
}

async function write(model: tfl.LayersModel, {out, layout, quantize}: ConvertSettings): Promise<void> {
  // settingsOf lets nothing but float16 go into a file of weights.
  if (isWeightFile(out)) await saveWeights(model, out, {layout, dtype: quantize ? 'float16' : 'float32'});
  else await saveModel(model, out, quantize === null ? {} : {quantize});
}

function summary(
  {input, out, layout, quantize}: ConvertSettings,
  model: tfl.LayersModel,
  report: LoadReport | undefined,
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
    lines.push(...report.notes.map((note) => `Note     ${note}`));
  }
  const stored = quantize === null ? '' : ` as ${quantize}`;
  const written = isWeightFile(out)
    ? `weights in the layout of ${layout}${stored}`
    : `model.json and weights.bin${stored}`;
  return [...lines, `Written  ${out}: ${written}`];
}

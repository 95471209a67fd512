/** A Swin Transformer made from a checkpoint alone: its configuration is read from the file, then its weights. */

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {
  type SwinTransformerArgs,
  swinBackbone,
  swinTransformer,
  swinUNet,
} from '../../architectures/index.js';
import {SWIN_TRANSFORMER_ARGUMENTS} from '../../architectures/swin_transformer.js';
import {defined} from '../../kernels/common/defined.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {type ClassifierMetadata, describeClassifier} from '../inference/classifier_metadata.js';
import type {ByteSource} from './byte_source.js';
import {backboneOf, configurationOf, unetOf} from './configuration.js';
import {type CheckpointOrigin, DOWNLOAD_OPTIONS} from './hub.js';
import type {NetworkHints} from './hub_config.js';
import type {LoadReport} from './load_report.js';
import {
  assignCheckpoint,
  checkOptions,
  fetchedSource,
  type GivenCheckpoint,
  LOAD_OPTIONS,
  type LoadWeightsOptions,
  layoutOf,
} from './load_weights.js';
import {openCheckpoint} from './open_checkpoint.js';
import {type RenamedCheckpoint, renamedCheckpoint} from './renaming.js';
import {stageWindows} from './stage_windows.js';

/**
 * What is not to be as in the checkpoint. For another `windowSize` the weights are resized, for another `imageSize` the
 * absolute position embedding, for other `inChannels` (with `adaptChannels`) the patches; other `numClasses` give a new head.
 */
export type SwinFromCheckpointOptions = LoadWeightsOptions & SwinTransformerArgs;

const OPTIONS = {
  ...LOAD_OPTIONS,
  ...SWIN_TRANSFORMER_ARGUMENTS,
} as const satisfies ArgumentNames<SwinFromCheckpointOptions>;

/** A model, and what became of the checkpoint's weights. */
export interface LoadedSwin {
  model: tfl.LayersModel;
  report: LoadReport;
  /** Where the file was fetched from, and whether it was a kept copy; none where bytes or a path were given. */
  origin?: CheckpointOrigin;
}

/**
 * Builds the Swin Transformer that a checkpoint of microsoft's, timm's, torchvision's, huggingface's, Swin-Unet's or our own
 * layout was saved from, and loads it. For a path in Node, see `swinFromCheckpoint` of tfjs-swint/node.
 *
 * Width, depths, heads, windows, MLP ratio, classes, patches and variant come from names and shapes, padding from the layout:
 * 'attended' for published ones. Drop-path and dropout are 0 unless given, `dataFormat` is that of `swinTransformer`. With
 * `imageSize`, windows larger than a stage's map are made as small, as timm and microsoft do. What was assumed is in the
 * report's notes.
 *
 * A checkpoint of a backbone (norms of its own after the stages: detectors, transformers' backbones; or none: timm's
 * features) gives the maps of those stages, as swinBackbone does. One of Swin-Unet's gives a swinUNet with its skips.
 *
 * Beside a file that is fetched, config.json and preprocessor_config.json are read where they are there: they tell the size
 * of the images and V2's windows where the weights do not, the names of the classes and how `classify` prepares images.
 *
 * @param source The file's bytes, the URL to fetch it from, as text too, or its name on a hub, 'hf:owner/name' or
 *   'hf:owner/name@revision/file': a safetensors file or one of torch.save.
 * @param options Arguments of swinTransformer that are not to be as in the checkpoint; `layout`, `prefix`, `strict`,
 *   `adaptChannels` and what concerns fetching as for loadWeights. A checkpoint of V2 may not tell its window: then `windowSize` is needed.
 * @throws CheckpointError for a damaged file, or one that is no Swin Transformer's; ConfigError for options that can never
 *   work.
 */
export async function swinFromCheckpoint(
  source: string | Uint8Array | URL,
  options: SwinFromCheckpointOptions = {},
): Promise<LoadedSwin> {
  checkSwinOptions(options);
  return swinFrom(await fetchedSource('swinFromCheckpoint', source, options), options);
}

/** The same from a checkpoint that has come, with what stands beside it. */
export async function swinFrom(
  {source, origin, describe}: GivenCheckpoint,
  options: SwinFromCheckpointOptions,
): Promise<LoadedSwin> {
  const description = await describe?.();
  const loaded = swinFromSource(source, options, description?.hints);
  if (description) {
    const {imageSize} = options;
    describeSwin(loaded.model, {...description.metadata, ...defined({imageSize})});
  }
  const {model, report} = loaded;
  const notes = [...report.notes, ...(description?.notes ?? [])];
  return {model, report: {...report, notes}, ...(origin ? {origin} : {})};
}

/** Tells the model its classes, where they are its own, and how its images are prepared. */
function describeSwin(model: tfl.LayersModel, {classNames, ...prepared}: ClassifierMetadata): void {
  const classes = model.outputs[0].shape[1];
  describeClassifier(model, {...prepared, ...(classNames?.length === classes ? {classNames} : {})});
}

/** @throws ConfigError for an unknown option, or one of loading that can never work. */
export function checkSwinOptions(options: SwinFromCheckpointOptions): void {
  checkArguments('swinFromCheckpoint', options, OPTIONS);
  checkOptions('swinFromCheckpoint', options);
}

/** The same from anything that reads bytes. */
export function swinFromSource(
  source: ByteSource,
  options: SwinFromCheckpointOptions = {},
  hints: NetworkHints = {},
): LoadedSwin {
  checkSwinOptions(options);
  return swinFromFile(renamedCheckpoint(openCheckpoint(source), options.prefix), options, hints);
}

/** The same from a checkpoint that is open, with options that are checked. */
export function swinFromFile(
  file: RenamedCheckpoint,
  options: SwinFromCheckpointOptions,
  hints: NetworkHints = {},
): LoadedSwin {
  const {layout: given, prefix: _, strict, adaptChannels, ...rest} = options;
  const args: SwinTransformerArgs = Object.fromEntries(
    Object.entries(rest).filter(
      ([name, value]) => value !== undefined && !Object.hasOwn(DOWNLOAD_OPTIONS, name),
    ),
  );
  const layout = layoutOf(file, given);
  const found = configurationOf(file, layout, (args.windowSize ?? hints.windowSize) !== undefined);
  // What is beside the weights counts where they do not tell it themselves.
  const untold = Object.entries(hints).filter(([name]) => found[name as keyof NetworkHints] === undefined);
  const known = {...(Object.fromEntries(untold) as NetworkHints), ...args};
  const {windows, notes} = stageWindows(layout, found, known);
  // What the checkpoint lacks has to be able to learn.
  const start = strict === false ? {} : {kernelInitializer: undrawn()};
  const built = {...start, dropPath: 0, ...found, ...known, ...windows};
  const stages = found.depths?.length ?? 0;
  const unet = unetOf(file, layout, stages);
  const backbone = unet ? undefined : backboneOf(file, layout, stages);
  const model = unet
    ? swinUNet({...built, numClasses: built.numClasses ?? 0, ...unet})
    : backbone
      ? swinBackbone({...built, ...backbone})
      : swinTransformer(built);
  try {
    const report = assignCheckpoint(model, file, {layout, strict, adaptChannels});
    const unshifted = backbone?.outNorms && found.variant === 'v1' ? [ALWAYS_SHIFTED] : [];
    return {model, report: {...report, notes: [...notes, ...unshifted, ...report.notes]}};
  } catch (error) {
    model.dispose();
    throw error;
  }
}

const ALWAYS_SHIFTED =
  "shiftRule: transformers' V1 backbone and detectors shift windows also on maps that one window covers, which this network " +
  'does not: images with so small maps give other numbers';

/** Swin's start of kernels, saved with the model as that, which draws nothing: the weights are replaced, and it costs seconds. */
function undrawn() {
  const initializer = tfl.initializers.truncatedNormal({stddev: 0.02});
  initializer.apply = (shape) => tf.zeros(shape as number[]);
  return initializer;
}

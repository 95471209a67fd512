/** A Swin Transformer made from a checkpoint alone: its configuration is read from the file, then its weights. */

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {type SwinTransformerArgs, swinBackbone, swinTransformer} from '../../architectures/index.js';
import {SWIN_TRANSFORMER_ARGUMENTS} from '../../architectures/swin_transformer.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import type {ByteSource} from './byte_source.js';
import {backboneOf, configurationOf} from './configuration.js';
import type {LoadReport} from './load_report.js';
import {
  assignCheckpoint,
  checkOptions,
  fetchedSource,
  LOAD_OPTIONS,
  type LoadWeightsOptions,
  layoutOf,
} from './load_weights.js';
import {openCheckpoint} from './open_checkpoint.js';
import {renamedCheckpoint} from './renaming.js';
import {stageWindows} from './stage_windows.js';

/**
 * What is not to be as in the checkpoint. For another `windowSize` the weights are resized, for another `imageSize` the
 * absolute position embedding, for other `inChannels` (with `adaptChannels`) the patches; other `numClasses` give a new head.
 */
export type SwinFromCheckpointOptions = Omit<LoadWeightsOptions, 'strict'> & SwinTransformerArgs;

const {strict: _, ...LOADING} = LOAD_OPTIONS;

const OPTIONS = {
  ...LOADING,
  ...SWIN_TRANSFORMER_ARGUMENTS,
} as const satisfies ArgumentNames<SwinFromCheckpointOptions>;

/** A model, and what became of the checkpoint's weights. */
export interface LoadedSwin {
  model: tfl.LayersModel;
  report: LoadReport;
}

/**
 * Builds the Swin Transformer that a checkpoint of microsoft's, timm's, torchvision's, huggingface's or our own layout was
 * saved from, and loads it. For a path in Node, see `swinFromCheckpoint` of tfjs-swint/node.
 *
 * Width, depths, heads, windows, MLP ratio, classes, patches and variant come from names and shapes, padding from the layout:
 * 'attended' for published ones. Drop-path and dropout are 0 unless given, `dataFormat` is that of `swinTransformer`. With
 * `imageSize`, windows larger than a stage's map are made as small, as timm and microsoft do. What was assumed is in the
 * report's notes.
 *
 * A checkpoint of a backbone (norms of its own after the stages: detectors, transformers' backbones; or none: timm's
 * features) gives the maps of those stages, as swinBackbone does.
 *
 * @param source The file's bytes, or the URL to fetch it from, as text too: a safetensors file or one of torch.save.
 * @param options Arguments of swinTransformer that are not to be as in the checkpoint; `layout`, `prefix`,
 *   `adaptChannels` and what concerns fetching as for loadWeights. A checkpoint of V2 may not tell its window: then `windowSize` is needed.
 * @throws CheckpointError for a damaged file, or one that is no Swin Transformer's; ConfigError for options that can never
 *   work.
 */
export async function swinFromCheckpoint(
  source: string | Uint8Array | URL,
  options: SwinFromCheckpointOptions = {},
): Promise<LoadedSwin> {
  checkSwinOptions(options);
  return swinFromSource(await fetchedSource(source, options), options);
}

/** @throws ConfigError for an unknown option, or one of loading that can never work. */
export function checkSwinOptions(options: SwinFromCheckpointOptions): void {
  checkArguments('swinFromCheckpoint', options, OPTIONS);
  checkOptions('swinFromCheckpoint', options);
}

/** The same from anything that reads bytes. */
export function swinFromSource(source: ByteSource, options: SwinFromCheckpointOptions = {}): LoadedSwin {
  checkSwinOptions(options);
  const {layout: given, prefix, adaptChannels, signal, timeout, maxBytes, onProgress, ...rest} = options;
  const args: SwinTransformerArgs = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => value !== undefined),
  );
  const file = renamedCheckpoint(openCheckpoint(source), prefix);
  const layout = layoutOf(file, given);
  const found = configurationOf(file, layout, args.windowSize !== undefined);
  const {windows, notes} = stageWindows(layout, found, args);
  const built = {kernelInitializer: undrawn(), dropPath: 0, ...found, ...args, ...windows};
  const backbone = backboneOf(file, layout, found.depths?.length ?? 0);
  const model = backbone ? swinBackbone({...built, ...backbone}) : swinTransformer(built);
  try {
    const report = assignCheckpoint(model, file, {layout, adaptChannels});
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

/** Checkpoints as files: loaded into a model, made into one, and written. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {
  type LoadedSwin,
  type SwinFromCheckpointOptions,
  swinFromCheckpoint as swinFrom,
  swinFromSource,
} from '../weights/from_checkpoint.js';
import type {Layout} from '../weights/layouts/index.js';
import type {LoadReport} from '../weights/load_report.js';
import {assignWeights, type LoadWeightsOptions, loadWeights as loadFrom} from '../weights/load_weights.js';
import {saveWeights as weightsOf} from '../weights/save_weights.js';
import {withFile} from './file_source.js';
import {replaceFile} from './replace_file.js';

/**
 * Loads a checkpoint, a safetensors file or one of torch.save, into a model; see `loadWeights` of tfjs-swint.
 *
 * @param source A path, the file's bytes, or a URL.
 */
export async function loadWeights(
  model: tfl.LayersModel,
  source: string | Uint8Array | URL,
  options: LoadWeightsOptions = {},
): Promise<LoadReport> {
  if (typeof source !== 'string') return loadFrom(model, source, options);
  return withFile(source, (file) => assignWeights(model, file, options));
}

/**
 * Builds the Swin Transformer that a checkpoint was saved from, and loads it; see `swinFromCheckpoint` of tfjs-swint.
 *
 * @param source A path, the file's bytes, or a URL.
 */
export async function swinFromCheckpoint(
  source: string | Uint8Array | URL,
  options: SwinFromCheckpointOptions = {},
): Promise<LoadedSwin> {
  if (typeof source !== 'string') return swinFrom(source, options);
  return withFile(source, (file) => swinFromSource(file, options));
}

/**
 * Writes the weights of a model as a safetensors file; see `saveWeights` of tfjs-swint. The file is complete or not there;
 * one that was there is replaced.
 *
 * @param path The file, or a link to it; its folder is made where missing.
 * @throws CheckpointError where the layout has no place for a weight, or where writing fails.
 */
export async function saveWeights(
  model: tfl.LayersModel,
  path: string,
  options: {layout?: Layout} = {},
): Promise<void> {
  await replaceFile('saveWeights', path, await weightsOf(model, options));
}

/** Checkpoints as files: loaded into a model, made into one, and written. */
import {fileURLToPath} from 'node:url';
import type * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError} from '../errors.js';
import {
  checkSwinOptions,
  type LoadedSwin,
  type SwinFromCheckpointOptions,
  swinFrom,
  swinFromSource,
} from '../weights/from_checkpoint.js';
import type {LoadReport} from '../weights/load_report.js';
import {
  assignWeights,
  checkLoadOptions,
  fetchedSource,
  type LoadWeightsOptions,
  loadWeightsAt,
} from '../weights/load_weights.js';
import {type SaveWeightsOptions, saveWeights as weightsOf} from '../weights/save_weights.js';
import {withFile} from './file_source.js';
import {nodePlace} from './hub_cache.js';
import {replaceFile} from './replace_file.js';

/**
 * Loads a checkpoint, a safetensors file or one of torch.save, into a model; see `loadWeights` of tfjs-swint.
 *
 * @param source A path, the file's bytes, a URL, as text too, or a name on a hub.
 */
export async function loadWeights(
  model: tfl.LayersModel,
  source: string | Uint8Array | URL,
  options: LoadWeightsOptions = {},
): Promise<LoadReport> {
  checkLoadOptions(options);
  const path = pathOf(source);
  if (path === undefined) return loadWeightsAt(nodePlace(), model, source, options);
  return withFile(path, (file) => assignWeights(model, file, options));
}

/**
 * Builds the Swin Transformer that a checkpoint was saved from, and loads it; see `swinFromCheckpoint` of tfjs-swint.
 *
 * @param source A path, the file's bytes, a URL, as text too, or a name on a hub.
 */
export async function swinFromCheckpoint(
  source: string | Uint8Array | URL,
  options: SwinFromCheckpointOptions = {},
): Promise<LoadedSwin> {
  checkSwinOptions(options);
  const path = pathOf(source);
  if (path === undefined) {
    return swinFrom(await fetchedSource('swinFromCheckpoint', source, options, nodePlace()), options);
  }
  return withFile(path, (file) => swinFromSource(file, options));
}

/** The path of a file on this machine; undefined for anything else. */
export function pathOf(source: string | Uint8Array | URL): string | undefined {
  if (typeof source === 'string' && !/^(data:|blob:|hf:|[a-z][a-z0-9+.-]+:\/\/)/i.test(source)) return source;
  if (source instanceof Uint8Array || !/^file:/i.test(String(source))) return undefined;
  try {
    return fileURLToPath(source);
  } catch (error) {
    throw new CheckpointError(
      `${source}: a checkpoint must be a file that can be read; got ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
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
  options: SaveWeightsOptions = {},
): Promise<void> {
  await replaceFile('saveWeights', path, await weightsOf(model, options));
}

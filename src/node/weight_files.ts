/** Checkpoints as files: read a tensor at a time, so that a large one is not in memory beside the model; and written. */
import {closeSync, fstatSync, openSync, readSync} from 'node:fs';
import {rename, rm, writeFile} from 'node:fs/promises';
import type * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError} from '../errors.js';
import type {Layout} from '../weights/layouts.js';
import {
  assignWeights,
  type LoadReport,
  type LoadWeightsOptions,
  loadWeights as loadFrom,
} from '../weights/load_weights.js';
import {saveWeights as weightsOf} from '../weights/save_weights.js';

/**
 * Loads a safetensors checkpoint of Swin V1 or V2; see `loadWeights` of tfjs-swint.
 *
 * @param source A path, the file's bytes, or a URL.
 */
export async function loadWeights(
  model: tfl.LayersModel,
  source: string | Uint8Array | URL,
  options: LoadWeightsOptions = {},
): Promise<LoadReport> {
  if (typeof source !== 'string') return loadFrom(model, source, options);
  let file: number;
  try {
    file = openSync(source, 'r');
  } catch (error) {
    throw new CheckpointError(
      `${source}: a checkpoint must be a file that can be read; got ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
  try {
    const read = (offset: number, length: number) => {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const count = readSync(file, bytes, done, length - done, offset + done);
        if (count === 0)
          throw new CheckpointError(`${source}: the file must keep its size; it became shorter.`);
        done += count;
      }
      return bytes;
    };
    return assignWeights(model, {name: source, size: fstatSync(file).size, read}, options);
  } finally {
    closeSync(file);
  }
}

/**
 * Writes the weights of a Swin Transformer as a safetensors file; see `saveWeights` of tfjs-swint. The file is complete or
 * not there.
 */
export async function saveWeights(
  model: tfl.LayersModel,
  path: string,
  options: {layout?: Layout} = {},
): Promise<void> {
  const bytes = await weightsOf(model, options);
  const partial = `${path}.part`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, {force: true});
    throw error;
  }
}

/**
 * Saves a model on disk, without tfjs-node: a directory with `model.json` (topology, weight manifest) and `weights.bin`
 * (all weights, in the manifest's order), which is tfjs's layers-model format, so that browsers load it by URL. Quantised
 * weights and shards are those of tfjs's converter.
 *
 * A save never damages the model that is there. The new files are written and flushed in a directory beside it,
 * which then takes its place by renaming (names: see disk.ts):
 *
 *     write MODEL.swint-saving-* -> flush -> rename MODEL to MODEL.swint-previous-*
 *                                         -> rename MODEL.swint-saving-* to MODEL -> flush -> remove MODEL.swint-previous-*
 *
 * A failure before the renames leaves the old model untouched; a process that is killed between the two leaves it under
 * `.swint-previous-*`, where `loadModel` finds it and says so, and the next save removes what is left. Where two save to one
 * place, each finds the other's model there and replaces it: the last one stays, and it is whole.
 */

import {readdir, stat} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {oneOf, positiveInteger} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {CheckpointError, SwintError} from '../errors.js';
import {isShard, QUANTIZATIONS, type Quantization, quantizeWeights, shards} from '../weights/quantize.js';
import {codeOf, DISK, type Disk, hint, partName, partsOf, reason, resolveLinks, staleParts} from './disk.js';

const TOPOLOGY_FILE = 'model.json';

/** How often a save gives way to others that save to the same place at the same moment. */
const MOST_TRIES = 100;

export interface SaveModelOptions {
  /**
   * Stores float32 weights in fewer bits, which loading turns back to float32: 'float16' (half the size, three digits),
   * 'uint16' or 'uint8' (half, a quarter; even steps between the least and the largest value of each weight). A weight that
   * does not fit stays float32. Default: all bits.
   */
  quantize?: Quantization;
  /**
   * Most bytes of a file of weights, as for a server or a browser's cache; the files are then `group1-shard1of3.bin` and so
   * on. Default: one file, `weights.bin`. tfjs's converter takes 4 MB, 4194304.
   */
  shardBytes?: number;
}

const OPTIONS = {quantize: true, shardBytes: true} as const satisfies ArgumentNames<SaveModelOptions>;

/**
 * Saves a model: `dir/model.json` and `dir/weights.bin`, readable by `loadModel` and, served or through a file
 * handler, by `tf.loadLayersModel`.
 *
 * @param model Any tfjs model, compiled or not; the optimizer is not saved.
 * @param dir Directory of the model, or a link to it; made where missing. A model already there is replaced as a whole or
 *     not at all. It may hold nothing but a saved model, because it is replaced.
 * @throws ConfigError for an unusable option; CheckpointError where the directory holds other files, or where writing fails (disk full, no
 *     permission); the model that was there is then still there.
 */
export async function saveModel(
  model: tfl.LayersModel,
  dir: string,
  options: SaveModelOptions = {},
): Promise<void> {
  checkArguments('saveModel', options, OPTIONS);
  const {quantize, shardBytes} = options;
  if (quantize !== undefined) oneOf('saveModel', 'quantize', quantize, QUANTIZATIONS);
  if (shardBytes !== undefined) positiveInteger('saveModel', 'shardBytes', shardBytes);
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
    }),
  );
  if (!artifacts) throw new CheckpointError(`saveModel: the model must hand over its weights; it did not.`);
  await writeArtifacts(artifacts, dir, {}, options);
}

/** The part of saveModel after the model has been turned into bytes; tests pass operations that fail. */
export async function writeArtifacts(
  artifacts: tf.io.ModelArtifacts,
  dir: string,
  operations: Partial<Disk> = {},
  {quantize, shardBytes}: SaveModelOptions = {},
): Promise<void> {
  const all = tf.io.CompositeArrayBuffer.join(artifacts.weightData);
  const {weightData: _, weightSpecs = [], ...described} = artifacts;
  const weights = quantize
    ? quantizeWeights(weightSpecs, all, quantize)
    : {specs: weightSpecs, data: new Uint8Array(all)};
  const files = shards(weights.data, shardBytes);
  const topology: tf.io.ModelJSON = {
    ...described,
    modelTopology: artifacts.modelTopology as object,
    weightsManifest: [{paths: files.map(({name}) => name), weights: weights.specs}],
  };
  const json = {name: TOPOLOGY_FILE, bytes: new TextEncoder().encode(JSON.stringify(topology))};
  await replaceModel(dir, [...files, json], {...DISK, ...operations});
}

/** Writes files into a new directory, which then takes the place of the one that is there. */
async function replaceModel(
  dir: string,
  files: readonly {name: string; bytes: Uint8Array}[],
  disk: Disk,
): Promise<void> {
  let had = false;
  let staging: string | undefined;
  try {
    const target = await resolveLinks(dir);
    had = (await requireReplaceable(target, dir)) || (await partsOf(target, 'previous')).length > 0;
    // Before the model takes its place, and removed after that: until then it may be the only one.
    const stale = await staleParts(target, 'previous');
    for (const path of await staleParts(target, 'saving')) await disk.remove(path);
    staging = partName(target, 'saving');
    await disk.makeDirectory(staging);
    for (const {name, bytes} of files) await disk.write(join(staging, name), bytes);
    await disk.flushDirectory(staging);
    const former = await putInPlace(staging, target, dir, disk);
    staging = undefined;
    await disk.flushDirectory(dirname(target));
    // What cannot be removed is stale for the next save; the model itself is in its place.
    for (const path of [...former, ...stale]) await disk.remove(path).catch(() => {});
  } catch (error) {
    // What matters is the error that brought us here; a leftover directory is stale for the next save.
    if (staging !== undefined) await disk.remove(staging).catch(() => {});
    if (error instanceof SwintError) throw error;
    const state = had ? 'the model that was there is untouched' : 'nothing was left there';
    const old = staging === undefined ? 'the new model is there, but may not survive a power failure' : state;
    throw new CheckpointError(
      `saveModel(${dir}): the model must fit on the disk and be writable; got ${reason(error)}; ${old}` +
        `${hint(error)}.`,
      {cause: error},
    );
  }
}

/** @returns where the models are that were in the place. */
async function putInPlace(staging: string, target: string, dir: string, disk: Disk): Promise<string[]> {
  const former: string[] = [];
  for (let tries = 0; ; tries++) {
    try {
      await disk.rename(staging, target);
      return former;
    } catch (error) {
      if (tries === MOST_TRIES || !(await isOccupied(error, target))) {
        // Fails where another process has put its model there meanwhile: then nothing is missing.
        if (former.length > 0) await disk.rename(former.at(-1)!, target).catch(() => {});
        throw error;
      }
    }
    await requireReplaceable(target, dir);
    const previous = partName(target, 'previous');
    try {
      await disk.rename(target, previous);
      former.push(previous);
    } catch (error) {
      // Another process has just moved it away.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** Whether a directory could not get its name because there is one of that name. */
async function isOccupied(error: unknown, target: string): Promise<boolean> {
  const code = codeOf(error) ?? '';
  if (code === 'ENOTEMPTY' || code === 'EEXIST') return true;
  if (process.platform !== 'win32' || !['EPERM', 'EACCES'].includes(code)) return false;
  return stat(target).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** Whether there is a model to replace. A directory with anything else in it would lose that, so it is refused. */
async function requireReplaceable(target: string, dir: string): Promise<boolean> {
  let names: string[];
  try {
    names = await readdir(target);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw new CheckpointError(`saveModel(${dir}): the place must be a directory; got ${reason(error)}.`, {
      cause: error,
    });
  }
  const others = names.filter((name) => name !== TOPOLOGY_FILE && !isShard(name));
  if (others.length > 0) {
    throw new CheckpointError(
      `saveModel(${dir}): the directory must be new, empty or hold only a saved model, because it is replaced; ` +
        `got one that also holds ${others.slice(0, 3).join(', ')} (give the model a directory of its own, ` +
        `for example ${join(dir, 'model')}).`,
    );
  }
  return names.length > 0;
}

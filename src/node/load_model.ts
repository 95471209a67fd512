/**
 * Loads a model from a directory in tfjs's layers-model format: what `saveModel` wrote, `tf.LayersModel.save` or tfjs's
 * converter, quantised or not.
 *
 * The files may be anyone's. What they say is checked before anything is read or built by it (weights/model_json.ts,
 * weights/topology.ts, build_model.ts), so that time and memory are bounded by their size.
 */
import {open, stat} from 'node:fs/promises';
import {join} from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError, SwintError} from '../errors.js';
import {type ModelDescription, readModelJson} from '../weights/model_json.js';
import {checkTopology} from '../weights/topology.js';
import {buildModel} from './build_model.js';
import {codeOf, partsOf, reason, resolveLinks} from './disk.js';

const TOPOLOGY_FILE = 'model.json';

/** Far more than the topology of a model has. */
const MOST_TOPOLOGY_BYTES = 256 * 2 ** 20;

/** How often files are read anew because a save has replaced them meanwhile. */
const MOST_TRIES = 20;

/**
 * Loads what `saveModel` wrote, or any layers model in tfjs's format on disk. Layer classes of this library must have
 * been imported, as for `tf.loadLayersModel`. Where a save was killed at the moment of replacing a model, the former one is
 * loaded, and a warning says so.
 *
 * @param dir Directory that holds `model.json` and the weight files it names, which may be in folders below.
 * @throws CheckpointError where a file is missing, damaged or shorter than the manifest says, or where the
 *     topology names a layer class that is not registered.
 */
export async function loadModel(dir: string): Promise<tfl.LayersModel> {
  const who = `loadModel(${dir})`;
  if (typeof dir !== 'string' || /^[a-z][a-z0-9+.-]+:\/\//i.test(dir)) {
    throw new CheckpointError(
      `${who}: the model must be a directory; got a URL (tf.loadLayersModel takes one).`,
    );
  }
  const {description, weights} = await readFiles(who, dir);
  try {
    return await buildModel(description, weights);
  } catch (error) {
    throw new CheckpointError(
      `${who}: the topology must be one that the imported layer classes can build; got ${reason(error)} ` +
        `(layers of this library are registered by importing it).`,
      {cause: error},
    );
  }
}

interface ModelFiles {
  description: ModelDescription;
  weights: ArrayBuffer;
}

/** All files of one model, never model.json of one and weights of another that replaces it. */
async function readFiles(who: string, dir: string): Promise<ModelFiles> {
  for (let tries = 1; ; tries++) {
    const folder = await findModel(who, dir);
    const before = await identity(folder);
    let files: ModelFiles | undefined;
    let failure: unknown;
    try {
      files = await readFolder(who, folder);
    } catch (error) {
      failure = error;
    }
    const replaced = before !== (await identity(folder));
    if (replaced && tries < MOST_TRIES) continue;
    if (files && !replaced) return files;
    throw (
      failure ??
      new CheckpointError(`${who}: the files must stay as they are; they were replaced again and again.`)
    );
  }
}

/** The directory itself, or that of the former model where a killed save has left nothing in its place. */
async function findModel(who: string, dir: string): Promise<string> {
  let folder = dir;
  let missing: unknown;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    try {
      folder = await resolveLinks(dir);
      await stat(join(folder, TOPOLOGY_FILE));
      return folder;
    } catch (error) {
      missing = error;
      if (codeOf(error) !== 'ENOENT') break;
    }
    const [previous] = await partsOf(folder, 'previous');
    if (previous === undefined) continue;
    // A save that is still at work needs a moment between its two renames.
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (tries < 5) continue;
    console.warn(
      `tfjs-swint: ${who}: an interrupted save left no model there; the former one is loaded, from ${previous} ` +
        '(the next save puts things right, or rename it back).',
    );
    return previous;
  }
  throw new CheckpointError(
    `${who}: ${TOPOLOGY_FILE} must be readable; got ${reason(missing)} (is this the directory that saveModel wrote?).`,
    {cause: missing},
  );
}

/** Changes where a directory is replaced. */
async function identity(folder: string): Promise<string> {
  return stat(folder).then(
    ({dev, ino, mtimeMs}) => `${dev} ${ino} ${mtimeMs}`,
    () => 'none',
  );
}

async function readFolder(who: string, folder: string): Promise<ModelFiles> {
  const json = await readWhole(who, folder, TOPOLOGY_FILE, (bytes) => {
    if (bytes <= MOST_TOPOLOGY_BYTES) return;
    throw new CheckpointError(
      `${who}: ${TOPOLOGY_FILE} must have at most ${MOST_TOPOLOGY_BYTES} bytes; got ${bytes}.`,
    );
  });
  const description = readModelJson(who, json);
  checkTopology(who, description.modelTopology);
  const {paths, bytes: expected} = description;
  let total = 0;
  for (const path of paths) total += await sizeOf(who, folder, path);
  if (total !== expected) {
    throw new CheckpointError(
      `${who}: the weights must have the ${expected} bytes that ${TOPOLOGY_FILE} lists; got ${total} ` +
        `(${total < expected ? 'a copy that was cut short' : 'weights of another model'}?).`,
    );
  }
  const weights = new Uint8Array(expected);
  let at = 0;
  for (const path of paths) {
    const part = await readWhole(who, folder, path, (bytes) => {
      if (at + bytes <= expected) return;
      throw new CheckpointError(`${who}: ${path} must keep its size; it became longer.`);
    });
    weights.set(part, at);
    at += part.length;
  }
  return {description, weights: weights.buffer};
}

const unreadable = (who: string, path: string, error: unknown) =>
  new CheckpointError(`${who}: ${path} must be readable; got ${reason(error)}.`, {cause: error});

/** Bytes of an ordinary file: a pipe or a device may never come to an end. */
async function sizeOf(who: string, folder: string, path: string): Promise<number> {
  const entry = await stat(join(folder, path)).catch((error) => {
    throw unreadable(who, path, error);
  });
  if (entry.isFile()) return entry.size;
  throw new CheckpointError(`${who}: ${path} must be an ordinary file; got a directory, a pipe or a device.`);
}

async function readWhole(
  who: string,
  folder: string,
  path: string,
  check: (bytes: number) => void,
): Promise<Uint8Array> {
  check(await sizeOf(who, folder, path));
  try {
    const file = await open(join(folder, path), 'r');
    try {
      const bytes = await file.readFile();
      check(bytes.length);
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof SwintError ? error : unreadable(who, path, error);
  }
}

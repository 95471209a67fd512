/**
 * Models on disk, without tfjs-node: a directory with `model.json` (topology, weight manifest) and `weights.bin`
 * (all weights, in the manifest's order), which is tfjs's layers-model format, so that browsers load it by URL.
 *
 * A save never damages the model that is there. The new files are written and flushed in a directory beside it,
 * which then takes its place by renaming:
 *
 *     write model.swint-saving-* -> flush -> rename model to model.swint-previous
 *                                         -> rename model.swint-saving-* to model -> remove model.swint-previous
 *
 * A failure before the renames leaves the old model untouched; a crash between the two leaves it under
 * `.swint-previous`, where `loadModel` finds it and says so.
 */
import {randomBytes} from 'node:crypto';
import {mkdir, open, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {basename, dirname, join, resolve} from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError, SwintError} from '../errors.js';

const TOPOLOGY_FILE = 'model.json';
const WEIGHTS_FILE = 'weights.bin';

/** Writes one whole file and returns only when it is on the disk. */
export type FileWriter = (path: string, bytes: Uint8Array) => Promise<void>;

/**
 * Saves a model: `dir/model.json` and `dir/weights.bin`, readable by `loadModel` and, served or through a file
 * handler, by `tf.loadLayersModel`.
 *
 * @param model Any tfjs model, compiled or not; the optimizer is not saved.
 * @param dir Directory of the model; made where missing. A model already there is replaced as a whole or not at
 *     all. It may hold nothing but a saved model, because it is replaced.
 * @throws CheckpointError where the directory holds other files, or where writing fails (disk full, no
 *     permission); the model that was there is then still there.
 */
export async function saveModel(model: tfl.LayersModel, dir: string): Promise<void> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
    }),
  );
  if (!artifacts) throw new CheckpointError(`saveModel: the model must hand over its weights; it did not.`);
  await writeArtifacts(artifacts, dir);
}

/** The part of saveModel after the model has been turned into bytes; tests pass a writer that fails. */
export async function writeArtifacts(
  artifacts: tf.io.ModelArtifacts,
  dir: string,
  write: FileWriter = writeFlushed,
): Promise<void> {
  const target = resolve(dir);
  const previous = previousOf(target);
  const replaces = await requireReplaceable(target, dir);
  const staging = `${target}.swint-saving-${randomBytes(6).toString('hex')}`;
  const weights = tf.io.CompositeArrayBuffer.join(artifacts.weightData);
  const {weightData: _, weightSpecs = [], ...described} = artifacts;
  const topology: tf.io.ModelJSON = {
    ...described,
    modelTopology: artifacts.modelTopology as object,
    weightsManifest: [{paths: [WEIGHTS_FILE], weights: weightSpecs}],
  };
  try {
    await mkdir(staging, {recursive: true});
    await write(join(staging, WEIGHTS_FILE), new Uint8Array(weights));
    await write(join(staging, TOPOLOGY_FILE), new TextEncoder().encode(JSON.stringify(topology)));
    await flushDirectory(staging);
    if (replaces) {
      await rm(previous, {recursive: true, force: true});
      await rename(target, previous);
      await rename(staging, target).catch(async (error) => {
        await rename(previous, target);
        throw error;
      });
    } else {
      await rename(staging, target);
    }
  } catch (error) {
    await rm(staging, {recursive: true, force: true}).catch(() => {
      // What matters is the error that brought us here; a leftover directory carries a name that says what it is.
    });
    if (error instanceof SwintError) throw error;
    const old = replaces ? 'the model that was there is untouched' : 'nothing was left there';
    throw new CheckpointError(
      `saveModel(${dir}): the model must fit on the disk and be writable; got ${reason(error)}; ${old}` +
        `${hint(error)}.`,
      {cause: error},
    );
  }
  await flushDirectory(dirname(target));
  await rm(previous, {recursive: true, force: true});
}

/**
 * Loads what `saveModel` wrote, or any layers model in tfjs's format on disk. Layer classes of this library must have
 * been imported, as for `tf.loadLayersModel`.
 *
 * @param dir Directory that holds `model.json` and the weight files it names.
 * @throws CheckpointError where a file is missing, damaged or shorter than the manifest says, or where the
 *     topology names a layer class that is not registered.
 */
export async function loadModel(dir: string): Promise<tfl.LayersModel> {
  const fail = (problem: string, cause?: unknown) =>
    new CheckpointError(`loadModel(${dir}): ${problem}`, {cause});
  const json = await read(join(dir, TOPOLOGY_FILE), async (error) => {
    const previous = previousOf(resolve(dir));
    const interrupted = await stat(previous).then(
      () => true,
      () => false,
    );
    const advice = interrupted
      ? `an interrupted save left the former model in ${previous}; rename it back`
      : 'is this the directory that saveModel wrote?';
    return fail(`${TOPOLOGY_FILE} must be readable; got ${reason(error)} (${advice}).`, error);
  });
  let topology: tf.io.ModelJSON;
  try {
    topology = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw fail(
      `${TOPOLOGY_FILE} must be JSON; got ${json.length} bytes that are not: ${reason(error)}.`,
      error,
    );
  }
  if (topology?.modelTopology == null || !Array.isArray(topology.weightsManifest)) {
    throw fail(
      `${TOPOLOGY_FILE} must hold modelTopology and weightsManifest; got ${keysOf(topology)} ` +
        `(a graph model or another program's file?).`,
    );
  }
  const specs = topology.weightsManifest.flatMap((group) => group.weights);
  const files: Buffer[] = [];
  for (const path of topology.weightsManifest.flatMap((group) => group.paths)) {
    files.push(
      await read(join(dir, path), async (error) =>
        fail(`${path} must be readable; got ${reason(error)}.`, error),
      ),
    );
  }
  const bytes = Buffer.concat(files);
  const expected = specs.reduce((sum, spec) => sum + bytesOf(spec), 0);
  if (bytes.length !== expected) {
    throw fail(
      `the weights must have the ${expected} bytes that ${TOPOLOGY_FILE} lists; got ${bytes.length} ` +
        `(${bytes.length < expected ? 'a copy that was cut short' : 'weights of another model'}?).`,
    );
  }
  const weightData = new Uint8Array(bytes).buffer;
  try {
    return await tfl.loadLayersModel(
      tf.io.fromMemory({
        modelTopology: topology.modelTopology,
        weightSpecs: specs,
        weightData,
        userDefinedMetadata: topology.userDefinedMetadata,
      }),
    );
  } catch (error) {
    throw fail(
      `the topology must be one that the imported layer classes can build; got ${reason(error)} ` +
        `(layers of this library are registered by importing it).`,
      error,
    );
  }
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
  const others = names.filter((name) => name !== TOPOLOGY_FILE && name !== WEIGHTS_FILE);
  if (others.length > 0) {
    throw new CheckpointError(
      `saveModel(${dir}): the directory must be new, empty or hold only a saved model, because it is replaced; ` +
        `got one that also holds ${others.slice(0, 3).join(', ')} (give the model a directory of its own, ` +
        `for example ${join(dir, 'model')}).`,
    );
  }
  return true;
}

const previousOf = (target: string) => join(dirname(target), `${basename(target)}.swint-previous`);

const writeFlushed: FileWriter = async (path, bytes) => {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Makes the names in a directory durable. Windows cannot open a directory and orders renames by itself. */
async function flushDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function read(path: string, failure: (error: unknown) => Promise<Error>): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw await failure(error);
  }
}

function bytesOf(spec: tf.io.WeightsManifestEntry): number {
  const size = spec.shape.reduce((product, extent) => product * extent, 1);
  return size * tf.util.bytesPerElement((spec.quantization?.dtype ?? spec.dtype) as tf.DataType);
}

function keysOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `the keys ${Object.keys(value).slice(0, 6).join(', ') || '(none)'}`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function hint(error: unknown): string {
  if (codeOf(error) === 'ENOSPC') return ' (free some space or choose another disk)';
  if (codeOf(error) === 'EACCES' || codeOf(error) === 'EROFS')
    return ' (choose a directory you may write to)';
  return '';
}

/**
 * What a `model.json` of tfjs's layers-model format has to be before anything is read or built by it:
 *
 *     {modelTopology: {class_name, config} or {model_config: {..}}, weightsManifest: [{paths: [..], weights: [..]}, ..]}
 *
 *     weight = {name, shape, dtype, quantization?: {dtype, min, scale}}
 *     bytes  = product of the shape x bytes of quantization.dtype, else of dtype
 *
 * Weights quantised by tfjs's converter hold uint8 or uint16 q for the value min + scale q, or float16.
 *
 * Source: tensorflow/tfjs, tfjs-core/src/io/types.ts and weights_loader.ts; tfjs-converter, write_weights.py.
 */

import type * as tf from '@tensorflow/tfjs-core';
import {CheckpointError} from '../errors.js';
import {isSize} from './is_size.js';

/** Bytes of an element of a layer's weight. */
const DTYPE_BYTES: Readonly<Record<string, number>> = {float32: 4, int32: 4, bool: 1};
/** The same of a quantised one. */
const QUANTIZED_BYTES: Readonly<Record<string, number>> = {uint8: 1, uint16: 2, float16: 2};

/** What is needed of a model.json that keeps to the format. */
export interface ModelDescription {
  modelTopology: object;
  userDefinedMetadata?: Record<string, unknown>;
  /** Files of the weights, relative to model.json, none twice. */
  paths: string[];
  /** One after the other in the files. */
  specs: tf.io.WeightsManifestEntry[];
  /** Bytes and elements of all weights. */
  bytes: number;
  elements: number;
}

/** The error for a rule and what came. */
type Fail = (rule: string, got: string) => CheckpointError;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value as it is printed: short. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'none';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/**
 * @param who The loader and its file, for messages.
 * @throws CheckpointError for what is not in the format, names a file outside of the folder, or could not be built.
 */
export function readModelJson(who: string, bytes: Uint8Array): ModelDescription {
  const fail: Fail = (rule, got) => new CheckpointError(`${who}: model.json ${rule}; got ${got}.`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
  } catch (error) {
    throw fail('must be JSON', `${bytes.length} bytes that are not: ${(error as Error).message}`);
  }
  if (!isObject(json) || !isObject(json.modelTopology) || !Array.isArray(json.weightsManifest)) {
    throw fail(
      'must hold modelTopology and weightsManifest',
      `${keysOf(json)} (a graph model or another program's file?)`,
    );
  }
  const {modelTopology, userDefinedMetadata} = json;
  if (userDefinedMetadata !== undefined && userDefinedMetadata !== null && !isObject(userDefinedMetadata)) {
    throw fail('must hold userDefinedMetadata that is an object', shown(userDefinedMetadata));
  }
  return {
    modelTopology,
    userDefinedMetadata: isObject(userDefinedMetadata) ? userDefinedMetadata : undefined,
    ...readManifest(json.weightsManifest, fail),
  };
}

function keysOf(value: unknown): string {
  if (!isObject(value)) return shown(value);
  return `the keys ${Object.keys(value).slice(0, 6).join(', ').slice(0, 80) || '(none)'}`;
}

function readManifest(manifest: readonly unknown[], fail: Fail) {
  const paths: string[] = [];
  const specs: tf.io.WeightsManifestEntry[] = [];
  let [bytes, elements] = [0, 0];
  const names = new Set<string>();
  for (const group of manifest) {
    if (!isObject(group) || !Array.isArray(group.paths) || !Array.isArray(group.weights)) {
      throw fail('must list paths and weights in each group of weightsManifest', shown(group));
    }
    for (const path of group.paths) {
      checkPath(path, fail);
      if (paths.length >= 10_000) throw fail('must name at most 10000 files', 'more');
      paths.push(path);
    }
    for (const weight of group.weights) {
      const spec = readSpec(weight, fail);
      if (names.has(spec.name)) throw fail('must name every weight once', `${shown(spec.name)} twice`);
      names.add(spec.name);
      const size = spec.shape.reduce((product, extent) => product * extent, 1);
      const width = spec.quantization ? QUANTIZED_BYTES[spec.quantization.dtype] : DTYPE_BYTES[spec.dtype];
      elements += size;
      bytes += size * width;
      if (!Number.isSafeInteger(bytes)) throw fail('must list weights that a file can hold', shown(weight));
      specs.push(spec);
    }
  }
  if (new Set(paths).size < paths.length) throw fail('must name every file once', 'one twice');
  return {paths, specs, bytes, elements};
}

/** A file below the folder of model.json: nothing that leaves it, on any system. */
function checkPath(path: unknown, fail: Fail): asserts path is string {
  const parts = typeof path === 'string' ? path.split('/') : [];
  const inside = parts.length > 0 && parts.every((part) => !['', '.', '..'].includes(part));
  if (inside && !/[\\:\0]/.test(path as string)) return;
  throw fail('must name files of weights below its own folder, as a/b.bin', shown(path));
}

function readSpec(weight: unknown, fail: Fail): tf.io.WeightsManifestEntry {
  // tfjs keeps weights in an object by their names, where __proto__ means something else.
  const named =
    isObject(weight) && typeof weight.name === 'string' && !['', '__proto__'].includes(weight.name);
  if (!named) {
    throw fail('must give every weight a name', shown(weight));
  }
  const {shape, dtype, quantization, group} = weight;
  const name = weight.name as string;
  const who = `must give weight ${shown(name)}`;
  if (!Array.isArray(shape) || shape.length > 32 || !shape.every(isSize)) {
    throw fail(`${who} a shape of sizes from 0`, shown(shape));
  }
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    throw fail(`${who} the dtype float32, int32 or bool`, shown(dtype));
  }
  const spec: tf.io.WeightsManifestEntry = {name, shape, dtype: dtype as 'float32' | 'int32' | 'bool'};
  // The state of an optimizer, which tfjs may save too.
  if (group === 'optimizer') spec.group = group;
  if (quantization === undefined || quantization === null) return spec;
  if (!isObject(quantization)) throw fail(`${who} a quantization that is an object`, shown(quantization));
  const {dtype: stored, min, scale} = quantization;
  if (typeof stored !== 'string' || !Object.hasOwn(QUANTIZED_BYTES, stored)) {
    throw fail(`${who} the quantization uint8, uint16 or float16`, shown(stored));
  }
  const affine = stored !== 'float16';
  if (dtype === 'bool' || (dtype === 'int32' && !affine)) {
    throw fail(`${who} a quantization that goes with ${dtype}`, shown(stored));
  }
  if (affine && !(Number.isFinite(min) && Number.isFinite(scale))) {
    throw fail(`${who} a finite min and scale of its quantization`, shown(quantization));
  }
  return {
    ...spec,
    quantization: {dtype: stored, min, scale} as NonNullable<tf.io.WeightsManifestEntry['quantization']>,
  };
}

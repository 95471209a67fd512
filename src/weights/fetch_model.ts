/**
 * A model behind URLs, in tfjs's layers-model format: what `saveModel` wrote, served as files. What model.json says is
 * checked before anything is built by it, as for models on the disk.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError} from '../errors.js';
import {type FetchOptions, fetchBytes} from './fetch_bytes.js';
import {type ModelDescription, readModelJson} from './model_json.js';
import {checkTopology} from './topology.js';

/** Where the files of a model are. */
export interface ModelUrls {
  /** Of model.json. */
  model: URL;
  /** Of a file of weights, by the path that model.json names. */
  weights: (path: string) => URL;
}

/** Far more than the topology of a model has. */
const MOST_TOPOLOGY_BYTES = 2 ** 28;

/** Where the files are of a model of which nothing is known but the URL of its model.json. */
export function besideModelJson(model: URL): ModelUrls {
  return {model, weights: (path) => new URL(path.split('/').map(encodeURIComponent).join('/'), model)};
}

/** The files of a model, checked as far as that needs no building. */
export interface FetchedFiles {
  description: ModelDescription;
  weights: ArrayBuffer;
}

/**
 * @param who The loader, for messages.
 * @throws CheckpointError where a file cannot be fetched, is damaged or shorter than model.json says; ConfigError for an
 *     unusable option.
 */
export async function fetchModelFiles(
  who: string,
  urls: ModelUrls,
  options: FetchOptions = {},
): Promise<FetchedFiles> {
  const maxBytes = Math.min(options.maxBytes ?? MOST_TOPOLOGY_BYTES, MOST_TOPOLOGY_BYTES);
  const {signal, timeout} = options;
  const json = await fetchBytes(urls.model, {signal, timeout, maxBytes}, () => {});
  const description = readModelJson(who, json);
  checkTopology(who, description.modelTopology);
  const weights = await joined(who, urls, description, options);
  return {description, weights: weights.buffer as ArrayBuffer};
}

/**
 * The model, built as tfjs builds it.
 *
 * @throws as `fetchModelFiles`, and CheckpointError where the topology names a layer class that is not registered.
 */
export async function fetchModel(
  who: string,
  urls: ModelUrls,
  options: FetchOptions = {},
): Promise<tfl.LayersModel> {
  const {description, weights} = await fetchModelFiles(who, urls, options);
  const {modelTopology, userDefinedMetadata, specs} = description;
  const artifacts = {modelTopology, userDefinedMetadata, weightSpecs: specs, weightData: weights};
  return tfl.loadLayersModel(tf.io.fromMemory(artifacts)).catch((error: unknown) => {
    throw cannotBeBuilt(who, error);
  });
}

/** The error for a topology that tfjs refuses. */
export function cannotBeBuilt(who: string, error: unknown): CheckpointError {
  return new CheckpointError(
    `${who}: the topology must be one that the imported layer classes can build; got ${(error as Error).message} ` +
      '(layers of this library are registered by importing it).',
    {cause: error},
  );
}

/** The weights' files, one after the other. */
async function joined(
  who: string,
  urls: ModelUrls,
  {paths, bytes}: ModelDescription,
  options: FetchOptions,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let loaded = 0;
  for (const path of paths) {
    const onProgress =
      options.onProgress &&
      ((part: {loaded: number}) => options.onProgress!({loaded: loaded + part.loaded, total: bytes}));
    const part = await fetchBytes(urls.weights(path), {...options, onProgress}, () => {});
    parts.push(part);
    loaded += part.length;
  }
  if (loaded !== bytes) {
    throw new CheckpointError(
      `${who}: the weights must have the ${bytes} bytes that model.json lists; got ${loaded} ` +
        `(${loaded < bytes ? 'a copy that was cut short' : 'weights of another model'}?).`,
    );
  }
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Trained networks that come with the package, read from its files:
 *
 *     const [best] = await classify(await pretrained('swin-resnet-cifar10'), 'photo.jpg');
 */
import {stat} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type * as tfl from '@tensorflow/tfjs-layers';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showValue} from '../../kernels/common/show_value.js';
import {CheckpointError, ConfigError} from '../errors.js';
import {pretrained as fetchPretrained} from '../pretrained.js';
import {checkPretrainedName, type PretrainedName} from '../pretrained_models.js';
import {checkFetchOptions, type FetchOptions} from '../weights/fetch_bytes.js';
import {loadModel} from './load_model.js';

/**
 * Beside baseUrl what a download takes; of it signal and onProgress, which tells once that all of the weights are there, are
 * heeded for files on the disk too.
 */
export interface PretrainedOptions extends FetchOptions {
  /** A copy of the package's folder pretrained/: a path or a URL; default the package's own. */
  baseUrl?: string | URL;
}

const OPTIONS = {
  ...{baseUrl: true, signal: true, timeout: true, maxBytes: true, onProgress: true},
} as const satisfies ArgumentNames<PretrainedOptions>;

/**
 * Loads a trained network; see `pretrained` of tfjs-swint.
 *
 * @param name See `pretrainedModels`.
 * @param options baseUrl, and signal, timeout, maxBytes, onProgress as for `loadWeights`.
 * @throws ConfigError for an unknown name or option; CheckpointError where the files are missing or damaged; the signal's
 *     reason.
 */
export async function pretrained(
  name: PretrainedName,
  options: PretrainedOptions = {},
): Promise<tfl.LayersModel> {
  checkPretrainedName(name);
  checkArguments('pretrained', options, OPTIONS);
  const {baseUrl, ...fetching} = options;
  checkFetchOptions(`pretrained(${name})`, fetching);
  if (/^https?:/i.test(String(baseUrl))) return fetchPretrained(name, options);
  const {signal, onProgress} = fetching;
  signal?.throwIfAborted();
  const folder = join(baseUrl === undefined ? packageFolder() : pathOf(name, baseUrl), name);
  try {
    const model = await loadModel(folder);
    if (onProgress) {
      const {size} = await stat(join(folder, 'weights.bin'));
      onProgress({loaded: size, total: size});
    }
    if (signal?.aborted) model.dispose();
    signal?.throwIfAborted();
    return model;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const fix = baseUrl === undefined ? ' (is the package installed as a whole?)' : '';
    throw new CheckpointError(
      `pretrained(${name}): ${folder} must hold the network${fix}; got ${error.message}`,
      {cause: error},
    );
  }
}

/** The folder of the networks in the package, whether this file runs from its source or compiled. */
function packageFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('tfjs-swint/package.json')), 'pretrained');
}

function pathOf(name: PretrainedName, baseUrl: string | URL): string {
  if (typeof baseUrl === 'string' && baseUrl !== '' && !/^[a-z][a-z0-9+.-]+:\/\//i.test(baseUrl))
    return baseUrl;
  try {
    return fileURLToPath(baseUrl);
  } catch {
    throw new ConfigError(
      `pretrained(${name}): baseUrl must be the path or the URL of a folder that holds ${name}/model.json; got ` +
        `${showValue(baseUrl)}.`,
    );
  }
}

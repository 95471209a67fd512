/**
 * Trained networks that come with the package, read from its files:
 *
 *     const [best] = await classify(await pretrained('swin-resnet-cifar10'), 'photo.jpg');
 */
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkArguments} from '../../kernels/common/known_arguments.js';
import {showValue} from '../../kernels/common/show_value.js';
import {CheckpointError, ConfigError} from '../errors.js';
import {pretrained as fetchPretrained} from '../pretrained.js';
import {checkPretrainedName, type PretrainedName} from '../pretrained_models.js';
import {loadModel} from './load_model.js';

export interface PretrainedOptions {
  /** A copy of the package's folder pretrained/: a path or a URL; default the package's own. */
  baseUrl?: string | URL;
}

/**
 * Loads a trained network; see `pretrained` of tfjs-swint.
 *
 * @param name See `pretrainedModels`.
 * @throws ConfigError for an unknown name or option; CheckpointError where the files are missing or damaged.
 */
export async function pretrained(
  name: PretrainedName,
  options: PretrainedOptions = {},
): Promise<tfl.LayersModel> {
  checkPretrainedName(name);
  checkArguments('pretrained', options, {baseUrl: true});
  const {baseUrl} = options;
  if (/^https?:/i.test(String(baseUrl))) return fetchPretrained(name, {baseUrl});
  const folder = join(baseUrl === undefined ? packageFolder() : pathOf(name, baseUrl), name);
  try {
    return await loadModel(folder);
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

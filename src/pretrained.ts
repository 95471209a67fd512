/**
 * Trained networks that come with the package, fetched when they are asked for:
 *
 *     const [best] = await classify(await pretrained('swin-resnet-cifar10'), document.querySelector('img'));
 *
 * The files are those of `saveModel`, in pretrained/<name>/ of the package.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {CheckpointError, ConfigError} from './errors.js';
import {PRETRAINED_FILES} from './pretrained_files.js';
import {checkPretrainedName, type PretrainedName} from './pretrained_models.js';
import type {FetchOptions} from './weights/fetch_bytes.js';
import {besideModelJson, fetchModel, type ModelUrls} from './weights/fetch_model.js';

export interface PretrainedOptions extends FetchOptions {
  /**
   * URL of a copy of the package's folder pretrained/, in a browser also relative to the page; default the package's own. Vite
   * and webpack 5 copy the files by themselves; after Rollup and esbuild they have to be copied, and this says where to.
   */
  baseUrl?: string | URL;
}

const OPTIONS = {
  ...{baseUrl: true, signal: true, timeout: true, maxBytes: true, onProgress: true},
} as const satisfies ArgumentNames<PretrainedOptions>;

/**
 * Loads a trained network. It knows its classes and how its images are prepared, so that `classify` and `predictSegmentation`
 * take any picture.
 *
 * @param name See `pretrainedModels`, which also says what the network was trained on and what it reaches.
 * @param options baseUrl, and signal, timeout, maxBytes, onProgress as for `loadWeights`.
 * @throws ConfigError for an unknown name, an unusable option, or in Node (where tfjs-swint/node has one that reads files);
 *     CheckpointError where the files cannot be fetched.
 */
export async function pretrained(
  name: PretrainedName,
  options: PretrainedOptions = {},
): Promise<tfl.LayersModel> {
  checkPretrainedName(name);
  checkArguments('pretrained', options, OPTIONS);
  const {baseUrl, ...fetching} = options;
  const who = `pretrained(${name})`;
  const urls = baseUrl === undefined ? inPackage(name) : below(who, baseUrl, name);
  if (urls.model.protocol === 'file:') {
    throw new ConfigError(
      `${who}: the files must have a URL that can be fetched; got ${urls.model.href} (in Node: import {pretrained} from ` +
        "'tfjs-swint/node'; in a browser serve the folder pretrained of the package and give its URL as baseUrl).",
    );
  }
  try {
    return await fetchModel(who, urls, fetching);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const fix =
      baseUrl === undefined
        ? ' A bundler that does not follow new URL(..., import.meta.url) leaves the files behind: copy ' +
          'node_modules/tfjs-swint/pretrained beside the page and give its URL as baseUrl.'
        : '';
    throw new CheckpointError(`${error.message.startsWith(who) ? '' : `${who}: `}${error.message}${fix}`, {
      cause: error,
    });
  }
}

/** The weights are one file, which a bundler may have given another name. */
function inPackage(name: PretrainedName): ModelUrls {
  const {model, weights} = PRETRAINED_FILES[name]();
  return {model, weights: () => weights};
}

function below(who: string, baseUrl: string | URL, name: PretrainedName): ModelUrls {
  const page = (globalThis as {location?: {href: string}}).location?.href;
  try {
    const folder = new URL(baseUrl, page);
    folder.pathname = `${folder.pathname.replace(/\/$/, '')}/${name}/`;
    return besideModelJson(new URL('model.json', folder));
  } catch {
    throw new ConfigError(
      `${who}: baseUrl must be the URL of a folder that holds ${name}/model.json; got ${showValue(baseUrl)}.`,
    );
  }
}

/**
 * Checkpoints that are not here: on a hub of models (hub_address.ts) or behind any URL, with what the files beside them say
 * (hub_config.ts). What comes from a hub is kept (download.ts); what comes from another server, where `cache` says so.
 */
import type {ArgumentNames} from '../../kernels/common/known_arguments.js';
import {showValue} from '../../kernels/common/show_value.js';
import {preparation} from '../data/preprocess.js';
import {CheckpointError, ConfigError} from '../errors.js';
import {type ByteSource, bytesSource, type ShardIndex} from './byte_source.js';
import {type Downloaded, type DownloadSettings, download} from './download.js';
import {browserStore, type DownloadStore} from './download_store.js';
import {checkFetchOptions, FetchError, type FetchOptions} from './fetch_bytes.js';
import {endpointOf, type HubAddress, hubUrl, isCommit, isHubAddress, parseHubAddress} from './hub_address.js';
import {type CheckpointDescription, describe} from './hub_config.js';
import {checkStart} from './open_checkpoint.js';
import {readIndex, startsAsIndex} from './sharded.js';

export interface DownloadOptions extends FetchOptions {
  /**
   * Whether downloads are kept: true, false, or where, in a browser the name of a Cache, in Node a folder. Default true for
   * files of a hub, where there is a Cache API or in Node, and false for other URLs.
   */
  cache?: boolean | string;
  /** Whether only the cache is read and no server asked. Default false; in Node the environment's HF_HUB_OFFLINE. */
  offline?: boolean;
  /** URL of a mirror of the hub. Default the hub; in Node the environment's HF_ENDPOINT. */
  endpoint?: string | URL;
}

/** The names of the options. */
export const DOWNLOAD_OPTIONS = {
  ...{signal: true, timeout: true, maxBytes: true, onProgress: true},
  ...{cache: true, offline: true, endpoint: true},
} as const satisfies ArgumentNames<DownloadOptions>;

/** What is different in Node. */
export interface DownloadPlace {
  /** The store that the option `cache` means. */
  store(who: string, cache: boolean | string | undefined): Promise<DownloadStore | undefined>;
  endpoint?: string;
  offline?: boolean;
}

const BROWSER: DownloadPlace = {store: browserStore};

/** A checkpoint that has come. */
export interface FetchedCheckpoint {
  source: ByteSource;
  /** Where it came from, and how it was checked. */
  origin: CheckpointOrigin;
  /** Reads the files beside it. */
  describe(): Promise<CheckpointDescription>;
}

export interface CheckpointOrigin extends Omit<Downloaded, 'bytes'> {
  /** Of the file. */
  url: string;
}

/** Names of weights in a repository, the better first. */
const WEIGHT_FILES = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

/** Far more than a configuration with the names of 22,000 classes. */
const MOST_CONFIG_BYTES = 2 ** 24;

/** @throws ConfigError, in the name of `who`, for an unusable option. */
export function checkDownloadOptions(who: string, options: DownloadOptions): void {
  checkFetchOptions(who, options);
  const {cache, offline, endpoint} = options;
  if (cache !== undefined && typeof cache !== 'boolean' && (typeof cache !== 'string' || cache === '')) {
    throw new ConfigError(
      `${who}: cache must be true, false or where downloads are kept; got ${showValue(cache)}.`,
    );
  }
  if (offline !== undefined && typeof offline !== 'boolean') {
    throw new ConfigError(`${who}: offline must be true or false; got ${showValue(offline)}.`);
  }
  if (endpoint !== undefined) endpointOf(who, endpoint);
}

/**
 * @param source An address on a hub, or a URL, in a browser also relative to the page.
 * @throws CheckpointError for what cannot be fetched, is damaged, or is no checkpoint; ConfigError for an unusable option.
 */
export async function fetchCheckpoint(
  who: string,
  source: string | URL,
  options: DownloadOptions,
  place: DownloadPlace = BROWSER,
): Promise<FetchedCheckpoint> {
  const address = isHubAddress(source) ? parseHubAddress(source) : undefined;
  const {
    cache = address ? undefined : false,
    offline = (address && place.offline) ?? false,
    endpoint,
    ...fetching
  } = options;
  const store = await place.store(who, cache);
  if (offline && !store) {
    throw new ConfigError(`${who}: offline needs a cache; got offline: true without one (cache: true).`);
  }
  const settings = {...fetching, store, offline, unchanging: address !== undefined && isCommit(address)};
  const name = String(source).slice(0, 200);
  const check = (start: Uint8Array) => checkStart(name, start);
  const get = (url: URL) => download(url, settings, check);
  const found = address
    ? await hubFile(address, endpointOf(who, endpoint ?? place.endpoint), get)
    : {url: urlOf(source), ...(await get(urlOf(source)))};
  const {bytes, url, ...how} = found;
  const beside = async (file: string) => {
    if (!/^https?:$/.test(url.protocol)) return undefined;
    const {onProgress, ...quiet} = settings;
    const most = Math.min(settings.maxBytes ?? MOST_CONFIG_BYTES, MOST_CONFIG_BYTES);
    try {
      return (await download(new URL(file, url), {...quiet, maxBytes: most})).bytes;
    } catch (error) {
      // A server that is no hub may refuse what it does not know in other words.
      if (error instanceof FetchError && (isAbsent(error) || (!address && error.kind === 'status'))) {
        return undefined;
      }
      throw error;
    }
  };
  const file = bytesSource(bytes, name);
  return {
    source: startsAsIndex(bytes) ? await withShards(file, url, settings) : file,
    origin: {url: url.href, ...how},
    describe: async () =>
      checked(
        describe(
          objectOf(new URL('config.json', url), await beside('config.json'), !address),
          objectOf(
            new URL('preprocessor_config.json', url),
            await beside('preprocessor_config.json'),
            !address,
          ),
        ),
      ),
  };
}

/** An index with the files that it names. */
async function withShards(file: ByteSource, url: URL, settings: DownloadSettings): Promise<ByteSource> {
  const index = readIndex(file);
  const shards = await fetchShards(index, url, settings);
  return {...file, index, beside: (name) => shards.get(name)!};
}

/** The files that an index names, from beside it; limits and progress are those of all together. */
async function fetchShards(
  {files, totalSize}: ShardIndex,
  index: URL,
  {onProgress, maxBytes, ...settings}: DownloadSettings,
): Promise<Map<string, ByteSource>> {
  const shards = new Map<string, ByteSource>();
  let before = 0;
  for (const file of files) {
    const url = new URL(encodeURIComponent(file), index);
    const {bytes} = await download(
      url,
      {
        ...settings,
        ...(maxBytes !== undefined && {maxBytes: Math.max(1, maxBytes - before)}),
        ...(onProgress && {
          // The index counts tensors alone, the files have headers too.
          onProgress: ({loaded}) =>
            onProgress({loaded: before + loaded, total: totalSize && Math.max(totalSize, before + loaded)}),
        }),
      },
      (start) => checkStart(url.href, start),
    );
    before += bytes.length;
    shards.set(file, bytesSource(bytes, url.href));
  }
  return shards;
}

/** A relative one belongs to the page; what is none is refused where it is fetched. */
function urlOf(source: string | URL): URL {
  const page = (globalThis as {location?: {href: string}}).location?.href;
  return URL.canParse(String(source), page) ? new URL(source, page) : (source as URL);
}

type Found = Downloaded & {url: URL};

/** The file that an address names, or the first of the usual names that the repository has. */
async function hubFile(
  address: HubAddress,
  endpoint: URL,
  get: (url: URL) => Promise<Downloaded>,
): Promise<Found> {
  const files = address.file === undefined ? WEIGHT_FILES : [address.file];
  let absent: FetchError | undefined;
  for (const file of files) {
    const url = hubUrl(address, file, endpoint);
    try {
      return {url, ...(await get(url))};
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      if (error.status === 401 || error.status === 403) {
        throw new CheckpointError(
          `${address.text}: the repository must be there and open to everybody; got status ${error.status} for ${url.href} ` +
            '(is the name right? Of a private one, download the file and give its path).',
          {cause: error},
        );
      }
      if (!isAbsent(error)) throw error;
      absent ??= error;
    }
  }
  if (address.file !== undefined) throw absent;
  throw new CheckpointError(
    `${address.text}: the repository must have model.safetensors or pytorch_model.bin, or the index of either, at ` +
      `revision ${address.revision}; got ${absent?.message.replace(/\.$/, '')} (is the name right? hf:owner/name/file names another file).`,
    {cause: absent},
  );
}

/** Whether a server, or offline the cache, has no such file. */
const isAbsent = ({kind, status}: FetchError) => kind === 'absent' || status === 404;

/** Of a server that is no hub, anything may come under this name. */
function objectOf(
  url: URL,
  bytes: Uint8Array | undefined,
  lenient: boolean,
): Readonly<Record<string, unknown>> | undefined {
  if (!bytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  if (lenient) return undefined;
  throw new CheckpointError(`${url.href}: the file must be a JSON object; got something else.`);
}

/** Leaves out how images are prepared where that cannot be done. */
function checked(description: CheckpointDescription): CheckpointDescription {
  const {classNames, ...prepared} = description.metadata;
  try {
    preparation('config.json', prepared);
    return description;
  } catch (error) {
    const notes = [...description.notes, (error as Error).message];
    return {...description, metadata: classNames ? {classNames} : {}, notes};
  }
}

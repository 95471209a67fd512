/**
 * Where downloads are kept, whole ones and those that broke off. In a browser it is its Cache API, by default one named
 * 'tfjs-swint'; in Node a folder (src/node/hub_cache.ts).
 *
 *     URL                        the file, with its ETag
 *     URL?swint-part=OFFSET      bytes from there on of a download that broke off, with the ETag that all of them share
 */
import {CheckpointError, ConfigError} from '../errors.js';

export interface StoredFile {
  bytes: Uint8Array;
  /** The server's name for this content. */
  etag?: string;
}

/** Keeps files by their URL. All methods reject with CheckpointError where the place cannot be read or written. */
export interface DownloadStore {
  /** The file as a whole, or undefined. */
  find(url: string): Promise<StoredFile | undefined>;
  /** The beginning of a file whose download broke off. */
  findPart(url: string): Promise<Required<StoredFile> | undefined>;
  /** Keeps bytes of a download that goes on: those from `offset` on, which follow the ones before. */
  keepPart(url: string, part: Required<StoredFile>, offset: number): Promise<void>;
  /** Keeps a whole file, in place of another, and removes its parts. */
  keep(url: string, file: StoredFile): Promise<void>;
  /** Removes the parts. */
  dropPart(url: string): Promise<void>;
}

const DEFAULT_NAME = 'tfjs-swint';

/**
 * The store in a browser.
 *
 * @param cache The name of the Cache; true for ours.
 * @throws ConfigError where there is no Cache API and it was asked for.
 */
export async function browserStore(
  who: string,
  cache: boolean | string | undefined,
): Promise<DownloadStore | undefined> {
  if (cache === false) return undefined;
  if (typeof caches === 'undefined') {
    if (cache === undefined) return undefined;
    throw new ConfigError(
      `${who}: cache must be false where there is no Cache API; got ${JSON.stringify(cache)} (a page has it over https or on ` +
        "localhost; in Node, the functions of 'tfjs-swint/node' keep downloads in a folder).",
    );
  }
  const name = typeof cache === 'string' ? cache : DEFAULT_NAME;
  return cacheStore(name, await guarded(name, () => caches.open(name)));
}

function cacheStore(name: string, cache: Cache): DownloadStore {
  const partUrl = (url: string, offset: number) => {
    const address = new URL(url);
    address.searchParams.set('swint-part', String(offset));
    return address.href;
  };
  const read = async (url: string): Promise<StoredFile | undefined> => {
    const response = await cache.match(url);
    if (!response) return undefined;
    const etag = response.headers.get('x-swint-etag') ?? undefined;
    return {bytes: new Uint8Array(await response.arrayBuffer()), ...(etag === undefined ? {} : {etag})};
  };
  const write = (url: string, {bytes, etag}: StoredFile) =>
    cache.put(
      url,
      new Response(bytes as Uint8Array<ArrayBuffer>, {
        headers: etag === undefined ? {} : {'x-swint-etag': etag},
      }),
    );
  const partsOf = async (url: string) => {
    const parts: StoredFile[] = [];
    for (let offset = 0, part = await read(partUrl(url, 0)); part && part.bytes.length > 0; ) {
      parts.push(part);
      offset += part.bytes.length;
      part = await read(partUrl(url, offset));
    }
    return parts;
  };
  const dropPart = async (url: string) => {
    for (let offset = 0; ; ) {
      const part = await read(partUrl(url, offset));
      if (!part) return;
      await cache.delete(partUrl(url, offset));
      if (part.bytes.length === 0) return;
      offset += part.bytes.length;
    }
  };
  return {
    find: (url) => guarded(name, () => read(url)),
    findPart: (url) =>
      guarded(name, async () => {
        const [first, ...others] = await partsOf(url);
        if (first?.etag === undefined || others.some(({etag}) => etag !== first.etag)) return undefined;
        return {bytes: joined([first, ...others].map(({bytes}) => bytes)), etag: first.etag};
      }),
    keepPart: (url, part, offset) =>
      guarded(name, async () => {
        if (offset === 0) await dropPart(url);
        await write(partUrl(url, offset), part);
      }),
    keep: (url, file) =>
      guarded(name, async () => {
        await dropPart(url);
        await write(url, file);
      }),
    dropPart: (url) => guarded(name, () => dropPart(url)),
  };
}

async function guarded<T>(name: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    throw new CheckpointError(
      `cache ${name}: downloads must fit into the storage of the page; got ${(error as Error).message} (cache: false keeps none).`,
      {cause: error},
    );
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, {length}) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

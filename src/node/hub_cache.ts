/**
 * The folder of downloads on this machine, by default tfjs-swint in the folder where the system wants caches; TFJS_SWINT_CACHE
 * in the environment names another.
 *
 *     NAME-HASH           a file, HASH being of its URL
 *     NAME-HASH.json      {url, etag, size}: it is written last, and a file that does not fit it counts as none
 *     NAME-HASH.part      a download that broke off, with NAME-HASH.part.json
 *
 * Whatever is in the folder may be deleted.
 */
import {createHash} from 'node:crypto';
import {appendFile, mkdir, readFile, rm, stat, truncate, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {basename, join, resolve} from 'node:path';
import {CheckpointError} from '../errors.js';
import type {DownloadStore, StoredFile} from '../weights/download_store.js';
import type {DownloadPlace} from '../weights/hub.js';
import {codeOf, hint, reason} from './disk.js';
import {replaceFile} from './replace_file.js';

/** Downloads in Node: into the folder, by the hub that the environment names. */
export const nodePlace = (): DownloadPlace => ({
  async store(_, cache) {
    if (cache === false) return undefined;
    return folderStore(typeof cache === 'string' ? resolve(cache) : defaultFolder());
  },
  ...(process.env.HF_ENDPOINT ? {endpoint: process.env.HF_ENDPOINT} : {}),
  offline: /^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? ''),
});

function defaultFolder(): string {
  const {TFJS_SWINT_CACHE: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local} = process.env;
  if (own) return resolve(own);
  if (process.platform === 'win32')
    return join(local || join(homedir(), 'AppData', 'Local'), 'tfjs-swint', 'Cache');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tfjs-swint');
  return join(xdg || join(homedir(), '.cache'), 'tfjs-swint');
}

/** @param folder Made when the first file is kept. */
export function folderStore(folder: string): DownloadStore {
  const guarded = async <T>(use: () => Promise<T>): Promise<T> => {
    try {
      return await use();
    } catch (error) {
      throw new CheckpointError(
        `cache ${folder}: it must be a folder that can be read and written; got ${reason(error)}${hint(error)} (cache names ` +
          'another folder, or is false).',
        {cause: error},
      );
    }
  };
  return {
    find: (url) => guarded(() => readEntry(pathOf(folder, url), url)),
    findPart: (url) =>
      guarded(async () => {
        const part = await readEntry(`${pathOf(folder, url)}.part`, url);
        return part?.etag === undefined || part.bytes.length === 0 ? undefined : {...part, etag: part.etag};
      }),
    keepPart: (url, part, offset) =>
      guarded(async () => {
        await mkdir(folder, {recursive: true});
        await appendPart(`${pathOf(folder, url)}.part`, url, part, offset);
      }),
    keep: (url, {bytes, etag}) =>
      guarded(async () => {
        const path = pathOf(folder, url);
        await rm(`${path}.json`, {force: true});
        await replaceFile('download', path, bytes);
        await replaceFile('download', `${path}.json`, entryOf({url, etag, size: bytes.length}));
        await removePart(path);
      }),
    dropPart: (url) => guarded(() => removePart(pathOf(folder, url))),
  };
}

/** Its own name is for people who look into the folder. */
function pathOf(folder: string, url: string): string {
  const hash = createHash('sha256').update(url).digest('hex').slice(0, 24);
  const name = basename(new URL(url).pathname)
    .replace(/[^\w.-]/g, '_')
    .slice(-60);
  return join(folder, `${name || 'file'}-${hash}`);
}

/** What a file of JSON says of the file beside it. */
interface Entry {
  url: string;
  etag?: string;
  /** Bytes, where it is whole. */
  size?: number;
}

const entryOf = (entry: Entry): Uint8Array => new TextEncoder().encode(`${JSON.stringify(entry)}\n`);

/** A file that fits what is said of it. */
async function readEntry(path: string, url: string): Promise<StoredFile | undefined> {
  const [text, bytes] = await Promise.all([`${path}.json`, path].map(readIfThere));
  if (!text || !bytes) return undefined;
  let entry: Partial<Entry> | null;
  try {
    entry = JSON.parse(new TextDecoder().decode(text));
  } catch {
    return undefined;
  }
  if (entry?.url !== url || (entry.size !== undefined && entry.size !== bytes.length)) return undefined;
  return {bytes, ...(typeof entry.etag === 'string' ? {etag: entry.etag} : {})};
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function appendPart(
  path: string,
  url: string,
  {bytes, etag}: Required<StoredFile>,
  offset: number,
): Promise<void> {
  if (offset === 0) {
    // In this order, so that no bytes ever stand beside the name of other content.
    await rm(`${path}.json`, {force: true});
    await writeFile(path, bytes);
    await writeFile(`${path}.json`, entryOf({url, etag}));
    return;
  }
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
  // Another process has removed or begun it anew: a hole must not be taken for bytes.
  if (size < offset) return;
  await truncate(path, offset);
  await appendFile(path, bytes);
}

async function removePart(path: string): Promise<void> {
  await rm(`${path}.part.json`, {force: true});
  await rm(`${path}.part`, {force: true});
}

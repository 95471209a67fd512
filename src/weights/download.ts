/**
 * A file behind a URL, downloaded once: a copy that is kept is taken as long as the server still names the same content, a
 * download that breaks off goes on where it ended, now or at the next call, and what has come is checked.
 *
 *     kept copy          taken without asking (offline, or a URL whose content never changes), or where the server's ETag is
 *                        still the same
 *     part of a file     the rest is asked for by Range, and taken where the ETag is a strong one and still the same;
 *                        otherwise the file is fetched anew
 *     whole file         must have the size that the server says and, where its ETag is a SHA-256, that hash
 */
import {CheckpointError} from '../errors.js';
import type {DownloadStore, StoredFile} from './download_store.js';
import {type Answer, FetchError, type FetchOptions, fetchParts, Parts} from './fetch_bytes.js';

export interface DownloadSettings extends FetchOptions {
  /** Where files are kept; none keeps nothing beyond this call. */
  store?: DownloadStore;
  /** Whether only what is kept is taken, and no server asked. Default false. */
  offline?: boolean;
  /** Whether the content behind this URL never changes: a copy is then taken without asking. Default false. */
  unchanging?: boolean;
}

export interface Downloaded {
  bytes: Uint8Array;
  /** Whether the bytes are a kept copy, or came from the server. */
  from: 'cache' | 'server';
  /** Whether the bytes have been compared with a hash, or only their number where the server says it. */
  checked: 'sha256' | 'size';
}

/** How often a download is taken up again that goes on breaking off; each time it must have got further. */
const MOST_ATTEMPTS = 10;

/** Bytes after which a part is kept, so that a program that is killed loses no more. */
const PART_BYTES = 2 ** 22;

/**
 * @param check Throws where the file cannot begin with these bytes.
 * @throws CheckpointError as fetchParts, for a file that is not what the server says, and offline for one that is not kept.
 */
export function download(
  url: URL,
  settings: DownloadSettings,
  check: (start: Uint8Array) => void = () => {},
): Promise<Downloaded> {
  return new Download(url, settings, check).run();
}

class Download {
  private readonly parts: Parts;
  private readonly store: DownloadStore | undefined;
  /** What the server calls the content of `parts`. */
  private etag: string | undefined;
  /** How many bytes of `parts` the store has. */
  private kept = 0;
  /** Whether `parts` has bytes of more than one answer. */
  private mended = false;
  /** Whether the whole file has been fetched a second time. */
  private again = false;

  constructor(
    private readonly url: URL,
    private readonly settings: DownloadSettings,
    private readonly check: (start: Uint8Array) => void,
  ) {
    this.parts = new Parts(check);
    this.store = settings.store;
  }

  async run(): Promise<Downloaded> {
    const {offline, unchanging} = this.settings;
    const copy = await this.wholeCopy();
    if (copy && (offline || unchanging)) return copy.downloaded;
    if (offline) {
      throw new FetchError(
        `${this.url.href}: offline, the file must be in the cache; it is not (download it once without offline).`,
        'absent',
      );
    }
    await this.takeUp();
    try {
      if (await this.fetchAll(copy?.etag)) return copy!.downloaded;
    } catch (error) {
      await this.interrupted(error);
      if (!copy || !(error instanceof FetchError)) throw error;
      throw new FetchError(
        `${error.message.replace(/\.$/, '')} (offline: true takes the copy of an earlier download, which is in the cache).`,
        error.kind,
        error.status,
        error,
      );
    }
    return this.finished();
  }

  /** A kept file that is what it was when it was kept. */
  private async wholeCopy(): Promise<{downloaded: Downloaded; etag?: string} | undefined> {
    const file = await this.store?.find(this.url.href);
    if (!file) return undefined;
    const checked = await checkedBy(file);
    if (checked === undefined) return undefined;
    this.check(file.bytes);
    return {downloaded: {bytes: file.bytes, from: 'cache', checked}, etag: file.etag};
  }

  /** What an earlier download left. */
  private async takeUp(): Promise<void> {
    const part = await this.store?.findPart(this.url.href);
    if (!part || !isStrong(part.etag)) return;
    try {
      this.parts.add(part.bytes);
    } catch {
      this.parts.clear();
      return;
    }
    this.etag = part.etag;
    this.kept = part.bytes.length;
    this.mended = true;
  }

  /** Whether the server has the content of `copied`: then nothing is fetched. */
  private async fetchAll(copied: string | undefined): Promise<boolean> {
    let furthest = this.parts.length;
    for (let attempt = 1; ; attempt++) {
      // Without a strong ETag nobody can tell that the rest belongs to what is here.
      if (!isStrong(this.etag)) this.startOver();
      const start = this.parts.length;
      try {
        return await this.fetchOnce(copied);
      } catch (error) {
        if (!(error instanceof FetchError)) throw error;
        const cannotGoOn = error.kind === 'range' || error.status === 416;
        if (start > 0 && cannotGoOn) {
          this.startOver();
          continue;
        }
        if (error.kind !== 'broken' || this.parts.length <= furthest || attempt >= MOST_ATTEMPTS) throw error;
        furthest = this.parts.length;
      }
    }
  }

  private async fetchOnce(copied: string | undefined): Promise<boolean> {
    let same = false;
    let other = false;
    const answered = ({from, etag}: Answer) => {
      same = copied !== undefined && etag === copied;
      other = from > 0 && etag !== this.etag;
      if (same || other) return false;
      if (from === 0) this.startOver();
      else this.mended = true;
      this.etag = etag;
      return true;
    };
    await fetchParts(this.url, this.settings, {
      from: this.parts.length,
      answered,
      part: async (bytes) => {
        this.parts.add(bytes);
        if (this.parts.length - this.kept >= PART_BYTES) await this.keepPart();
      },
    });
    if (other) {
      throw new FetchError(
        `${this.url.href}: the rest must be of the file that was begun; got another.`,
        'range',
      );
    }
    return same;
  }

  private startOver(): void {
    this.parts.clear();
    this.etag = undefined;
    this.kept = 0;
    this.mended = false;
  }

  private async keepPart(): Promise<void> {
    if (!this.store || !isStrong(this.etag) || this.parts.length === this.kept) return;
    const bytes = this.parts.joined().subarray(this.kept);
    await this.store.keepPart(this.url.href, {bytes, etag: this.etag}, this.kept);
    this.kept = this.parts.length;
  }

  /** Keeps what has come where the next call can go on with it. */
  private async interrupted(error: unknown): Promise<void> {
    const {signal} = this.settings;
    const canGoOn = signal?.aborted || (error instanceof FetchError && error.kind === 'broken');
    // The error that brought us here is what matters.
    if (canGoOn) await this.keepPart().catch(() => {});
    else await this.store?.dropPart(this.url.href).catch(() => {});
  }

  private async finished(): Promise<Downloaded> {
    const file = {bytes: this.parts.joined(), etag: this.etag};
    const checked = await checkedBy(file);
    if (checked !== undefined) {
      await this.store?.keep(this.url.href, file);
      return {bytes: file.bytes, from: 'server', checked};
    }
    await this.store?.dropPart(this.url.href);
    if (this.mended && !this.again) {
      // The parts were of two files, or the one that was kept is damaged.
      this.again = true;
      this.startOver();
      await this.fetchAll(undefined);
      return this.finished();
    }
    throw new CheckpointError(
      `${this.url.href}: the file must have the SHA-256 that the server says, ${this.etag}; got ` +
        `${await sha256(file.bytes)} (damaged on its way; nothing of it is kept).`,
    );
  }
}

const isStrong = (etag: string | undefined): etag is string => etag !== undefined && !etag.startsWith('W/');

/** How the bytes have been checked against their ETag; undefined where they are not what it says. */
async function checkedBy({bytes, etag}: StoredFile): Promise<'sha256' | 'size' | undefined> {
  if (etag === undefined || !/^[0-9a-f]{64}$/i.test(etag)) return 'size';
  const hash = await sha256(bytes);
  // A page without https has no hashes.
  if (hash === undefined) return 'size';
  return hash === etag.toLowerCase() ? 'sha256' : undefined;
}

async function sha256(bytes: Uint8Array): Promise<string | undefined> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return undefined;
  const hash = await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Decoded images kept in memory up to a number of bytes. */
import {checkNumber} from '../../kernels/common/arguments.js';

/** Throws ConfigError, in the name of `who`, for a limit that is no number from 0; Infinity is none at all. */
export function checkCacheBytes(who: string, cacheBytes: number): void {
  checkNumber(who, 'cacheBytes', cacheBytes, {
    what: 'a number from 0, or Infinity',
    holds: (value) => value >= 0,
  });
}

/**
 * Images by their index.
 *
 * Once full it keeps what it has: training reads all images once per epoch, and on such a cycle evicting the least
 * recently used one would throw each image out just before its turn comes.
 */
export class ByteCache {
  private readonly entries = new Map<number, Uint8Array>();
  private held = 0;

  /** @param limit most bytes to hold; 0 holds nothing. */
  constructor(private readonly limit: number) {}

  /** The bytes held for `index`, or undefined. */
  get(index: number): Uint8Array | undefined {
    return this.entries.get(index);
  }

  /** Holds `bytes` for `index` if there is room. */
  offer(index: number, bytes: Uint8Array): void {
    if (this.entries.has(index) || this.held + bytes.byteLength > this.limit) return;
    this.entries.set(index, bytes);
    this.held += bytes.byteLength;
  }
}

/** What the functions that look at pictures share: they can be stopped, and tell how far they are. */
import {ConfigError} from '../errors.js';

export interface Watched<Progress> {
  /** Stops it before the next images go through the model; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told how much is done, each time a part is. */
  onProgress?: (progress: Progress) => void;
}

/** @throws ConfigError, in the name of `who`, for what is no signal or no function; the signal's reason once it has come. */
export function checkWatched(who: string, {signal, onProgress}: Watched<never>): void {
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new ConfigError(`${who}: signal must be an AbortSignal; got ${typeof signal}.`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ConfigError(`${who}: onProgress must be a function; got ${typeof onProgress}.`);
  }
  signal?.throwIfAborted();
}

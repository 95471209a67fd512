/**
 * The bytes of a file behind a URL, fetched as far as they can be of use: with limits of time and size, and looked at as they
 * arrive, so that what is no such file is refused before all of it has come.
 *
 * A redirect from a public server to this machine or its own network is refused: that server could read there through us.
 * In a browser, redirects are the browser's, which has rules of its own. Only names and addresses as they are written count;
 * a public name that leads to a private address is not seen.
 */
import {ABOVE_ZERO, checkNumber, positiveInteger} from '../../kernels/common/arguments.js';
import {CheckpointError, ConfigError, SwintError} from '../errors.js';

export interface FetchOptions {
  /** Stops the download; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Longest wait for the server to say something, in seconds: its answer, and each part of the file. Default 60. */
  timeout?: number;
  /** Most bytes to fetch; default 2^30, 1 GiB (a Swin-L in 32 bits has 0.8). */
  maxBytes?: number;
  /** Told after each part how many bytes have come, and of how many where the server says so. */
  onProgress?: (progress: {loaded: number; total?: number}) => void;
}

const MOST_REDIRECTS = 10;

/** @throws ConfigError, in the name of `who`, for an unusable option. */
export function checkFetchOptions(who: string, options: FetchOptions): void {
  const {signal, timeout = 60, maxBytes = 2 ** 30, onProgress} = options;
  checkNumber(who, 'timeout', timeout, ABOVE_ZERO, {fix: 'in seconds'});
  positiveInteger(who, 'maxBytes', maxBytes);
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new ConfigError(`${who}: signal must be an AbortSignal; got ${typeof signal}.`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ConfigError(`${who}: onProgress must be a function; got ${typeof onProgress}.`);
  }
}

/**
 * @param url A URL, or one as text; in a browser also relative to the page.
 * @param check Throws where the file cannot begin with these bytes.
 * @throws CheckpointError naming the URL for what cannot be fetched, is too large, or takes too long.
 */
export async function fetchBytes(
  url: string | URL,
  options: FetchOptions,
  check: (start: Uint8Array) => void,
): Promise<Uint8Array> {
  const {signal, timeout = 60, maxBytes = 2 ** 30, onProgress} = options;
  checkFetchOptions('fetch', options);
  const address = parsed(url);
  const fail = (rule: string, got: string, cause?: unknown) =>
    new CheckpointError(`${shown(address)}: ${rule}; got ${got}.`, {cause});
  signal?.throwIfAborted();
  const silence = new AbortController();
  const stop = () => silence.abort();
  signal?.addEventListener('abort', stop);
  let clock: ReturnType<typeof setTimeout> | undefined;
  let late = false;
  const heard = () => {
    clearTimeout(clock);
    clock = setTimeout(() => {
      late = true;
      silence.abort();
    }, 1000 * timeout);
  };
  try {
    heard();
    const response = await follow(address, silence.signal, fail, heard);
    const length = response.headers.get('content-length');
    // Of a compressed answer, it is the compressed length.
    const plain = length !== null && !response.headers.get('content-encoding');
    const total = plain ? Number(length) : undefined;
    const tooLarge = (bytes: number) =>
      fail(`the file must have at most ${maxBytes} bytes (maxBytes)`, `${bytes}${total ? '' : ' and more'}`);
    if (total !== undefined && total > maxBytes) throw tooLarge(total);
    const parts = new Parts();
    const reader = response.body?.getReader();
    for (let checked = false; reader; ) {
      const {done, value} = await reader.read();
      heard();
      if (done) break;
      parts.add(value);
      if (parts.length > maxBytes) throw tooLarge(parts.length);
      if (!checked && parts.length >= START_BYTES) {
        check(parts.joined());
        checked = true;
      }
      onProgress?.({loaded: parts.length, total});
    }
    if (total !== undefined && parts.length !== total) {
      throw fail(`the file must come as a whole, ${total} bytes`, `${parts.length}`);
    }
    return parts.joined();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (late)
      throw fail(`the server must say something every ${timeout} seconds (timeout)`, 'silence', error);
    if (error instanceof SwintError || silence.signal.aborted) throw error;
    throw fail('the checkpoint must be one that can be fetched', causeOf(error), error);
  } finally {
    clearTimeout(clock);
    signal?.removeEventListener('abort', stop);
    // Ends a download that is still going on.
    silence.abort();
  }
}

/** As many bytes as tell the format of a checkpoint. */
const START_BYTES = 512;

/** Bytes as they arrive. */
class Parts {
  length = 0;
  private parts: Uint8Array[] = [];

  add(part: Uint8Array): void {
    this.parts.push(part);
    this.length += part.length;
  }

  joined(): Uint8Array {
    const joined = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      joined.set(part, at);
      at += part.length;
    }
    this.parts = [joined];
    return joined;
  }
}

function parsed(url: string | URL): URL {
  const page = (globalThis as {location?: {href: string}}).location?.href;
  let address: URL;
  try {
    address = new URL(url, page);
  } catch (error) {
    throw new CheckpointError(
      `${url}: a checkpoint must be the file's bytes or a URL; got ${causeOf(error)}.`,
      {
        cause: error,
      },
    );
  }
  if (address.username || address.password) {
    // Which fetch refuses too, with the password in its message.
    throw new CheckpointError(
      `${address.origin}${address.pathname}: a URL must be without name and password; got one with them (fetch the file ` +
        'with the headers that it needs, and give its bytes).',
    );
  }
  return address;
}

/** Short: it may be a data: URL of megabytes. */
const shown = ({href}: URL) => (href.length > 200 ? `${href.slice(0, 197)}...` : href);

function causeOf(error: unknown): string {
  const {message, cause} = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message || cause.name}` : `${message}`;
}

type Fail = (rule: string, got: string, cause?: unknown) => CheckpointError;

/** The answer of the server that has the file. */
async function follow(first: URL, signal: AbortSignal, fail: Fail, heard: () => void): Promise<Response> {
  let url = first;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    let response = await fetch(url, {signal, redirect: 'manual'});
    // A browser tells nothing of a redirect that it does not follow itself.
    if (response.type === 'opaqueredirect') response = await fetch(url, {signal});
    heard();
    if (response.ok) return response;
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
      throw fail('the checkpoint must be there', `status ${response.status}`);
    }
    await response.body?.cancel();
    const next = new URL(location, url);
    if (!/^https?:$/.test(next.protocol)) throw fail('a redirect must lead to http or https', next.protocol);
    if (isPrivate(next.hostname) && !isPrivate(first.hostname)) {
      throw fail('a redirect must not lead to this machine or its own network', `one to ${next.hostname}`);
    }
    url = next;
  }
  throw fail(`there must be at most ${MOST_REDIRECTS} redirects`, 'more');
}

/** Whether a host is this machine or one of its own network, by its name or its address. */
export function isPrivate(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  if (host === 'localhost' || /\.(localhost|local|internal)$/.test(host)) return true;
  if (host.startsWith('[')) return isPrivateIpv6(host.slice(1, -1));
  // URL writes every IPv4 address as four numbers.
  const parts = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(host);
  return parts !== null && isPrivateIpv4(Number(parts[1]), Number(parts[2]));
}

function isPrivateIpv4(a: number, b: number): boolean {
  return (
    [0, 10, 127].includes(a) ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168)
  );
}

function isPrivateIpv6(host: string): boolean {
  // An IPv4 address within, which URL writes as two groups.
  const mapped = /^::(?:ffff:)?([0-9a-f]+):[0-9a-f]+$/.exec(host);
  if (mapped) {
    const high = Number.parseInt(mapped[1], 16);
    return isPrivateIpv4(high >> 8, high & 255);
  }
  return host === '::' || host === '::1' || /^f[cd]|^fe[89ab]/.test(host);
}

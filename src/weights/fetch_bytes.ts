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

/** Default of maxBytes. */
const MOST_BYTES = 2 ** 30;

/** @throws ConfigError, in the name of `who`, for an unusable option. */
export function checkFetchOptions(who: string, options: FetchOptions): void {
  const {signal, timeout = 60, maxBytes = MOST_BYTES, onProgress} = options;
  checkNumber(who, 'timeout', timeout, ABOVE_ZERO, {fix: 'in seconds'});
  positiveInteger(who, 'maxBytes', maxBytes);
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new ConfigError(`${who}: signal must be an AbortSignal; got ${typeof signal}.`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ConfigError(`${who}: onProgress must be a function; got ${typeof onProgress}.`);
  }
}

/** What a server says of a file before its bytes come. */
export interface Answer {
  /** Place in the file of the first byte that comes. */
  from: number;
  /** Bytes of the whole file, where the server says so. */
  total?: number;
  /**
   * The server's name for this content (ETag), of a file on a hub the one that its redirect tells (X-Linked-ETag). A weak one
   * begins with W/; the quotes of a strong one are taken off.
   */
  etag?: string;
}

/** Why a file does not come, where the caller may have something else to try. */
export class FetchError extends CheckpointError {
  /**
   * @param kind 'status': the server refuses; 'broken': the connection ended, or fell silent; 'range': the server sends
   *   another part than the one that was asked for; 'absent': nobody may be asked, and the file is not kept.
   */
  constructor(
    message: string,
    readonly kind: 'status' | 'broken' | 'range' | 'absent',
    readonly status?: number,
    cause?: unknown,
  ) {
    super(message, {cause});
  }
}

/** What is done with a file as it comes. */
export interface Receiver {
  /** Place of the first byte to ask for; default 0. The server may begin at 0 all the same. */
  from?: number;
  /** Told before the first byte; false ends the download. */
  answered?(answer: Answer): boolean;
  /** Takes the next bytes. */
  part(bytes: Uint8Array): void | Promise<void>;
}

/**
 * Fetches a file, or the rest of one, and hands on its parts as they come.
 *
 * @param url A URL, or one as text; in a browser also relative to the page.
 * @throws CheckpointError naming the URL for what cannot be fetched, is too large, or takes too long; it is a FetchError
 *   where something else may be tried.
 */
export async function fetchParts(
  url: string | URL,
  options: FetchOptions,
  receiver: Receiver,
): Promise<void> {
  const {signal, timeout = 60, maxBytes = MOST_BYTES, onProgress} = options;
  checkFetchOptions('fetch', options);
  const address = parsed(url);
  const name = shown(address);
  signal?.throwIfAborted();
  const silence = new AbortController();
  const stop = () => silence.abort();
  signal?.addEventListener('abort', stop);
  const clock = new Clock(timeout, stop);
  try {
    clock.restart();
    const {response, answer} = await follow(address, receiver.from ?? 0, silence.signal, clock);
    const {from, total} = answer;
    const tooLarge = (bytes: number) =>
      new CheckpointError(
        `${name}: the file must have at most ${maxBytes} bytes (maxBytes); got ${bytes}${total ? '' : ' and more'}.`,
      );
    if (total !== undefined && total > maxBytes) throw tooLarge(total);
    if (receiver.answered?.(answer) === false) return;
    let loaded = from;
    const reader = response.body?.getReader();
    for (let done = !reader; !done; ) {
      const next = await reader!.read();
      done = next.done;
      if (!next.value) continue;
      loaded += next.value.length;
      if (loaded > maxBytes) throw tooLarge(loaded);
      // Only the server's silence counts, not the time that its bytes take here.
      clock.stop();
      await receiver.part(next.value);
      onProgress?.({loaded, total});
      clock.restart();
    }
    if (total !== undefined && loaded !== total) {
      throw new FetchError(
        `${name}: the file must come as a whole, ${total} bytes; got ${loaded}.`,
        'broken',
      );
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (clock.late) {
      const rule = `the server must say something every ${timeout} seconds (timeout)`;
      throw new FetchError(`${name}: ${rule}; got silence.`, 'broken', undefined, error);
    }
    if (error instanceof SwintError || silence.signal.aborted) throw error;
    const rule = 'the checkpoint must be one that can be fetched';
    throw new FetchError(`${name}: ${rule}; got ${causeOf(error)}.`, 'broken', undefined, error);
  } finally {
    clock.stop();
    signal?.removeEventListener('abort', stop);
    // Ends a download that is still going on.
    silence.abort();
  }
}

/**
 * The whole file.
 *
 * @param check Throws where the file cannot begin with these bytes.
 * @throws CheckpointError as fetchParts.
 */
export async function fetchBytes(
  url: string | URL,
  options: FetchOptions,
  check: (start: Uint8Array) => void,
): Promise<Uint8Array> {
  const parts = new Parts(check);
  await fetchParts(url, options, {part: (bytes) => parts.add(bytes)});
  return parts.joined();
}

/** Calls `stop` after so many seconds of silence. */
class Clock {
  late = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly seconds: number,
    private readonly ring: () => void,
  ) {}

  restart(): void {
    this.stop();
    this.timer = setTimeout(() => {
      this.late = true;
      this.ring();
    }, 1000 * this.seconds);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

/** As many bytes as tell the format of a checkpoint. */
const START_BYTES = 512;

/** Bytes as they arrive. */
export class Parts {
  length = 0;
  private parts: Uint8Array[] = [];
  private checked = false;

  /** @param check Throws where the file cannot begin with these bytes. */
  constructor(private readonly check: (start: Uint8Array) => void) {}

  add(part: Uint8Array): void {
    this.parts.push(part);
    this.length += part.length;
    if (this.checked || this.length < START_BYTES) return;
    this.check(this.joined());
    this.checked = true;
  }

  joined(): Uint8Array {
    if (this.parts.length === 1) return this.parts[0];
    const joined = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      joined.set(part, at);
      at += part.length;
    }
    this.parts = [joined];
    return joined;
  }

  /** Forgets all bytes: the file begins anew. */
  clear(): void {
    this.parts = [];
    this.length = 0;
    this.checked = false;
  }
}

function parsed(url: string | URL): URL {
  const page = (globalThis as {location?: {href: string}}).location?.href;
  let address: URL | undefined;
  let cause: unknown;
  try {
    address = new URL(url, page);
  } catch (error) {
    cause = error;
  }
  // C: of a path on Windows is no scheme.
  if (!address || /^(file|[a-z]):$/.test(address.protocol)) {
    const place = page === undefined ? 'in Node, ' : 'a page cannot read files by their path; in Node, ';
    throw new CheckpointError(
      `${String(url).slice(0, 200)}: a checkpoint must be the file's bytes or a URL that can be fetched; got the path of a file ` +
        `(${place}the functions of the same name in 'tfjs-swint/node' read files: import {loadWeights} from 'tfjs-swint/node').`,
      {cause},
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

/** The answer of the server that has the file. */
async function follow(
  first: URL,
  from: number,
  signal: AbortSignal,
  clock: Clock,
): Promise<{response: Response; answer: Answer}> {
  const fail = (rule: string, got: string) => new CheckpointError(`${shown(first)}: ${rule}; got ${got}.`);
  const request = {signal, ...(from > 0 ? {headers: {range: `bytes=${from}-`}} : {})};
  const linked: Linked = {etag: null, size: null};
  let url = first;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    let response = await fetch(url, {...request, redirect: 'manual'});
    // A browser tells nothing of a redirect that it does not follow itself.
    if (response.type === 'opaqueredirect') response = await fetch(url, request);
    clock.restart();
    linked.etag ??= response.headers.get('x-linked-etag');
    linked.size ??= response.headers.get('x-linked-size');
    if (response.ok) return {response, answer: answerOf(shown(first), response, linked, from)};
    const location = response.headers.get('location');
    await response.body?.cancel();
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
      const rule = 'the checkpoint must be there';
      throw new FetchError(
        `${shown(first)}: ${rule}; got status ${response.status}.`,
        'status',
        response.status,
      );
    }
    if (!URL.canParse(location, url)) throw fail('a redirect must lead to a URL', 'none');
    const next = new URL(location, url);
    if (!/^https?:$/.test(next.protocol)) throw fail('a redirect must lead to http or https', next.protocol);
    if (isPrivate(next.hostname) && !isPrivate(first.hostname)) {
      throw fail('a redirect must not lead to this machine or its own network', `one to ${next.hostname}`);
    }
    url = next;
  }
  throw fail(`there must be at most ${MOST_REDIRECTS} redirects`, 'more');
}

/** What a hub says of the file in the redirect to it. */
interface Linked {
  etag: string | null;
  size: string | null;
}

/** @throws FetchError of kind 'range' where another part comes than the one asked for, or sizes contradict each other. */
function answerOf(name: string, {status, headers}: Response, linked: Linked, asked: number): Answer {
  const tag = linked.etag ?? headers.get('etag');
  const etag = tag === null ? undefined : tag.trim().replace(/^"(.*)"$/, '$1');
  const size = (text: string | null) => (text !== null && /^\d+$/.test(text) ? Number(text) : undefined);
  const expected = size(linked.size);
  // Of a compressed answer, content-length is the compressed length.
  let total = headers.get('content-encoding') ? undefined : size(headers.get('content-length'));
  let from = 0;
  if (status === 206) {
    const [, start, whole] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
    from = Number(start);
    total = size(whole ?? null);
    if (from !== asked) {
      const got = headers.get('content-range') ?? 'no content-range';
      throw new FetchError(`${name}: the server must send the part from byte ${asked}; got ${got}.`, 'range');
    }
  }
  if (expected !== undefined && total !== undefined && expected !== total) {
    throw new FetchError(
      `${name}: the file must have the ${expected} bytes that the server says (X-Linked-Size); got ${total}.`,
      'range',
    );
  }
  return {from, total: total ?? expected, etag};
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

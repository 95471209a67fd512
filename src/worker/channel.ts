/** The page's side of calls to a worker: what is pending, the functions that the worker may ask, how a call ends early. */
import {ConfigError, SwintError} from '../errors.js';
import {type CallbackMark, type FromWorker, mapLeaves} from './protocol.js';
import {receivedError, type SentError, sentError} from './sent_error.js';
import type {Thread} from './thread.js';

/** A function of the page among the arguments of a call. */
interface Callback {
  run: (...args: unknown[]) => unknown;
  /** Whether it is told something and is asked nothing: its name begins with `on`. */
  listens: boolean;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  callbacks: Callback[];
  /** What was thrown on the page during the call, by the numbers of `SentError.origin`. */
  thrown: unknown[];
  /** The first error of a callback that listens; the call rejects with it. */
  failure?: {error: unknown};
}

export interface CallOptions {
  /** Ends the call. */
  signal?: AbortSignal;
  /** What is handed over without a copy. */
  transfer?: readonly Transferable[];
}

export class Channel {
  private readonly pending = new Map<number, Pending>();
  private last = 0;
  /** Why no call is possible any more. */
  private end: SwintError | undefined;
  /** Settles when the worker listens, or has ended before. */
  readonly ready: Promise<unknown>;

  constructor(private readonly thread: Thread) {
    this.ready = this.result(0, []);
    thread.listen(
      (message) => this.receive(message),
      (error) => this.fail(error),
    );
    thread.post({swint: 'hello'});
  }

  /**
   * Runs a method of the worker.
   *
   * @param args Sent by structured clone; functions in lists and plain objects are called on the page. If one whose name
   *   begins with `on` throws, the call ends, and rejects with that error.
   * @throws what the method throws, of the same class; the reason of the signal; SwintError where the worker has ended;
   *   ConfigError, in the name of `who`, for what cannot be sent.
   */
  async call<T>(
    who: string,
    method: string,
    args: readonly unknown[],
    {signal, transfer = []}: CallOptions = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    if (this.end) throw this.end;
    const id = ++this.last;
    const callbacks: Callback[] = [];
    const message = {swint: 'call', id, method, args: withMarks(args, callbacks)} as const;
    try {
      this.thread.post(message, [...transfer]);
    } catch (error) {
      throw cannotBeSent(who, error);
    }
    const abort = () => this.abort(id, signal!.reason);
    signal?.addEventListener('abort', abort);
    this.thread.keepAlive(true);
    try {
      return (await this.result(id, callbacks)) as T;
    } finally {
      signal?.removeEventListener('abort', abort);
      if (this.pending.size === 0) this.thread.keepAlive(false);
    }
  }

  /** Rejects all calls, those to come too, and ends the worker. */
  async terminate(): Promise<void> {
    this.fail(
      new SwintError('openWorker: the worker must be running; it was terminated (open another one).'),
    );
    await this.thread.terminate();
  }

  private result(id: number, callbacks: Callback[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.pending.set(id, {resolve, reject, callbacks, thrown: []});
    });
  }

  private fail(error: SwintError): void {
    this.end ??= error;
    for (const {reject} of this.pending.values()) reject(this.end);
    this.pending.clear();
  }

  private abort(id: number, reason: unknown): void {
    const pending = this.pending.get(id);
    if (pending) this.thread.post({swint: 'abort', id, error: sentFromHere(pending, reason)});
  }

  private receive(message: FromWorker): void {
    switch (message?.swint) {
      case 'ready':
        this.settle(0, ({resolve}) => resolve(undefined));
        break;
      case 'ask':
        void this.answer(message);
        break;
      case 'result':
        this.settle(message.id, ({resolve}) => resolve(message.value));
        break;
      case 'failure':
        this.settle(message.id, ({reject, thrown}) => reject(receivedHere(message.error, thrown)));
    }
  }

  private settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.pending.get(id);
    if (!pending) return;
    this.pending.delete(id);
    if (pending.failure) pending.reject(pending.failure.error);
    else how(pending);
  }

  /** Calls a function of the page: at once, so that what it is told comes in order and before the call's result. */
  private async answer({id, call, callback, args}: FromWorker & {swint: 'ask'}): Promise<void> {
    const pending = this.pending.get(call);
    if (!pending) return; // The call has ended.
    const {run, listens} = pending.callbacks[callback]!;
    try {
      const returned = run(...args);
      const value = listens ? void (await returned) : await returned;
      if (this.pending.has(call)) this.thread.post({swint: 'answer', id, value});
    } catch (error) {
      if (listens) pending.failure ??= {error};
      if (!this.pending.has(call)) return;
      this.thread.post({swint: 'refusal', id, error: sentFromHere(pending, error)});
      if (listens) this.abort(call, error);
    }
  }
}

/** An error of the page, remembered so that it is the same object should it come back. */
function sentFromHere({thrown}: Pending, error: unknown): SentError {
  return sentError(error, thrown.push(error) - 1);
}

function receivedHere(sent: SentError, thrown: readonly unknown[]): unknown {
  return sent.origin === undefined ? receivedError(sent) : thrown[sent.origin];
}

/** The arguments as they are sent: marks for functions, text for URLs. */
function withMarks(args: readonly unknown[], callbacks: Callback[]): unknown[] {
  return mapLeaves([...args], (leaf, name) => {
    if (leaf instanceof URL) return leaf.href;
    if (typeof leaf !== 'function') return leaf;
    const listens = /^on[A-Z]/.test(name);
    const mark: CallbackMark = {
      swintCallback: callbacks.push({run: leaf as Callback['run'], listens}) - 1,
    };
    return mark;
  }) as unknown[];
}

function cannotBeSent(who: string, error: unknown): ConfigError {
  return new ConfigError(
    `${who}: the arguments must be such that a worker can take them; got ${(error as Error).message} ` +
      '(plain objects, typed arrays, pictures; nothing that was handed over before).',
    {cause: error},
  );
}

/** A worker as this folder uses it: one of the browser's, or a worker thread of Node. */

import {isNode} from '../backends/platform.js';
import {BackendError} from '../errors.js';
import type {FromWorker, ToWorker} from './protocol.js';

/** The browser's Worker, as far as it is used. */
export interface BrowserWorker {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
  terminate(): void;
}

/** Node's Worker, of node:worker_threads, as far as it is used. */
export interface NodeWorker {
  // biome-ignore lint/suspicious/noExplicitAny: Node's own type of what can be transferred is another one.
  postMessage(message: unknown, transfer: any): void;
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of different events.
  on(event: string, listener: (value: any) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  off(event: string, listener: (value: any) => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}

export interface Thread {
  post(message: ToWorker, transfer?: Transferable[]): void;
  /** Begins to listen; `onEnd` is told why the thread does not work, or no longer. */
  listen(onMessage: (message: FromWorker) => void, onEnd: (error: BackendError) => void): void;
  /** Whether it keeps the process alive; in Node only. */
  keepAlive(alive: boolean): void;
  /** Ends it and stops listening. */
  terminate(): Promise<void>;
}

const FIX =
  'its script has to be served and to import tfjs-swint/worker/main; a bundler that does not follow new Worker(new URL(..)) ' +
  "needs a script of yours, given as worker or url; Vite's development server needs optimizeDeps: {exclude: ['tfjs-swint'], " +
  "include: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-wasm']}";

/** Of a worker that does not work, or no longer. */
export const notStarted = (why: string, cause?: unknown) =>
  new BackendError(`openWorker: the worker must start and stay alive; got ${why} (${FIX}).`, {cause});

/** Starts the script of this library, or the one at `url`. */
export function startThread(url?: string | URL): Thread {
  try {
    return isNode() ? inNode(startInNode(url)) : inBrowser(startInBrowser(url));
  } catch (error) {
    // What a Content-Security-Policy or another origin forbids, some browsers throw at once.
    throw notStarted(error instanceof Error ? error.message : String(error), error);
  }
}

/** The thread of a worker that the application has started. */
export function threadOf(worker: BrowserWorker | NodeWorker): Thread {
  return 'on' in worker ? inNode(worker) : inBrowser(worker);
}

function startInBrowser(url?: string | URL): BrowserWorker {
  const options = {type: 'module', name: 'tfjs-swint'} as const;
  if (url !== undefined) return new Worker(url, options);
  // Written out, because bundlers look for exactly this form.
  return new Worker(new URL('./worker_main.js', import.meta.url), {type: 'module'});
}

function startInNode(url?: string | URL): NodeWorker {
  const {Worker} = process.getBuiltinModule('node:worker_threads');
  // In a variable, and so unseen by bundlers, which would take Node's files into a page.
  const script = '../node/worker_main.js';
  const {href} = url === undefined ? new URL(/* @vite-ignore */ script, import.meta.url) : new URL(url);
  // As a program in a text, since a worker that is a file does not start in `node --input-type=module -e`.
  return new Worker(`import(${JSON.stringify(href)})`, {eval: true});
}

function inBrowser(worker: BrowserWorker): Thread {
  const listeners = new Map<string, (event: Event) => void>();
  const stop = () => {
    for (const [type, listener] of listeners) worker.removeEventListener(type, listener);
  };
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onEnd) {
      listeners.set('message', (event) => onMessage((event as MessageEvent).data));
      listeners.set('messageerror', () => onEnd(notStarted('a message that cannot be read')));
      listeners.set('error', (event) =>
        onEnd(notStarted((event as ErrorEvent).message || 'no script', event)),
      );
      for (const [type, listener] of listeners) worker.addEventListener(type, listener);
    },
    keepAlive: () => undefined,
    async terminate() {
      stop();
      worker.terminate();
    },
  };
}

function inNode(worker: NodeWorker): Thread {
  // biome-ignore lint/suspicious/noExplicitAny: each event has another value.
  const listeners = new Map<string, (value: any) => void>();
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onEnd) {
      listeners.set('message', onMessage);
      listeners.set('messageerror', (error) => onEnd(notStarted('a message that cannot be read', error)));
      listeners.set('error', (error) =>
        onEnd(notStarted(error instanceof Error ? error.message : String(error), error)),
      );
      listeners.set('exit', (status) => onEnd(notStarted(`exit status ${status}`)));
      for (const [event, listener] of listeners) worker.on(event, listener);
    },
    keepAlive: (alive) => (alive ? worker.ref() : worker.unref()),
    async terminate() {
      for (const [event, listener] of listeners) worker.off(event, listener);
      await worker.terminate();
    },
  };
}

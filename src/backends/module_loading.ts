/**
 * Errors of tfjs's WebAssembly module as it is loaded. tfjs itself loses them:
 *
 * - With `setWasmPaths(path, true)` it is fetched by tfjs's platform, and whatever goes wrong is the rejection of a promise
 *   that nobody has: the start of the backend never settles, and in Node the process ends.
 * - Without, the module aborts, and tfjs tells of its own documentation in place of the reason.
 *
 * For that the platform's `fetch`, `WebAssembly.instantiate` and `WebAssembly.RuntimeError` are replaced during the start;
 * what is not tfjs's module they pass on. The module takes `console.warn` of that moment for as long as it lives: what it
 * says there of kernels that compute nothing becomes an error (kernels/wasm/runtime/guarded_module.ts).
 */
import * as tf from '@tensorflow/tfjs-core';
import {isComplaint} from '../../kernels/wasm/runtime/guarded_module.js';
import {BackendError} from '../errors.js';

type Fetch = tf.Platform['fetch'];
type Instantiate = (source: unknown, imports?: WebAssembly.Imports) => Promise<unknown>;

/** Puts a value into an object, and gives a function that puts the old one back unless another came after it. */
function replace<T extends object, Key extends keyof T>(target: T, key: Key, value: T[Key]): () => void {
  const own = Object.hasOwn(target, key);
  const stock = target[key];
  Reflect.set(target, key, value);
  return () => {
    if (target[key] !== value) return;
    if (own) Reflect.set(target, key, stock);
    else Reflect.deleteProperty(target, key);
  };
}

/** Whether a request is that of tfjs's package for its module: no other of tfjs's is made like this. */
const isForModule = (init: RequestInit | undefined) =>
  init !== undefined && Object.keys(init).length === 1 && init.credentials === 'same-origin';

const isModule = (bytes: Uint8Array) => WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>);

const described = (error: unknown) => {
  const {message, cause} = error as {message?: string; cause?: {message?: string}};
  return [message ?? String(error), cause?.message].filter(Boolean).join(': ');
};

/** The bytes of a module, or an error that says what came in their place. */
async function download(fetch: Fetch, path: string, init: RequestInit | undefined): Promise<ArrayBuffer> {
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const buffer = await response.arrayBuffer();
  if (!isModule(new Uint8Array(buffer))) {
    const type = response.headers?.get('content-type');
    throw new Error(`${buffer.byteLength} bytes${type ? ` of ${type}` : ''}, which are no WebAssembly`);
  }
  return buffer;
}

/**
 * Runs `start`, which starts tfjs's wasm backend or finds it running.
 *
 * @param start given a promise that rejects as soon as the module cannot be loaded; the start has to end with it.
 * @throws BackendError that says what was loaded from where, and what came; else what `start` throws.
 */
export async function withModuleErrors<T>(start: (failed: Promise<never>) => Promise<T>): Promise<T> {
  let fail: (error: BackendError) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined); // The start may have ended otherwise.
  const lost = (path: string, error: unknown): Promise<never> => {
    fail(
      new BackendError(
        `wasm: tfjs's module must come from where setWasmPaths says, ${path}; got ${described(error)} ` +
          '(the files are in node_modules/@tensorflow/tfjs-backend-wasm/dist; call setWasmPaths again).',
        {cause: error},
      ),
    );
    return new Promise(() => undefined); // To tfjs, which would lose the error, nothing is said any more.
  };

  const {platform} = tf.env();
  const stockFetch: Fetch = platform.fetch.bind(platform);
  const fetched = new Map<unknown, string>();
  const restoreFetch = replace(platform, 'fetch', async (path, init) => {
    if (!isForModule(init)) return stockFetch(path, init);
    try {
      const buffer = await download(stockFetch, path, init);
      fetched.set(buffer, path);
      return {ok: true, arrayBuffer: async () => buffer} as Response;
    } catch (error) {
      return lost(path, error);
    }
  });

  const module = WebAssembly as unknown as {instantiate: Instantiate};
  const stockInstantiate = module.instantiate;
  const restoreInstantiate = replace(module, 'instantiate', (source, imports) => {
    const path = fetched.get(source);
    const made = stockInstantiate(source, imports);
    return path === undefined ? made : made.catch((error) => lost(path, error));
  });

  let aborted: string | undefined;
  const StockError = WebAssembly.RuntimeError;
  class RuntimeError extends StockError {
    constructor(message?: string) {
      super(message);
      if (message?.startsWith('Aborted(')) aborted ??= message.replace(/^Aborted\((Error: )?|\).*$/gs, '');
    }
  }
  const restoreError = replace(WebAssembly, 'RuntimeError', RuntimeError as typeof StockError);

  const {warn} = console;
  const restoreWarn = replace(console, 'warn', (...words: unknown[]) => {
    if (!isComplaint(words[0])) warn(...words);
  });

  try {
    return await start(failed);
  } catch (error) {
    if (aborted === undefined || !(error instanceof BackendError)) throw error;
    throw new BackendError(
      `wasm: the backend must start; got "${aborted}" (tfjs's module comes from where setWasmPaths(path) says; in Node ` +
        'a path is a folder, for a URL call setWasmPaths(url, true)).',
      {cause: error},
    );
  } finally {
    restoreFetch();
    restoreInstantiate();
    restoreError();
    restoreWarn();
  }
}

/**
 * How tfjs's WebAssembly module comes into a page while `setupBackend` starts the wasm backend.
 *
 * - Its build without threads is taken, in cross-origin isolated pages too. The one with threads starts workers from the
 *   text of one of its own functions, which names variables outside of it; once a minifier has renamed those, the
 *   workers throw for ever and the start never ends.
 * - Where the page is cross-origin isolated and may start workers, the module gets a memory that threads share
 *   (shared_memory.ts), so that this library's kernels have their threads all the same.
 * - tfjs looks for the file beside the page unless it was told otherwise. Where it is not there, it is taken from where
 *   Vite has put it, which sees the address below as the page is built.
 *
 * For that `WebAssembly.instantiate` and `instantiateStreaming` are replaced during the start; what is not tfjs's module
 * they pass on.
 */

import * as tf from '@tensorflow/tfjs-core';
import {withSharedMemory} from '../../kernels/wasm/runtime/shared_memory.js';
import {workersStart} from '../../kernels/wasm/runtime/worker_pool.js';
import {BackendError} from '../errors.js';

type Source = BufferSource | WebAssembly.Module | Response | PromiseLike<Response>;
type Instantiate = (source: Source, imports?: WebAssembly.Imports) => Promise<unknown>;

const FILE = 'tfjs-backend-wasm-simd.wasm';

/** What became of a start. */
interface Start {
  /** Whether the page may start no workers, where threads were wanted. */
  workersForbidden?: boolean;
  /** Why the module could not run on shared memory, if it could not. */
  obstacle?: string;
  /** What was there in the place of tfjs's file, if that was not found. */
  missing?: string;
}

let last: Start = {};

/** Why the module that was started last could not run on shared memory, if it could not. */
export const browserObstacle = () => last.obstacle;

/** Whether the page kept the module that was started last from starting workers. */
export const browserWorkersForbidden = () => last.workersForbidden === true;

/** Where the bundler has put tfjs's file, as far as it did. */
function bundledAddress(): URL | undefined {
  try {
    // In a try block, because the package is an optional one; webpack would make an error of that.
    return new URL(
      /* webpackIgnore: true */ '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
      import.meta.url,
    );
  } catch {
    return undefined; // Bundles that are no modules have no import.meta.
  }
}

const isModule = (bytes: Uint8Array) =>
  bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;

/** tfjs's module, by a function that it exports. */
const isTfjs = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).includes('register_tensor');

/** Whether these are the imports of a module by Emscripten, as tfjs's is. */
const isEmscripten = (imports?: WebAssembly.Imports) =>
  typeof imports?.env?.emscripten_resize_heap === 'function';

async function download(address: URL): Promise<Uint8Array | undefined> {
  const response = await fetch(address, {credentials: 'same-origin'}).catch(() => undefined);
  if (!response?.ok) return undefined;
  const bytes = new Uint8Array(await response.arrayBuffer());
  return isModule(bytes) ? bytes : undefined;
}

/**
 * The module's bytes: those that came, or, where these are none, the file from where the bundler has put it.
 *
 * @param came what a server sent, which may be an error or a page.
 */
async function findModule(came: Uint8Array, from: string, start: Start): Promise<Uint8Array> {
  if (isModule(came)) return came;
  const address = bundledAddress();
  const found = address && (await download(address));
  if (!found) start.missing ??= from;
  return found ?? came;
}

/** What instantiates in the place of the engine's two functions. */
function instantiators(share: boolean, start: Start) {
  const {instantiate, instantiateStreaming} = WebAssembly as unknown as Record<string, Instantiate>;
  const run = async (bytes: Uint8Array, imports?: WebAssembly.Imports) => {
    const plain = bytes as Uint8Array<ArrayBuffer>;
    if (!share || !isModule(bytes) || !isTfjs(bytes)) return instantiate(plain, imports);
    try {
      return await instantiate(withSharedMemory(plain), imports);
    } catch (error) {
      start.obstacle = error instanceof Error ? error.message : String(error);
      return instantiate(plain, imports);
    }
  };
  return {
    stock: {instantiate, instantiateStreaming},
    ours: {
      instantiate: async (source: Source, imports?: WebAssembly.Imports) => {
        if (!isEmscripten(imports) || source instanceof WebAssembly.Module)
          return instantiate(source, imports);
        const view = source as BufferSource;
        const bytes = ArrayBuffer.isView(view)
          ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
          : new Uint8Array(view);
        return run(await findModule(bytes, 'a file that is no WebAssembly', start), imports);
      },
      instantiateStreaming: async (source: Source, imports?: WebAssembly.Imports) => {
        if (!isEmscripten(imports)) return instantiateStreaming(source, imports);
        const response = (await source) as Response;
        const came = new Uint8Array(await response.clone().arrayBuffer());
        const what = response.ok ? response.headers.get('content-type') : `status ${response.status}`;
        return run(await findModule(came, `${what} from ${response.url}`, start), imports);
      },
    },
  };
}

/** Starts one after the other, so that each puts back what it found. */
let before: Promise<unknown> = Promise.resolve();

/**
 * Runs `activate`, which starts tfjs's wasm backend in a page or finds it running.
 *
 * @param share whether its memory is to be shared, where the page may have such.
 * @throws BackendError that says how to serve tfjs's file where it is not found; else what `activate` throws.
 */
export function inBrowser<T>(share: boolean, activate: () => Promise<T>): Promise<T> {
  const running = before.then(() => hooked(share, activate));
  before = running.catch(() => undefined);
  return running;
}

async function hooked<T>(share: boolean, activate: () => Promise<T>): Promise<T> {
  // Registered by tfjs's package, so not where the application has brought a backend of its own.
  const flag = 'WASM_HAS_MULTITHREAD_SUPPORT';
  if (flag in (tf.env() as unknown as {flagRegistry: object}).flagRegistry) tf.env().set(flag, false);
  const start: Start = {};
  last = start;
  const wanted = share && globalThis.crossOriginIsolated === true;
  if (wanted) start.workersForbidden = !(await workersStart());
  const {stock, ours} = instantiators(wanted && !start.workersForbidden, start);
  const put = (functions: object) =>
    Object.entries(functions).every(([name, value]) => Reflect.set(WebAssembly, name, value));
  if (!put(ours)) start.obstacle = 'WebAssembly.instantiate is frozen';
  try {
    return await activate();
  } catch (error) {
    if (!start.missing || !(error instanceof BackendError)) throw error;
    throw new BackendError(
      `wasm: the page must be served ${FILE}, which is in @tensorflow/tfjs-backend-wasm; got ${start.missing} ` +
        '(cp node_modules/@tensorflow/tfjs-backend-wasm/dist/*.wasm public/, and before setupBackend: ' +
        "import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm'; setWasmPaths('/');).",
      {cause: error},
    );
  } finally {
    put(stock);
  }
}

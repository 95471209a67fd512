/**
 * Starts tfjs's wasm backend on a heap that worker threads can share, in Node; and says why a heap is not.
 *
 * tfjs's module without threads, the only one it runs in Node, declares a memory of its own. One flag of that
 * declaration makes it shared (kernels/wasm/runtime/shared_memory.ts). It is set on the module's way from tfjs to the engine:
 * while the backend starts, `WebAssembly.instantiate` sets it in what that start, and nothing else in the process,
 * instantiates. So whatever file the application has told tfjs to load is the one that is loaded, from where it said,
 * and nothing of tfjs's settings changes. (Its public `setWasmPaths` could be given a changed copy of the file, but it
 * replaces what the application has set there, and cannot be asked for it.)
 *
 * For pages see browser_module.ts.
 */

import {withSharedMemory} from '../../kernels/wasm/runtime/shared_memory.js';
import {browserObstacle, browserWorkersForbidden, inBrowser} from './browser_module.js';
import {isNode} from './platform.js';

type Instantiate = (source: BufferSource, imports?: WebAssembly.Imports) => Promise<unknown>;

/** Why the last module that was to run on shared memory could not. */
let obstacle: string | undefined;

/** What stands in the place of `WebAssembly.instantiate` while backends start. */
interface Hook {
  /** Calls made within `start`, and later by what it began, are meant. */
  run<T>(start: () => Promise<T>): Promise<T>;
  remove(): void;
}

let hook: Hook | undefined;

/** Starts that are under way. */
let starts = 0;

function install(): Hook {
  const {AsyncLocalStorage} = process.getBuiltinModule('node:async_hooks');
  const starting = new AsyncLocalStorage<true>();
  const stock = WebAssembly.instantiate as Instantiate;
  const ours: Instantiate = async (source, imports) => {
    if (!starting.getStore() || source instanceof WebAssembly.Module) return stock(source, imports);
    try {
      const bytes = ArrayBuffer.isView(source)
        ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
        : new Uint8Array(source);
      const result = await stock(withSharedMemory(bytes), imports);
      obstacle = undefined;
      return result;
    } catch (error) {
      obstacle = error instanceof Error ? error.message : String(error);
      return stock(source, imports);
    }
  };
  if (!Reflect.set(WebAssembly, 'instantiate', ours)) obstacle = 'WebAssembly.instantiate is frozen';
  return {
    run: (start) => starting.run(true, start),
    remove: () => {
      if (WebAssembly.instantiate === (ours as unknown)) Reflect.set(WebAssembly, 'instantiate', stock);
      starting.disable();
    },
  };
}

/** Node's permission model, where the process runs under it. */
const permission = () => (process as {permission?: {has(scope: string): boolean}}).permission;

/** Whether Node keeps this process from starting threads. */
const workersForbidden = () => permission()?.has('worker') === false;

/**
 * Runs `start`, which starts tfjs's wasm backend or finds it running. A backend that it starts has a shared heap where
 * that is wanted; where it cannot be had the backend starts as it would without this.
 *
 * @param share whether the heap is to be shared.
 * @throws what `start` throws; in a page also a BackendError that says how to serve tfjs's file.
 */
export async function withHeap<T>(share: boolean, start: () => Promise<T>): Promise<T> {
  if (!isNode()) return inBrowser(share, start);
  if (!share || workersForbidden()) return start();
  hook ??= install();
  starts++;
  try {
    return await hook.run(start);
  } finally {
    if (--starts === 0) {
      hook.remove();
      hook = undefined;
    }
  }
}

/** Why the heap of a running backend is not shared, and what to do. */
export function whyNotShared(): string {
  if (!isNode()) {
    if (!globalThis.crossOriginIsolated) {
      return (
        'the page is not cross-origin isolated (serve it with the headers Cross-Origin-Opener-Policy: same-origin ' +
        'and Cross-Origin-Embedder-Policy: require-corp)'
      );
    }
    if (browserWorkersForbidden()) {
      return 'the page may start no workers (its Content-Security-Policy must allow them: worker-src blob:)';
    }
    obstacle = browserObstacle();
  } else if (workersForbidden()) {
    return 'the process may start no worker threads (run node with --allow-worker)';
  }
  return obstacle
    ? `tfjs's module does not run on shared memory here: ${obstacle}`
    : 'tfjs-backend-wasm was started without threads, by tf before setupBackend or for threads: 1 (call setupBackend ' +
        "first, or tf.removeBackend('wasm') before it)";
}

/**
 * tfjs's own WebAssembly module, with errors where it has none:
 *
 * - Its allocation gives the address 0 where there is no room, and tfjs, in `makeOutput` and wherever it takes in values,
 *   writes there.
 * - A stock kernel that finds no room aborts. Its module is not to be used after that: what it was at stays half done.
 * - XNNPACK, where it finds no room, says so on the console and computes nothing: the result is what lay in the heap.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {BackendError} from '../../common/errors.js';

type Call = (...args: unknown[]) => unknown;

/** The parts of an Emscripten module that are guarded. */
interface TfjsModule {
  /** The exports. The functions that kernels hold look here at every call. */
  asm?: Record<string, unknown>;
  _malloc(bytes: number): number;
  _free(address: number): void;
  /** Of the build with threads. */
  PThread?: {terminateAllThreads(): void};
  [name: string]: unknown;
}

/** More than these cannot be asked for: addresses have 32 bits, and a larger number is taken for a small one. */
const MOST_BYTES = 0xffff_ffff;

/** Modules that are guarded, and why one is not to be used any more. */
const guarded = new WeakMap<object, {broken?: BackendError}>();

/** What XNNPACK said last, until the call that it said it in has ended. */
let complaint: string | undefined;

const moduleOf = (backend: BackendWasm) => backend.wasm as unknown as TfjsModule;

/** Makes a backend's own module throw BackendErrors; once per backend. */
export function guardModule(backend: BackendWasm): void {
  const module = moduleOf(backend);
  if (guarded.has(module)) return;
  guarded.set(module, {});
  guardMalloc(module);
  guardCalls(module);
}

/**
 * Takes a line that tfjs's module writes to the console; true where it is about a kernel that did not compute, which then is
 * an error.
 */
export function isComplaint(line: unknown): boolean {
  const found = typeof line === 'string' && line.startsWith('XNN status');
  if (found) complaint ??= line;
  return found;
}

/** The complaint, which is heard then. */
function takeComplaint(): string | undefined {
  const taken = complaint;
  complaint = undefined;
  return taken;
}

/** Whether a backend has to be made anew, for one of its kernels was aborted. */
export const isBroken = (backend: BackendWasm): boolean =>
  guarded.get(moduleOf(backend))?.broken !== undefined;

/** Lets a broken backend be removed from tfjs such that the values of its tensors stay readable. */
export function keepValues(backend: BackendWasm): void {
  backend.dispose = () => moduleOf(backend).PThread?.terminateAllThreads();
}

function guardMalloc(module: TfjsModule): void {
  module._free(module._malloc(1)); // Emscripten's first call puts another function in its own place.
  const malloc = module._malloc;
  module._malloc = (bytes) => {
    const broken = guarded.get(module)?.broken;
    if (broken) throw anew(broken);
    const address = bytes <= MOST_BYTES ? malloc(bytes) : 0;
    if (address === 0) {
      throw new BackendError(
        `wasm: the heap must have ${bytes} bytes more; it has not (free tensors, smaller batches).`,
      );
    }
    return address;
  };
}

/** What a broken module is still asked for when its tensors are given up: there is nothing to do then. */
const GIVES_UP = new Set(['free', 'dispose', 'dispose_data']);

function guardCalls(module: TfjsModule): void {
  const {asm} = module;
  if (!asm) return;
  const state = guarded.get(module)!;
  const guard =
    (name: string, call: Call): Call =>
    (...args) => {
      if (state.broken) {
        if (GIVES_UP.has(name)) return undefined;
        throw anew(state.broken);
      }
      takeComplaint(); // One of a call from outside of tfjs's kernels.
      let result: unknown;
      try {
        result = call(...args);
      } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error;
        const [what] = error.message.split('. Build with');
        state.broken = new BackendError(
          `wasm: tfjs's function ${name} must end; got "${what}", probably because the heap has no room for its scratch space ` +
            "(free tensors, smaller batches; and set the backend up anew: await setupBackend('wasm')).",
          {cause: error},
        );
        throw state.broken;
      }
      const what = takeComplaint();
      if (what === undefined) return result;
      throw new BackendError(
        `wasm: tfjs's function ${name} must compute its result; got "${what.trim()}", where status 6 means that the heap has no ` +
          'room for its scratch space (free tensors, smaller batches).',
      );
    };
  // The table of exports is read-only, so another takes its place; and that of functions that Emscripten has put in already.
  const own = Object.fromEntries(
    Object.entries(asm).map(([name, value]) => [
      name,
      typeof value === 'function' && name !== 'malloc' ? guard(name, value as Call) : value,
    ]),
  );
  for (const [name, value] of Object.entries(asm)) {
    if (module[`_${name}`] === value) module[`_${name}`] = own[name];
  }
  module.asm = own;
}

function anew(cause: BackendError): BackendError {
  return new BackendError(
    "wasm: the backend must be set up anew after one of its kernels was aborted; it is not (await setupBackend('wasm'), " +
      'which keeps the values of tensors).',
    {cause},
  );
}

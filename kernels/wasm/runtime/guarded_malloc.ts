/**
 * Allocation on tfjs's heap that fails with an error. The stock one gives the address 0 where there is no room, and tfjs,
 * in `makeOutput` and wherever it takes in values, writes there.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {BackendError} from '../../common/errors.js';

/** More than these cannot be asked for: addresses have 32 bits, and a larger number is taken for a small one. */
const MOST_BYTES = 0xffff_ffff;

type Malloc = (bytes: number) => number;

const guarded = new WeakSet<object>();

/** Makes tfjs's own allocation throw a BackendError; once per backend. */
export function guardMalloc(backend: BackendWasm): void {
  const module = backend.wasm as unknown as {_malloc: Malloc; _free(address: number): void};
  if (guarded.has(module)) return;
  guarded.add(module);
  module._free(module._malloc(1)); // Emscripten's first call puts another function in its own place.
  const malloc = module._malloc;
  module._malloc = (bytes) => {
    const address = bytes <= MOST_BYTES ? malloc(bytes) : 0;
    if (address === 0) {
      throw new BackendError(
        `wasm: the heap must have ${bytes} bytes more; it has not (free tensors, smaller batches).`,
      );
    }
    return address;
  };
}

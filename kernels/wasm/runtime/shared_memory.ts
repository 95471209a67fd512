/**
 * Makes a WebAssembly module take shared memory, by the one bit that says so.
 *
 * tfjs's wasm backend comes in a build with threads, which only browsers can start, and one without, whose memory is
 * its own. Whether a memory is shared is a flag of its declaration; code without atomic instructions runs on either. So
 * a module without threads can live on a memory that worker threads see too.
 *
 * Source: WebAssembly core specification, 5.5.5 "Import section", 5.5.8 "Memory section"; threads proposal, "limits".
 */

const IMPORT_SECTION = 2;
const MEMORY_SECTION = 5;

/** Kinds of imports. */
const FUNCTION = 0;
const MEMORY = 2;

const HAS_MAXIMUM = 1;
const SHARED = 2;

/**
 * A copy of a module whose memory, declared or imported, is shared.
 *
 * @throws Error if the module has no memory, or one without a maximum, which cannot be shared.
 */
export function withSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(module);
  let at = 8; // After magic number and version.
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  };
  const skipName = () => {
    const length = number();
    at += length;
  };
  const share = () => {
    if ((bytes[at] & HAS_MAXIMUM) === 0) throw new Error('withSharedMemory: the memory must have a maximum.');
    bytes[at] |= SHARED;
    return bytes;
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const end = number() + at;
    if (section === MEMORY_SECTION && number() > 0) return share();
    if (section === IMPORT_SECTION) {
      for (let left = number(); left > 0; left--) {
        skipName(); // Of the module.
        skipName(); // Of the import.
        const kind = bytes[at++];
        if (kind === MEMORY) return share();
        if (kind !== FUNCTION) throw new Error('withSharedMemory: imports must be functions or a memory.');
        number();
      }
    }
    at = end;
  }
  throw new Error('withSharedMemory: the module must have a memory.');
}

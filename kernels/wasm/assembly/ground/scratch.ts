/**
 * Scratch memory, taken from the heap of tfjs's own module: one block that the threads of a kernel share, one piece for
 * each thread, and one block for a caller that runs several kernels in a row. They grow to what the largest use so far
 * has needed and are kept, so that a kernel that has run before allocates nothing.
 */
import {ownScratchSize, setOwnScratch, threadCount} from './control_block';

// @ts-expect-error: decorator
@external('env', 'malloc')
declare function malloc(bytes: usize): usize;

// @ts-expect-error: decorator
@external('env', 'free')
declare function free(address: usize): void;

/** One cache line: blocks begin at one. */
const LINE: usize = 64;

let shared: usize = 0;
let sharedSize: usize = 0;
let caller: usize = 0;
let callerSize: usize = 0;
let own: usize = 0;
let ownThreads: i32 = 0;

function allocate(bytes: usize): usize {
  const address = malloc(bytes + LINE);
  if (address == 0) unreachable();
  return address;
}

// @ts-expect-error: decorator
@inline
function aligned(address: usize): usize {
  return (address + LINE - 1) & ~(LINE - 1);
}

/** At least `bytes` that all threads may use until the kernel returns. What it held before is lost. */
export function sharedScratch(bytes: usize): usize {
  if (bytes > sharedSize) {
    if (shared != 0) free(shared);
    shared = 0;
    sharedSize = 0;
    shared = allocate(bytes);
    sharedSize = bytes;
  }
  return aligned(shared);
}

/** At least `bytes` that stay as they are while kernels run, until the next call of this function. */
export function callerScratch(bytes: usize): usize {
  if (bytes > callerSize) {
    if (caller != 0) free(caller);
    caller = 0;
    callerSize = 0;
    caller = allocate(bytes);
    callerSize = bytes;
  }
  return aligned(caller);
}

/** Makes sure that `ownScratch()` of every thread has `bytes`. */
export function reserveOwnScratch(bytes: usize): void {
  const threads = threadCount();
  if (bytes <= ownScratchSize() && threads <= ownThreads) return;
  const stride = max<usize>(aligned(bytes), ownScratchSize());
  if (own != 0) free(own);
  own = 0;
  setOwnScratch(0, 0);
  own = allocate(stride * <usize>threads);
  ownThreads = threads;
  setOwnScratch(aligned(own), stride);
}

/** Bytes held. */
export function scratchBytes(): usize {
  return sharedSize + callerSize + ownScratchSize() * <usize>ownThreads;
}

/** Gives all scratch memory back; the next kernel takes what it needs anew. */
export function freeScratch(): void {
  if (shared != 0) free(shared);
  if (caller != 0) free(caller);
  if (own != 0) free(own);
  shared = 0;
  sharedSize = 0;
  caller = 0;
  callerSize = 0;
  own = 0;
  ownThreads = 0;
  setOwnScratch(0, 0);
}

/**
 * Scratch memory, taken from the heap of tfjs's own module: one block that the threads of a kernel share, and one piece
 * for each thread. Both grow to what the largest kernel so far has needed and are kept, so that a kernel that has run
 * before allocates nothing.
 */
import {ownScratchSize, setOwnScratch, threadCount} from './threads';

// @ts-ignore: decorator
@external('env', 'malloc')
declare function malloc(bytes: usize): usize;

// @ts-ignore: decorator
@external('env', 'free')
declare function free(address: usize): void;

/** One cache line: blocks begin at one. */
const LINE: usize = 64;

let shared: usize = 0;
let sharedSize: usize = 0;
let own: usize = 0;
let ownThreads: i32 = 0;

function allocate(bytes: usize): usize {
  const address = malloc(bytes + LINE);
  if (address == 0) unreachable();
  return address;
}

// @ts-ignore: decorator
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
  return sharedSize + ownScratchSize() * <usize>ownThreads;
}

/** Gives all scratch memory back; the next kernel takes what it needs anew. */
export function freeScratch(): void {
  if (shared != 0) free(shared);
  if (own != 0) free(own);
  shared = 0;
  sharedSize = 0;
  own = 0;
  ownThreads = 0;
  setOwnScratch(0, 0);
}

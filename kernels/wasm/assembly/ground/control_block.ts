/**
 * The control block: what the threads of a kernel know of each other. In bytes from the address given to `bind`:
 *
 *   0  i64  ticket: count << 32 | next index       8  i32  units finished
 *   12 i32  epoch, what idle workers wait on       16 i32  set to 1 by a worker that failed
 *   20 i32  workers ready                          24 i32  workers asleep
 *   28 i32  kind of the units                      32 i32  most threads at work, the caller among them
 *   36 u32  scratch memory of the threads          40 u32  bytes of it for each
 *   44 i32  set to 1 where workers would have been of use and none were ready
 *   64 ...  arguments of the units                 512 ... constants (arithmetic/transcendental.ts)
 */

export const DONE: usize = 8;
export const EPOCH: usize = 12;
export const FAILED: usize = 16;
export const READY: usize = 20;
export const ASLEEP: usize = 24;
export const KIND: usize = 28;
export const THREADS: usize = 32;
const SCRATCH: usize = 36;
const STRIDE: usize = 40;
export const WANTED: usize = 44;
const ARGUMENTS: usize = 64;
const CONSTANTS: usize = 512;

let control: usize = 0;
let threadIndex: i32 = 0;

/** Binds this instance to a control block, as thread `index`. */
export function bind(block: usize, index: i32): void {
  control = block;
  threadIndex = index;
}

/** The address of the control block. */
export function controlBlock(): usize {
  return control;
}

/** Where the constants of arithmetic/transcendental.ts are. */
export function constants(): usize {
  return control + CONSTANTS;
}

/** Where a kernel leaves the arguments of its units. */
export function unitArguments(): usize {
  return control + ARGUMENTS;
}

/** Most threads that work on one kernel. */
export function threadCount(): i32 {
  return load<i32>(control, THREADS);
}

/** This thread's own scratch memory; `reserveOwnScratch` makes it. */
export function ownScratch(): usize {
  return load<usize>(control, SCRATCH) + <usize>threadIndex * load<usize>(control, STRIDE);
}

export function ownScratchSize(): usize {
  return load<usize>(control, STRIDE);
}

export function setOwnScratch(address: usize, stride: usize): void {
  store<usize>(control, address, SCRATCH);
  store<usize>(control, stride, STRIDE);
}

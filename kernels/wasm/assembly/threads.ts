/**
 * Fork and join over threads that share one memory: `parallel(kind, count)` runs unit(kind, 0) to unit(kind, count - 1).
 *
 * Units are claimed one by one from a ticket, by the calling thread and by whichever workers are awake, so a worker that
 * is late or missing costs time and nothing else; and every unit computes its own part of a result, so which thread ran
 * it does not show in the result. The ticket holds count and next index in one word: a worker that comes too late reads
 * an index past the count that belongs to it, and claims nothing.
 *
 * The control block, in bytes (its address is given to `attach`):
 *
 *   0  i64  ticket: count << 32 | next index       8  i32  units finished
 *   12 i32  epoch, what idle workers wait on       16 i32  set to 1 by a worker that failed
 *   20 i32  workers ready                          24 i32  workers asleep
 *   28 i32  kind of the units                      32 i32  most threads at work, the caller among them
 *   36 u32  scratch memory of the threads          40 u32  bytes of it for each
 *   44 i32  set to 1 where workers would have been of use and none were ready
 *   64 ...  arguments of the units                 512 ... constants (vector.ts)
 */
import {unit} from './units';
import {writeConstants} from './vector';

const DONE: usize = 8;
const EPOCH: usize = 12;
const FAILED: usize = 16;
const READY: usize = 20;
const ASLEEP: usize = 24;
const KIND: usize = 28;
const THREADS: usize = 32;
const SCRATCH: usize = 36;
const STRIDE: usize = 40;
const WANTED: usize = 44;
const ARGUMENTS: usize = 64;
const CONSTANTS: usize = 512;

/**
 * Looks at the epoch before a worker goes to sleep: about a millisecond. Longer than tfjs needs between two kernels of a
 * network, because waking a sleeping thread can take as long as the kernel.
 */
const PATIENCE: i32 = 500000;

/** Looks at the finished units between two looks at the clock. */
const LOOKS: i32 = 1 << 20;

/** Milliseconds that may pass without a unit being finished. */
const DEADLINE: f64 = 10000;

/** Most milliseconds that count between two looks at the clock: a machine or a page that slept has not waited. */
const LONGEST_LOOK: f64 = 100;

let control: usize = 0;
let self: i32 = 0;

// @ts-ignore: decorator
@external('env', 'now')
declare function now(): f64;

/** Binds this instance to a control block, as thread `index`: 0 is the one that calls the kernels. */
export function attach(block: usize, index: i32): void {
  control = block;
  self = index;
  if (index == 0) writeConstants(block + CONSTANTS);
}

/** Where the constants of vector.ts are. */
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

/** This thread's own scratch memory; `reserve` in arena.ts makes it. */
export function ownScratch(): usize {
  return load<usize>(control, SCRATCH) + <usize>self * load<usize>(control, STRIDE);
}

export function ownScratchSize(): usize {
  return load<usize>(control, STRIDE);
}

export function setOwnScratch(address: usize, stride: usize): void {
  store<usize>(control, address, SCRATCH);
  store<usize>(control, stride, STRIDE);
}

/** Runs units as long as there are any. */
function drain(): void {
  while (true) {
    const ticket = atomic.add<i64>(control, 1);
    const index = <i32>ticket;
    if (index >= <i32>(ticket >> 32)) return;
    unit(load<i32>(control, KIND), index);
    atomic.add<i32>(control, 1, DONE);
  }
}

/** Runs all units of a kernel; on this thread alone where `small`, which is for work of less than some microseconds. */
export function parallel(kind: i32, count: i32, small: bool = false): void {
  const alone = small || count < 2 || load<i32>(control, THREADS) < 2;
  if (alone || atomic.load<i32>(control, READY) == 0) {
    if (!alone) store<i32>(control, 1, WANTED);
    for (let i = 0; i < count; i++) unit(kind, i);
    return;
  }
  store<i32>(control, kind, KIND);
  atomic.store<i32>(control, 0, DONE);
  atomic.store<i64>(control, <i64>count << 32);
  atomic.add<i32>(control, 1, EPOCH);
  if (atomic.load<i32>(control, ASLEEP) > 0) atomic.notify(control + EPOCH, -1);
  drain();
  let looks = 0;
  let before: f64 = 0;
  let waited: f64 = 0;
  let finished = -1;
  while (true) {
    const done = atomic.load<i32>(control, DONE);
    if (done == count) return;
    if (++looks < LOOKS) continue;
    looks = 0;
    const time = now();
    waited = done == finished ? waited + min(time - before, LONGEST_LOOK) : 0;
    before = time;
    finished = done;
    if (atomic.load<i32>(control, FAILED) != 0 || waited > DEADLINE) {
      atomic.store<i32>(control, 1, FAILED);
      unreachable();
    }
  }
}

/** The life of a worker. Ends by being terminated. */
export function serve(): void {
  let seen = atomic.load<i32>(control, EPOCH);
  atomic.add<i32>(control, 1, READY);
  drain();
  while (true) {
    let looks = 0;
    let epoch = seen;
    while (looks++ < PATIENCE) {
      epoch = atomic.load<i32>(control, EPOCH);
      if (epoch != seen) break;
    }
    if (epoch == seen) {
      atomic.add<i32>(control, 1, ASLEEP);
      atomic.wait<i32>(control + EPOCH, seen, -1);
      atomic.sub<i32>(control, 1, ASLEEP);
      epoch = atomic.load<i32>(control, EPOCH);
    }
    seen = epoch;
    drain();
  }
}

/**
 * Fork and join over threads that share one memory: `parallel(kind, count)` runs unit(kind, 0) to unit(kind, count - 1).
 *
 * Units are claimed one by one from a ticket, by the calling thread and by whichever workers are awake, so a worker that
 * is late or missing costs time and nothing else; and every unit computes its own part of a result, so which thread ran
 * it does not show in the result. The ticket holds count and next index in one word: a worker that comes too late reads
 * an index past the count that belongs to it, and claims nothing.
 *
 * The address of the control block is read anew wherever it is used: with it in a local variable of `serve`, V8 in Node 20
 * lets a worker sleep where no notification reaches it.
 */
import {writeConstants} from './arithmetic/transcendental';
import {
  ASLEEP,
  bind,
  constants,
  controlBlock,
  DONE,
  EPOCH,
  FAILED,
  KIND,
  READY,
  THREADS,
  WANTED,
} from './ground/control_block';
import {runUnit} from './units/run_unit';

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

// @ts-expect-error: decorator
@external('env', 'now')
declare function now(): f64;

/** Binds this instance to a control block, as thread `index`: 0 is the one that calls the kernels. */
export function attach(block: usize, index: i32): void {
  bind(block, index);
  if (index == 0) writeConstants(constants());
}

/** Runs units as long as there are any. */
function runUnits(): void {
  while (true) {
    const ticket = atomic.add<i64>(controlBlock(), 1);
    const index = <i32>ticket;
    if (index >= <i32>(ticket >> 32)) return;
    runUnit(load<i32>(controlBlock(), KIND), index);
    atomic.add<i32>(controlBlock(), 1, DONE);
  }
}

/** Runs all units of a kernel; on this thread alone where `small`, which is for work of less than some microseconds. */
export function parallel(kind: i32, count: i32, small: bool = false): void {
  const alone = small || count < 2 || load<i32>(controlBlock(), THREADS) < 2;
  if (alone || atomic.load<i32>(controlBlock(), READY) == 0) {
    if (!alone) store<i32>(controlBlock(), 1, WANTED);
    for (let i = 0; i < count; i++) runUnit(kind, i);
    return;
  }
  store<i32>(controlBlock(), kind, KIND);
  atomic.store<i32>(controlBlock(), 0, DONE);
  atomic.store<i64>(controlBlock(), (<i64>count) << 32);
  atomic.add<i32>(controlBlock(), 1, EPOCH);
  if (atomic.load<i32>(controlBlock(), ASLEEP) > 0) atomic.notify(controlBlock() + EPOCH, -1);
  runUnits();
  let looks = 0;
  let before: f64 = 0;
  let waited: f64 = 0;
  let finished = -1;
  while (true) {
    const done = atomic.load<i32>(controlBlock(), DONE);
    if (done == count) return;
    if (++looks < LOOKS) continue;
    looks = 0;
    const time = now();
    waited = done == finished ? waited + min(time - before, LONGEST_LOOK) : 0;
    before = time;
    finished = done;
    if (atomic.load<i32>(controlBlock(), FAILED) != 0 || waited > DEADLINE) {
      atomic.store<i32>(controlBlock(), 1, FAILED);
      unreachable();
    }
  }
}

/** The life of a worker. Ends by being terminated. */
export function serve(): void {
  let seen = atomic.load<i32>(controlBlock(), EPOCH);
  atomic.add<i32>(controlBlock(), 1, READY);
  runUnits();
  while (true) {
    let looks = 0;
    let epoch = seen;
    while (looks++ < PATIENCE) {
      epoch = atomic.load<i32>(controlBlock(), EPOCH);
      if (epoch != seen) break;
    }
    if (epoch == seen) {
      atomic.add<i32>(controlBlock(), 1, ASLEEP);
      atomic.wait<i32>(controlBlock() + EPOCH, seen, -1);
      atomic.sub<i32>(controlBlock(), 1, ASLEEP);
      epoch = atomic.load<i32>(controlBlock(), EPOCH);
    }
    seen = epoch;
    runUnits();
  }
}

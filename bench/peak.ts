/**
 * The most that the machine can do: a pure loop of multiplications and additions on operands in the first
 * cache. Measured between the runs
 * of what is compared with it, because the speed of a shared machine changes from second to second.
 */
import * as tf from '@tensorflow/tfjs';
import {setupBackend} from 'tfjs-swint';
import {type Alternative, interleaved, type Timing} from './measure.js';

/** GFLOP/s on one thread and on all. */
export interface Peak {
  one: number;
  all: number;
}

/** About 5 ms on one thread. */
const attrs = {turns: 20_000, units: 96};

/** Floating-point operations of a run. */
let flops = 0;

const run = async () => {
  const done = tf.engine().runKernel('SwintPeak', {}, attrs as unknown as tf.NamedAttrMap) as tf.Tensor;
  [flops] = await done.data();
  done.dispose();
  return undefined;
};

/** Starts the worker threads, which the first kernel with work for them does, and waits until they are up. */
export async function startWorkers(): Promise<void> {
  await run();
  await new Promise((resolve) => setTimeout(resolve, 1000));
}

/** Runs the alternatives, and the peak on as many threads in turn with them. */
export async function besidePeak<Name extends string>(
  alternatives: Partial<Record<Name, Alternative>>,
  repeats: number,
): Promise<{times: Partial<Record<Name, Timing>>; peak: Peak}> {
  const measured = await interleaved(
    {
      ...(alternatives as Record<Name, Alternative>),
      peakOfOne: {prepare: () => setupBackend('wasm', {threads: 1}), run},
      peakOfAll: {prepare: () => setupBackend('wasm'), run},
    },
    repeats,
  );
  const {peakOfOne, peakOfAll, ...times} = measured as Record<string, Timing>;
  const rate = ({median}: Timing) => flops / median / 1e6;
  return {
    times: times as Partial<Record<Name, Timing>>,
    peak: {one: rate(peakOfOne), all: rate(peakOfAll)},
  };
}

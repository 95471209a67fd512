/** Samples of what a process holds, and whether it grew: a least-squares line through each quantity over the samples. */

import {readdirSync} from 'node:fs';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import * as tf from '@tensorflow/tfjs';

/** What a process holds at a moment: bytes and numbers. */
export interface Sample {
  /** Since the start of the run. */
  seconds: number;
  rss: number;
  /** Without the names that tfjs-layers keeps. */
  heapUsed: number;
  external: number;
  /** Size of tfjs's heap on wasm; 0 on other backends. */
  wasmHeap: number;
  tensors: number;
  tensorBytes: number;
  gpuBytes: number;
  /** What keeps the event loop alive, beside the standard streams. */
  handles: number;
  /** Worker threads of Node, and threads of the operating system. */
  workers: number;
  threads: number;
}

/** Largest growth over a run, as a part of the mean. */
const LARGEST_GROWTH = 0.02;

/** Part of the samples that are left out at the beginning: engines compile, caches and pools fill. */
const WARM_UP = 0.3;

/** Bytes of a name that tfjs-layers keeps in its table, measured. */
const NAME_BYTES = 92;

let workers = 0;
process.on('worker', (worker) => {
  workers++;
  worker.on('exit', () => workers--);
});

/** Worker threads that run. */
export const workersAlive = () => workers;

/** What keeps the event loop alive, by kind, beside the standard streams and timers. */
export function handles(): string[] {
  const usual = new Set(['TTYWrap', 'PipeWrap', 'FileHandle', 'Timeout', 'Immediate']);
  return process.getActiveResourcesInfo().filter((kind) => !usual.has(kind));
}

/** Collects what nothing refers to any more, finalisers included. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Bytes of the heap of tfjs's wasm backend, where that is the one in use. */
function wasmHeap(): number {
  if (tf.getBackend() !== 'wasm') return 0;
  const {wasm} = tf.backend() as unknown as {wasm: {HEAPU8: Uint8Array}};
  return wasm.HEAPU8.byteLength;
}

/**
 * What the process holds now.
 *
 * @param start When the run began, by performance.now().
 * @param names Names of weights and layers that have been given so far.
 */
export async function takeSample(start: number, names: number): Promise<Sample> {
  await collectGarbage();
  const {rss, heapUsed, external} = process.memoryUsage();
  const {numTensors, numBytes, ...gpu} = tf.memory() as tf.MemoryInfo & {numBytesInGPU?: number};
  return {
    seconds: Math.round((performance.now() - start) / 1000),
    ...{rss, heapUsed: heapUsed - NAME_BYTES * names, external, wasmHeap: wasmHeap()},
    ...{tensors: numTensors, tensorBytes: numBytes, gpuBytes: gpu.numBytesInGPU ?? 0},
    ...{handles: handles().length, workers, threads: operatingSystemThreads()},
  };
}

function operatingSystemThreads(): number {
  try {
    return readdirSync('/proc/self/task').length;
  } catch {
    return 0; // Not Linux.
  }
}

/** A quantity over the samples after the warm-up. */
export interface Growth {
  mean: number;
  /** From the first sample to the last by the line, as a part of the mean. */
  growth: number;
  /** Whether that is within the bound. */
  flat: boolean;
}

const quantities = [
  ...(['rss', 'heapUsed', 'external', 'wasmHeap', 'tensors', 'tensorBytes', 'gpuBytes'] as const),
  ...(['handles', 'workers', 'threads'] as const),
];

/** The growth of each quantity. The samples must be as many as a line needs: three after the warm-up. */
export function growths(samples: readonly Sample[]): Record<(typeof quantities)[number], Growth> {
  const counted = samples.slice(Math.floor(samples.length * WARM_UP));
  if (counted.length < 3) {
    throw new RangeError(
      `soak: a line needs 3 samples after the warm-up; got ${counted.length} (a longer run).`,
    );
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const times = counted.map(({seconds}) => seconds);
  const middle = mean(times);
  const spread = times.reduce((sum, time) => sum + (time - middle) ** 2, 0);
  const one = (name: (typeof quantities)[number]): Growth => {
    const values = counted.map((sample) => sample[name]);
    const average = mean(values);
    const slope = values.reduce((sum, value, i) => sum + (value - average) * (times[i] - middle), 0) / spread;
    const grown = slope * (times[times.length - 1] - times[0]);
    const growth = grown === 0 ? 0 : grown / average;
    return {mean: average, growth, flat: growth <= LARGEST_GROWTH};
  };
  return Object.fromEntries(quantities.map((name) => [name, one(name)])) as ReturnType<typeof growths>;
}

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
  /** Names of weights and layers that have been given so far (soak_names.ts). */
  names: number;
}

/** Largest growth over a run, as a part of the mean. */
const LARGEST_GROWTH = 0.02;

/** Part of the samples that are left out at the beginning: engines compile, caches and pools fill. */
const WARM_UP = 0.3;

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
    ...{rss, heapUsed, external, wasmHeap: wasmHeap()},
    ...{tensors: numTensors, tensorBytes: numBytes, gpuBytes: gpu.numBytesInGPU ?? 0},
    ...{handles: handles().length, workers, threads: operatingSystemThreads(), names},
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
  /** The same without the names that tfjs-layers keeps. */
  own: number;
  /** Whether `own` is within the bound. */
  flat: boolean;
}

const quantities = [
  ...(['rss', 'heapUsed', 'external', 'wasmHeap', 'tensors', 'tensorBytes', 'gpuBytes'] as const),
  ...(['handles', 'workers', 'threads'] as const),
];

/** What grows by the names that tfjs-layers keeps. */
const hasNames: readonly string[] = ['rss', 'heapUsed'];

/**
 * The growth of each quantity. The samples must be as many as a line needs: three after the warm-up.
 *
 * @param nameBytes Bytes of a name that tfjs-layers keeps.
 */
export function growths(
  samples: readonly Sample[],
  nameBytes: number,
): Record<(typeof quantities)[number], Growth> {
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
  const growthOf = (values: number[]) => {
    const average = mean(values);
    const slope = values.reduce((sum, value, i) => sum + (value - average) * (times[i] - middle), 0) / spread;
    const grown = slope * (times[times.length - 1] - times[0]);
    return grown === 0 ? 0 : grown / average;
  };
  const one = (name: (typeof quantities)[number]): Growth => {
    const values = counted.map((sample) => sample[name]);
    const bytes = hasNames.includes(name) ? nameBytes : 0;
    const own = growthOf(counted.map((sample) => sample[name] - bytes * sample.names));
    return {mean: mean(values), growth: growthOf(values), own, flat: own <= LARGEST_GROWTH};
  };
  return Object.fromEntries(quantities.map((name) => [name, one(name)])) as ReturnType<typeof growths>;
}

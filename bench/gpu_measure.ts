/**
 * What a computation on the webgpu backend takes: time, dispatches, bytes.
 *
 *   wall         milliseconds from the call to the first number of the result, a few runs in a row, per run
 *   kernels      milliseconds on the GPU, by timestamps, where the device has them
 *   dispatches   of any shader, tfjs's among them
 *   bytes        most bytes of buffers in use at a time, beyond those in use before
 */
import * as tf from '@tensorflow/tfjs';
import type {Alternative, Timing} from './measure.js';

export interface GpuCounts {
  dispatches: number;
  bytes: number;
  kernels: number | null;
}

/** What is used of tfjs's backend beyond its typings. */
interface Counted extends tf.KernelBackend {
  device: GPUDevice;
  commandEncoder: GPUCommandEncoder | null;
  recordAndSubmit(...args: unknown[]): void;
  submitQueue(): void;
  endComputePassEncoder(): void;
  bufferManager: {numBytesUsed: number; acquireBuffer(...args: unknown[]): GPUBuffer};
}

const backend = () => tf.backend() as Counted;

/** Hands over what tfjs has held back, which also frees buffers, and waits until the GPU has done all of it. */
async function drain(): Promise<void> {
  const waiting = backend();
  if (waiting.commandEncoder) {
    waiting.endComputePassEncoder();
    waiting.submitQueue();
  }
  await waiting.device.queue.onSubmittedWorkDone();
}

async function firstNumber(result: tf.Tensor | tf.Tensor[]): Promise<void> {
  const one = Array.isArray(result) ? result[0] : result;
  const head = tf.tidy(() => tf.slice(tf.reshape(one, [-1]), 0, 1));
  await head.data();
  tf.dispose([head, result]);
}

/** Times `inner` runs in a row and gives the time of one. */
export function gpuRun(compute: () => tf.Tensor | tf.Tensor[], inner: number): Alternative['run'] {
  return async () => {
    await drain();
    const start = performance.now();
    for (let i = 1; i < inner; i++) tf.dispose(tf.tidy(compute as () => tf.Tensor));
    await firstNumber(tf.tidy(compute as () => tf.Tensor));
    return (performance.now() - start) / inner;
  };
}

/** Counts one run; the pipelines have to be there already. */
export async function gpuCounts(compute: () => tf.Tensor | tf.Tensor[]): Promise<GpuCounts> {
  await drain();
  const counted = backend();
  const {recordAndSubmit, bufferManager} = counted;
  const {acquireBuffer} = bufferManager;
  const before = bufferManager.numBytesUsed;
  let dispatches = 0;
  let bytes = 0;
  counted.recordAndSubmit = (...args) => {
    dispatches++;
    recordAndSubmit.apply(counted, args);
  };
  bufferManager.acquireBuffer = (...args) => {
    const buffer = acquireBuffer.apply(bufferManager, args);
    bytes = Math.max(bytes, bufferManager.numBytesUsed - before);
    return buffer;
  };
  try {
    await firstNumber(tf.tidy(compute as () => tf.Tensor));
  } finally {
    counted.recordAndSubmit = recordAndSubmit;
    bufferManager.acquireBuffer = acquireBuffer;
  }
  // Cutting out the number that is read is one of them.
  dispatches -= 1;
  let kernels: number | null = null;
  if (counted.device.features.has('timestamp-query')) {
    const timed = await tf.time(() => tf.dispose(tf.tidy(compute as () => tf.Tensor)));
    kernels = (timed.kernelMs as number | null) ?? null;
  }
  return {dispatches, bytes, kernels};
}

export interface GpuRow {
  what: string;
  ours: GpuCounts & {wall: Timing};
  /** With precision 'f16'. */
  f16?: GpuCounts & {wall: Timing};
  stock?: GpuCounts & {wall: Timing};
  /** Floating-point operations of a run. */
  flops?: number;
}

/** Floating-point operations a second, in thousands of millions. */
export const gigaflops = ({wall, kernels}: GpuCounts & {wall: Timing}, flops: number) =>
  flops / (kernels || wall.median) / 1e6;

const describe = (measured: GpuCounts & {wall: Timing}, flops?: number, peak?: number) => {
  const {wall, kernels, dispatches, bytes} = measured;
  const speed = flops && gigaflops(measured, flops);
  const share = speed && peak ? ` (${((100 * speed) / peak).toFixed(0)} % of the peak)` : '';
  const rate = speed ? `, ${speed.toFixed(1)} GFLOP/s${share}` : '';
  const onGpu = kernels ? `, ${kernels.toFixed(2)} ms on the GPU` : '';
  return `${wall.median.toFixed(2)} ms (${wall.min.toFixed(2)} to ${wall.max.toFixed(2)})${onGpu}${rate}, ${dispatches} dispatches, ${(bytes / 2 ** 20).toFixed(1)} MiB`;
};

/** Prints a row as it comes; `peak` in GFLOP/s. */
export function printGpuRow({what, ours, f16, stock, flops}: GpuRow, peak?: number): void {
  console.log(`${what}\n    ours   ${describe(ours, flops, peak)}`);
  if (f16) console.log(`    f16    ${describe(f16, flops, peak)}`);
  if (!stock) return;
  console.log(`    stock  ${describe(stock, flops, peak)}`);
  const times = (stock.kernels ?? 0) / (ours.kernels || Number.POSITIVE_INFINITY);
  const gpu = times > 0 ? `, ${times.toFixed(2)}x on the GPU` : '';
  console.log(
    `    ratio  ${(stock.wall.median / ours.wall.median).toFixed(2)}x${gpu}, ` +
      `${(stock.dispatches / ours.dispatches).toFixed(1)}x dispatches, ${(stock.bytes / ours.bytes).toFixed(2)}x bytes`,
  );
}

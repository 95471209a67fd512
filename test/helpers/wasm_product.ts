/** Real work for the library's WebAssembly kernels: a product of matrices, and a look at the threads that computed it. */

import * as tf from '@tensorflow/tfjs';
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {address, output} from '../../kernels/wasm/runtime/heap.js';
import {kernelModule} from '../../kernels/wasm/runtime/module.js';

/** What may follow the product; see kernels/wasm/assembly/kernels/product.ts. */
interface Extras {
  bias?: tf.Tensor1D;
  gelu?: boolean;
}

/** f(a b + bias) for a [M, K] and b [K, N], by the kernels themselves. The wasm backend must be active. */
export function product(a: tf.Tensor2D, b: tf.Tensor2D, {bias, gelu = false}: Extras = {}): tf.Tensor2D {
  const backend = tf.backend() as BackendWasm;
  const module = kernelModule(backend);
  const [m, k] = a.shape;
  const n = b.shape[1];
  const {tensor, at} = output(backend, [m, n]);
  const panels = module.allocate(module.run((kernels) => kernels.panelBytes(k, n)));
  try {
    module.run((kernels) => {
      kernels.packPanels(address(backend, b), n * 4, k, n, 0, panels);
      const extras = [address(backend, bias), Number(gelu), 0, 0, 0, 0] as const;
      kernels.productRows(address(backend, a), k * 4, panels, at, m, n, k, ...extras);
    });
  } finally {
    module.free(panels);
  }
  return tf.engine().makeTensorFromTensorInfo(tensor) as tf.Tensor2D;
}

/** The private parts of KernelModule that tests look into: the threads themselves, and their control block. */
interface Insides {
  team: {
    control: number;
    pool?: {workers: Array<{terminate(): unknown}>};
  };
}

/** The worker threads of the active wasm backend. */
export function workers(): Array<{terminate(): unknown}> {
  const {team} = kernelModule(tf.backend() as BackendWasm) as unknown as Insides;
  return team.pool?.workers ?? [];
}

/** The control block, in words; kernels/wasm/assembly/ground/control_block.ts lists them. */
export function controlBlock(): Int32Array {
  const module = kernelModule(tf.backend() as BackendWasm);
  const {control} = (module as unknown as Insides).team;
  return new Int32Array(module.memory.buffer, control, 128);
}

/** Workers that have started. */
export const READY = 5;
/** Threads that the last kernel could run on; the address of their scratch memory follows. */
const THREADS = 8;
/** Bytes from one thread's scratch memory to the next one's. */
export const STRIDE = 10;

/** Resolves when `count` workers have started; a kernel must have had a use for them. */
export async function workersReady(count: number): Promise<void> {
  const start = performance.now();
  while (Atomics.load(controlBlock(), READY) < count) {
    // Ends a hang; it takes milliseconds where nothing else runs.
    if (performance.now() - start > 300_000) throw new Error(`workersReady: ${count} workers must start.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Which threads computed something in `compute`, by what they left in their scratch memory. Ragged products do. */
export function threadsAtWork(compute: () => void): boolean[] {
  const [threads, scratch, stride] = Array.from(
    controlBlock().subarray(THREADS, STRIDE + 1),
    (word) => word >>> 0,
  ) as [number, number, number];
  const {memory} = kernelModule(tf.backend() as BackendWasm);
  const pieces = () =>
    Array.from(
      {length: threads},
      (_, thread) => new Int32Array(memory.buffer, scratch + thread * stride, 64),
    );
  for (const piece of pieces()) piece.fill(0);
  compute();
  return pieces().map((piece) => piece.some((value) => value !== 0));
}

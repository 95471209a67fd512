/**
 * The library's own WebAssembly kernels (assembly/), running in the heap of tfjs's wasm backend: one instance for each
 * backend, made when a kernel first asks for it.
 *
 * Why in tfjs's heap: the other way is a memory of our own, with copies of every operand in and of every result out. At
 * 28 GB/s that costs a block pair of 56x56x96 1 % forward, but a training step whose other operations are bound by
 * memory already pays it at every one of them. tfjs's heap is not shared between threads by itself; in Node
 * `setupBackend` loads tfjs's module with the flag that makes it so (shared_memory), and in a cross-origin isolated
 * page tfjs itself does. Where the heap is not shared, kernels run on the calling thread alone.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {BackendError} from '../errors.js';
import {RELAXED_SIMD, SIMD} from './binary.js';
import {withSharedMemory} from './shared_memory.js';
import {WorkerPool, wantedThreads} from './worker_pool.js';

/** What assembly/index.ts exports. Addresses and counts are numbers. */
export interface KernelExports {
  attach(control: number, thread: number): void;
  freeScratch(): void;
  scratchBytes(): number;
  packPanels(b: number, ldb: number, k: number, n: number, transposed: number, to: number): void;
  panelBytes(k: number, n: number): number;
  peak(turns: number): number;
  peakOperations(): number;
  productRows(
    a: number,
    lda: number,
    panels: number,
    c: number,
    m: number,
    n: number,
    k: number,
    bias: number,
    activate: number,
    z: number,
    scale: number,
    scaleRows: number,
    addend: number,
  ): void;
  productColumns(
    a: number,
    lda: number,
    b: number,
    ldb: number,
    c: number,
    m: number,
    n: number,
    k: number,
  ): void;
  batchStatistics(
    x: number,
    outer: number,
    channels: number,
    inner: number,
    mean: number,
    variance: number,
  ): void;
  batchNormalise(
    x: number,
    outer: number,
    channels: number,
    inner: number,
    mean: number,
    variance: number,
    gamma: number,
    beta: number,
    epsilon: number,
    y: number,
  ): void;
  batchNormGradient(
    dy: number,
    x: number,
    outer: number,
    channels: number,
    inner: number,
    mean: number,
    variance: number,
    gamma: number,
    epsilon: number,
    batch: number,
    dx: number,
    dgamma: number,
    dbeta: number,
  ): void;
  matrixProducts(
    items: number,
    a: number,
    strideA: number,
    transposeA: number,
    b: number,
    strideB: number,
    transposeB: number,
    c: number,
    m: number,
    n: number,
    k: number,
    bias: number,
    activation: number,
  ): void;
  adamUpdate(
    value: number,
    gradient: number,
    m: number,
    v: number,
    newValue: number,
    newM: number,
    newV: number,
    size: number,
    beta1: number,
    beta2: number,
    rate: number,
    epsilon: number,
    decay: number,
  ): void;
  sgdUpdate(
    value: number,
    gradient: number,
    velocity: number,
    newValue: number,
    newVelocity: number,
    size: number,
    learningRate: number,
    momentum: number,
    nesterov: number,
    weightDecay: number,
  ): void;
  patchMerge(x: number, batch: number, height: number, width: number, channels: number, y: number): void;
  patchMergeGradient(
    dy: number,
    batch: number,
    height: number,
    width: number,
    channels: number,
    dx: number,
  ): void;
  /** Sizes and steps of the outer axes, then those of the rows. */
  copyRows(
    x: number,
    y: number,
    ...outer: [...sizes: FourNumbers, ...from: FourNumbers, rows: number, step: number, bytes: number]
  ): void;
  transposeSquares(
    x: number,
    y: number,
    ...outer: [
      ...sizes: FourNumbers,
      ...from: FourNumbers,
      ...to: FourNumbers,
      rows: number,
      step: number,
      columns: number,
      toStep: number,
    ]
  ): void;
  axisSums(x: number, outer: number, length: number, inner: number, factor: number, y: number): void;
}

/** One number for each of the outer axes of permute.ts. */
export type FourNumbers = [number, number, number, number];

/** What is used of tfjs's own module, an Emscripten one. */
interface TfjsModule {
  asm?: {memory?: WebAssembly.Memory};
  /** Of the build with threads. */
  wasmMemory?: WebAssembly.Memory;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** Whether the engine has relaxed SIMD: a module with one such instruction (i8x16.relaxed_swizzle) is valid. */
function hasRelaxedSimd(): boolean {
  const head = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0];
  const body = [65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];
  return WebAssembly.validate(new Uint8Array([...head, ...body]));
}

/** Nanoseconds of a multiplication and addition of vectors, by a module on a memory of its own. */
function timeOfPeak(binary: Uint8Array<ArrayBuffer>): number {
  const memory = new WebAssembly.Memory({initial: 1, maximum: 65536});
  const nothing = () => 0;
  const env = {memory, malloc: nothing, free: nothing, now: nothing};
  const {peak} = new WebAssembly.Instance(new WebAssembly.Module(binary), {env})
    .exports as unknown as KernelExports;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    peak(20_000);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** How much faster the fused instruction has to be: it is by half or not at all, depending on the processor. */
const WORTH_IT = 1.25;

let chosen: {binary: Uint8Array<ArrayBuffer>; relaxed: boolean} | undefined;

/** The build that is faster here. Measured once per process, in about 5 ms, where the engine has both. */
export function kernelBinary(): {binary: Uint8Array<ArrayBuffer>; relaxed: boolean} {
  if (!chosen) {
    const simd = bytesOf(SIMD);
    chosen = {binary: simd, relaxed: false};
    if (hasRelaxedSimd()) {
      const relaxed = bytesOf(RELAXED_SIMD);
      if (timeOfPeak(relaxed) * WORTH_IT < timeOfPeak(simd)) chosen = {binary: relaxed, relaxed: true};
    }
  }
  return chosen;
}

/** Bytes of the control block; see assembly/threads.ts. */
const CONTROL_BYTES = 512;

export class KernelModule {
  /** tfjs's heap. Its buffer is another object after it has grown. */
  readonly memory: WebAssembly.Memory;
  /** Whether worker threads can see the heap. */
  readonly shared: boolean;
  private readonly exports: KernelExports;
  private readonly module: WebAssembly.Module;
  private readonly tfjs: TfjsModule;
  private pool: WorkerPool;

  constructor(backend: BackendWasm) {
    this.tfjs = backend.wasm as unknown as TfjsModule;
    const memory = this.tfjs.asm?.memory ?? this.tfjs.wasmMemory;
    if (!memory) {
      throw new BackendError(
        'wasm: the memory of tfjs-backend-wasm must be reachable; it is not (versions 4.x are supported).',
      );
    }
    this.memory = memory;
    this.shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
    const {binary} = kernelBinary();
    this.module = new WebAssembly.Module(this.shared ? withSharedMemory(binary) : binary);
    const env = {
      memory,
      malloc: this.tfjs._malloc,
      free: this.tfjs._free,
      now: () => performance.now(),
    };
    this.exports = new WebAssembly.Instance(this.module, {env}).exports as unknown as KernelExports;
    this.pool = this.makePool();
  }

  private makePool(): WorkerPool {
    const control = this.allocate(CONTROL_BYTES);
    new Uint8Array(this.memory.buffer, control, CONTROL_BYTES).fill(0);
    const threads = this.shared ? wantedThreads() : 1;
    const pool = new WorkerPool(this.module, this.memory, control, threads);
    this.exports.attach(control, 0);
    return pool;
  }

  /** Threads that kernels run on, the calling one among them. */
  get threads(): number {
    return this.pool.threads;
  }

  /**
   * Runs kernels: `work` is given their functions.
   *
   * @throws BackendError when memory runs out or a worker thread fails.
   */
  run<T>(work: (kernels: KernelExports) => T): T {
    if (this.shared && !this.pool.use(wantedThreads())) this.restart();
    const failure = this.pool.takeFailure();
    if (failure) {
      this.restart();
      throw failure;
    }
    try {
      return work(this.exports);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      const broken = this.pool.failed();
      this.restart();
      throw new BackendError(
        broken
          ? 'wasm: every worker thread must finish its part; one failed or did not answer (the next call starts new ones).'
          : 'wasm: there must be memory for the scratch space of a kernel; there is not (free tensors, smaller batches).',
        {cause: error},
      );
    } finally {
      this.pool.startIfWanted();
    }
  }

  private restart(): void {
    this.exports.freeScratch();
    this.pool.terminate();
    this.pool = this.makePool();
  }

  /** Memory of tfjs's heap, 8-byte aligned, for the caller to free. */
  allocate(bytes: number): number {
    const address = this.tfjs._malloc(bytes);
    if (address === 0) {
      throw new BackendError(`wasm: the heap must have ${bytes} bytes more; it has not (free tensors).`);
    }
    return address;
  }

  free(address: number): void {
    this.tfjs._free(address);
  }

  /** Ends the workers and gives scratch memory back. */
  dispose(): void {
    this.exports.freeScratch();
    this.pool.terminate();
  }
}

const modules = new WeakMap<BackendWasm, KernelModule>();

/** The kernels on a backend's heap. */
export function kernelModule(backend: BackendWasm): KernelModule {
  let module = modules.get(backend);
  if (!module) {
    module = new KernelModule(backend);
    modules.set(backend, module);
  }
  return module;
}

/** Ends the workers of a backend that is being removed. */
export function disposeKernelModule(backend: BackendWasm): void {
  modules.get(backend)?.dispose();
  modules.delete(backend);
}

/**
 * The library's own WebAssembly kernels (assembly/), running in the heap of tfjs's wasm backend: one instance for each
 * backend, made when a kernel first asks for it.
 *
 * Why in tfjs's heap: the other way is a memory of our own, shared between threads, with copies of every operand in and
 * of every result out. Measured on two cores at 31 GB/s, with two threads computing, these add 5 % to a block pair of
 * 56x56x96 forward, where a block is one kernel, 20 % forward and backward, and 28 % to a training step of SwinResNet-14
 * or its twin (2 GB and 0.6 GB of copies). tfjs's heap is not shared by itself; in Node `setupBackend` loads tfjs's
 * module with the flag that makes it so (shared_memory), and in a cross-origin isolated page tfjs itself does. Where the
 * heap is not shared, kernels run on the calling thread alone.
 *
 * Worker threads write to the heap, so what they use, the control block and the scratch memory, is theirs until they
 * are gone: workers that failed are replaced together with their memory, and it is given back once they have ended.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../../common/errors.js';
import {guardModule} from './guarded_module.js';
import type {KernelExports} from './kernel_exports.js';
import {PackedWeights} from './packed_weights.js';
import {withSharedMemory} from './shared_memory.js';
import {kernelBinaries} from './unpack_binary.js';
import {THREADS, WITHOUT_WORKERS, WorkerPool, wantedThreads} from './worker_pool.js';

/** What is used of tfjs's own module, an Emscripten one. */
interface TfjsModule {
  asm?: {memory?: WebAssembly.Memory};
  /** Of the build with threads. */
  wasmMemory?: WebAssembly.Memory;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

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
    peak(20_000, 1024);
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
    const {simd, relaxed} = kernelBinaries();
    const faster = hasRelaxedSimd() && timeOfPeak(relaxed) * WORTH_IT < timeOfPeak(simd);
    chosen = {binary: faster ? relaxed : simd, relaxed: faster};
  }
  return chosen;
}

/** Bytes of the control block; see assembly/ground/control_block.ts. */
const CONTROL_BYTES = 1024;

/** Bytes of a cache line, where the control block begins. */
const LINE = 64;

/** The kernels bound to a control block, and the workers that serve it. */
interface Team {
  /** The memory that the control block is in, and its address there. */
  readonly block: number;
  readonly control: number;
  readonly exports: KernelExports;
  /** Only on a heap that is shared. */
  readonly pool: WorkerPool | undefined;
}

export class KernelModule {
  /** tfjs's heap. Its buffer is another object after it has grown. */
  readonly memory: WebAssembly.Memory;
  /** Whether worker threads can see the heap. */
  readonly shared: boolean;
  private readonly module: WebAssembly.Module;
  private readonly tfjs: TfjsModule;
  private readonly packed: PackedWeights;
  private team: Team;

  /** @throws BackendError where the engine or the version of tfjs is none that the kernels can run on. */
  constructor(backend: BackendWasm) {
    this.tfjs = backend.wasm as unknown as TfjsModule;
    const memory = this.tfjs.asm?.memory ?? this.tfjs.wasmMemory;
    if (!memory) {
      throw new BackendError(
        'wasm: the memory of tfjs-backend-wasm must be reachable; it is not (versions 4.x are supported).',
      );
    }
    this.memory = memory;
    guardModule(backend);
    this.shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
    const {binary} = kernelBinary();
    try {
      this.module = new WebAssembly.Module(this.shared ? withSharedMemory(binary) : binary);
    } catch (error) {
      const why = (error as Error).message;
      throw new BackendError(`wasm: the engine must have WebAssembly SIMD; got "${why}" (a newer one).`, {
        cause: error,
      });
    }
    this.team = this.gather();
    this.packed = new PackedWeights(() => this.team.exports, this);
    // What is packed goes with the data it was made from: see PackedWeights.
    const dispose = backend.disposeData.bind(backend);
    backend.disposeData = (dataId: tf.DataId, force?: boolean) => {
      const gone = dispose(dataId, force);
      if (gone) this.packed.forget(dataId);
      return gone;
    };
  }

  private gather(): Team {
    const {module, memory} = this;
    const env = {
      memory,
      malloc: (bytes: number) => this.allocateOrZero(bytes),
      free: this.tfjs._free,
      now: () => performance.now(),
    };
    const exports = new WebAssembly.Instance(module, {env}).exports as unknown as KernelExports;
    const block = this.allocate(CONTROL_BYTES + LINE);
    const control = ((block + LINE - 1) & -LINE) >>> 0;
    const words = new Int32Array(memory.buffer, control, CONTROL_BYTES / 4).fill(0);
    words[THREADS] = this.threads;
    exports.attach(control, 0);
    return {
      block,
      control,
      exports,
      pool: this.shared ? new WorkerPool(module, memory, control, this.threads) : undefined,
    };
  }

  /** A new team; the memory of the old one is given back when none of its workers can write to it any more. */
  private replaceTeam(): void {
    const {block, exports, pool} = this.team;
    this.team = this.gather();
    const giveBack = () => {
      exports.freeScratch();
      this.tfjs._free(block);
    };
    if (pool) pool.terminate().then(giveBack);
    else giveBack();
  }

  /** Threads that kernels run on, the calling one among them. */
  get threads(): number {
    return this.shared ? wantedThreads() : 1;
  }

  /** Bytes of scratch memory that the kernels hold. */
  get scratchBytes(): number {
    return this.team.exports.scratchBytes() >>> 0;
  }

  /** Bytes of weights that are kept packed. */
  get packedBytes(): number {
    return this.packed.bytes;
  }

  /** Gives scratch memory and packed weights back; the next kernel takes what it needs. */
  freeMemory(): void {
    this.team.exports.freeScratch();
    this.packed.clear();
  }

  /**
   * Runs kernels: `work` is given their functions, and weights in the order in which products read them.
   *
   * @throws BackendError when memory runs out or a worker thread fails. The next call starts anew.
   */
  run<T>(work: (kernels: KernelExports, packed: PackedWeights) => T): T {
    this.checkWorkers();
    const {exports, pool} = this.team;
    try {
      const result = work(exports, this.packed);
      pool?.startIfWanted();
      return result;
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      if (pool?.hasFailed()) {
        this.replaceTeam();
        throw new BackendError(
          `wasm: every worker thread must finish its part; one failed or did not answer (${WITHOUT_WORKERS}).`,
          {cause: error},
        );
      }
      // Allocating is the one thing that gives up on purpose; no unit is being computed then.
      if (/unreachable/i.test(error.message)) {
        exports.freeScratch();
        throw new BackendError(
          'wasm: there must be memory for the scratch space of a kernel; there is not (free tensors, smaller batches).',
          {cause: error},
        );
      }
      this.replaceTeam(); // Workers may be in the middle of the same kernel.
      throw error;
    }
  }

  /** The number of workers asked for, all of them alive; or the error of one that ended since the last call. */
  private checkWorkers(): void {
    const {pool} = this.team;
    if (!pool) return;
    const {failure} = pool;
    if (failure || !pool.use(this.threads)) this.replaceTeam();
    if (failure && this.threads > 1) throw failure;
  }

  /**
   * Memory of tfjs's heap, 8-byte aligned, for the caller to free.
   *
   * @throws BackendError where the heap has no room.
   */
  allocate(bytes: number): number {
    // tfjs returns addresses beyond 2 GiB as negative numbers.
    return this.tfjs._malloc(bytes) >>> 0;
  }

  /** The same for the kernels, which must not be left by an exception in the middle of their work. */
  private allocateOrZero(bytes: number): number {
    try {
      return this.tfjs._malloc(bytes);
    } catch (error) {
      if (error instanceof BackendError) return 0;
      throw error;
    }
  }

  free(address: number): void {
    this.tfjs._free(address);
  }

  /** Ends the workers. Memory goes with the heap. */
  dispose(): void {
    this.team.pool?.terminate();
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

/** The same, if they have been used. */
export function existingKernelModule(backend: BackendWasm): KernelModule | undefined {
  return modules.get(backend);
}

/** Ends the workers of a backend that is being removed. */
export function disposeKernelModule(backend: BackendWasm): void {
  modules.get(backend)?.dispose();
  modules.delete(backend);
}

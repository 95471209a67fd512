/** What the kernels of this library keep on tfjs's wasm heap beside tensors: asked for, and given back. */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {existingKernelModule, type KernelModule} from './module.js';

/** Bytes on the wasm heap that belong to this library's kernels. They are not in `tf.memory()`. */
export interface KernelMemory {
  /** Working space, as much as the largest kernel so far has needed; kept for the next one. */
  scratch: number;
  /** Weights kept in the order in which products read them; they go with their tensors. */
  packedWeights: number;
}

/** The kernels on the wasm backend, active or not; undefined where nothing has used them. */
function runningModule(): KernelModule | undefined {
  const backend = tf.engine().registry.wasm as BackendWasm | undefined;
  return backend && existingKernelModule(backend);
}

/** What this library's kernels hold on the heap of the wasm backend; zeros where that has not been used. */
export function kernelMemory(): KernelMemory {
  const module = runningModule();
  return {scratch: module?.scratchBytes ?? 0, packedWeights: module?.packedBytes ?? 0};
}

/**
 * Gives all of it back, for a pause between two pieces of work. Kernels go on working: the next ones take what they
 * need. tfjs's heap does not shrink, but what is given back is there for tensors.
 */
export function freeKernelMemory(): void {
  runningModule()?.freeMemory();
}

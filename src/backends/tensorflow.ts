/**
 * Makes native TensorFlow available, through tfjs-node-gpu (CUDA) or else tfjs-node.
 *
 * Release 4.22, the last one, calls functions of Node's `util` that Node 23 removed (tfjs #8609): they are put back. As it
 * loads it makes itself the active backend: that is undone.
 */
import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';
import {keepActive} from './activate_backend.js';
import {importOptional, missingBackend} from './optional_package.js';
import {isNode} from './platform.js';

const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu';
const CPU_PACKAGE = '@tensorflow/tfjs-node';

/** What is read of tfjs-node's backend beyond the type of tf.backend(). */
export interface NativeBackend extends tf.KernelBackend {
  /** Whether it is that of tfjs-node-gpu. */
  isGPUPackage?: boolean;
  /** Whether TensorFlow has found a GPU. */
  isUsingGpuDevice?: boolean;
}

/** Puts back what tfjs-node calls as long as it runs. */
function restoreRemovedFunctions(): void {
  const util = process.getBuiltinModule('node:util') as unknown as {
    isArray?: (value: unknown) => boolean;
    isNullOrUndefined?: (value: unknown) => boolean;
  };
  util.isArray ??= Array.isArray;
  util.isNullOrUndefined ??= (value) => value === undefined || value === null;
}

/**
 * Loads tfjs-node where nothing has registered a backend tensorflow.
 *
 * @param gpu whether only the package for GPUs will do.
 * @returns the package that was loaded, or undefined where none had to be.
 * @throws BackendError that says why not and what to install.
 */
export async function loadTensorFlow(gpu: boolean): Promise<string | undefined> {
  if (!isNode()) {
    if (tf.findBackendFactory('tensorflow')) return undefined;
    throw missingBackend('tensorflow: it runs in Node; got a browser (use webgpu, wasm or webgl).');
  }
  restoreRemovedFunctions();
  if (tf.findBackendFactory('tensorflow')) return undefined;
  const failures: BackendError[] = [];
  for (const packageName of gpu ? [GPU_PACKAGE] : [GPU_PACKAGE, CPU_PACKAGE]) {
    const restore = keepActive();
    try {
      if (await importOptional(packageName)) return packageName;
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      failures.push(error);
    } finally {
      await restore();
    }
  }
  if (failures.length > 0) {
    throw new BackendError(
      `tensorflow: its package must load; got ${failures.map(({message}) => message).join(' ')}`,
      {cause: failures[0]},
    );
  }
  throw missingBackend(
    gpu
      ? `tensorflow: an automatic choice takes it first with a GPU only, for which ${GPU_PACKAGE} must be installed; ` +
          `it is not (npm install ${GPU_PACKAGE}).`
      : `tensorflow: ${GPU_PACKAGE} or ${CPU_PACKAGE} must be installed; neither is (npm install ${CPU_PACKAGE}; ` +
          'in a clone of tfjs-swint npm run setup:tensorflow).',
  );
}

/** @throws BackendError for native TensorFlow on the CPU, which on wasm this library's kernels outrun. */
export function withGpuOnly(backend: tf.KernelBackend): void {
  const {isUsingGpuDevice, isGPUPackage} = backend as NativeBackend;
  if (isUsingGpuDevice) return;
  const message = `tensorflow: an automatic choice takes it first with a GPU only; got ${
    isGPUPackage ? 'tfjs-node-gpu, which found no GPU (CUDA and its driver must be installed)' : 'the CPU'
  } (name it to use it: setupBackend('tensorflow')).`;
  // Only the package for GPUs was installed to be the first.
  throw isGPUPackage ? new BackendError(message) : missingBackend(message);
}

/**
 * Chooses and starts the tfjs backend that everything runs on.
 *
 * Without a name, the first that works of tensorflow (native TensorFlow, with a GPU) > webgpu (hardware only) > wasm >
 * tensorflow (on the CPU) > webgl (in browsers, hardware only) > cpu.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import {oneOf, positiveInteger} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import '../../kernels/tensorflow/index.js';
import '../../kernels/wasm/index.js';
import '../../kernels/webgpu/index.js';
import {
  registerOperations as registerNativeOperations,
  unregisterOperations as unregisterNativeOperations,
} from '../../kernels/tensorflow/operations/index.js';
import {
  replaceStockKernels as replaceStockNativeKernels,
  restoreStockKernels as restoreStockNativeKernels,
} from '../../kernels/tensorflow/tfjs/replacements.js';
import {registerOperations, unregisterOperations} from '../../kernels/wasm/operations/index.js';
import {guardModule} from '../../kernels/wasm/runtime/guarded_module.js';
import {kernelModule} from '../../kernels/wasm/runtime/module.js';
import {setThreads} from '../../kernels/wasm/runtime/worker_pool.js';
import {replaceStockKernels, restoreStockKernels} from '../../kernels/wasm/tfjs/replacements.js';
import {
  registerOperations as registerGpuOperations,
  unregisterOperations as unregisterGpuOperations,
} from '../../kernels/webgpu/operations/index.js';
import {type Precision, setPrecision} from '../../kernels/webgpu/runtime/precision.js';
import {
  replaceStockKernels as replaceStockGpuKernels,
  restoreStockKernels as restoreStockGpuKernels,
} from '../../kernels/webgpu/tfjs/replacements.js';
import {BackendError, ConfigError} from '../errors.js';
import {activateBackend} from './activate_backend.js';
import {hardwareOnly, recordChoice, type SkippedBackend} from './backend_report.js';
import {withModuleErrors} from './module_loading.js';
import {isMissing} from './optional_package.js';
import {type BackendName, registerBackend} from './register_backend.js';
import {whyNotShared, withHeap} from './shared_heap.js';
import {withGpuOnly} from './tensorflow.js';

export type {BackendName} from './register_backend.js';

/** Options of `setupBackend`. */
export interface SetupBackendOptions {
  /**
   * Threads that this library's kernels run on, the calling one among them; a whole number from 1. It takes effect when the
   * backend is wasm. Default all cores where tfjs's heap can be shared between threads, one elsewhere: it can be in
   * Node when this function starts the backend, and in a page that is cross-origin isolated. `backendReport()` tells
   * the number in use, and why it is smaller.
   */
  threads?: number;
  /**
   * Whose kernels compute, for the whole application. 'swint' (the default): this library's, on wasm, webgpu and, for some,
   * tensorflow for its own operations and in the place of stock ones too (on both: conv2d and its gradients, transposes; on wasm also matrix
   * products, sums and means, slices, identity; on tensorflow products of two matrices and step). 'tfjs': the stock ones, put back if they were replaced, and this
   * library's operations are composed of them; only what tfjs lacks altogether on wasm (the filter gradients of
   * convolutions, the gradient of gather) stays ours. `threads` does nothing then.
   */
  kernels?: KernelChoice;
  /**
   * How whole Swin blocks keep what lies inside of them, on webgpu: 'f32' (the default), or 'f16', 16-bit floats with
   * float32 sums: half the memory for the backward pass, results that differ by up to 1 %. Weights, gradients and the maps
   * between blocks stay float32, and so do blocks whose channels, hidden layer or head are no multiples of 4. Where the
   * device has matrix units the products of blocks run on them, of factors rounded to 16-bit floats. It takes effect when
   * the backend is webgpu; `backendReport()` tells.
   */
  precision?: Precision;
}

const OPTIONS = {
  threads: true,
  kernels: true,
  precision: true,
} as const satisfies ArgumentNames<SetupBackendOptions>;

/** Whose kernels are used where both this library and tfjs have one. */
type KernelChoice = 'swint' | 'tfjs';

const kernelChoices: readonly KernelChoice[] = ['swint', 'tfjs'];

const precisions: readonly Precision[] = ['f32', 'f16'];

const backendNames: readonly BackendName[] = ['tensorflow', 'webgpu', 'wasm', 'webgl', 'cpu'];

/** What the automatic choice tries, best first: on the CPU native TensorFlow is slower than this library's kernels on wasm. */
const automatic: ReadonlyArray<{backend: BackendName; gpu: boolean}> = [
  {backend: 'tensorflow', gpu: true},
  {backend: 'webgpu', gpu: true},
  {backend: 'wasm', gpu: false},
  {backend: 'tensorflow', gpu: false},
  {backend: 'webgl', gpu: true},
  {backend: 'cpu', gpu: false},
];

/**
 * Makes tfjs compute on the best backend there is, or on the one named. May be called again at any time; tfjs moves
 * existing tensors to the new backend as they are used, except that in Node it cannot move those made on webgpu.
 *
 * In Node the backends' packages are loaded if they are installed: `@tensorflow/tfjs-node-gpu` or
 * `@tensorflow/tfjs-node` (tensorflow), `webgpu` and `@tensorflow/tfjs-backend-webgpu` (webgpu),
 * `@tensorflow/tfjs-backend-wasm` (wasm). In a browser the page imports the packages of the backends it wants.
 *
 * @param name the backend; default the best of tensorflow (with a GPU) > webgpu > wasm > tensorflow > webgl > cpu. webgpu
 *   named outright may be a software driver; the automatic choice never takes one. A backend is taken only once it has
 *   computed something. `backendReport()` tells what was chosen and why not others.
 * @param options see {@link SetupBackendOptions}.
 * @returns the name of the backend that is now active.
 * @throws ConfigError when the name or an option can never work.
 * @throws BackendError when the named backend, or every one, is missing or does not start; or when wasm is named with
 *   more than one thread and cannot have them. It says why and what to do, and the backend that was active before stays
 *   active.
 */
export async function setupBackend(name?: BackendName, options: SetupBackendOptions = {}): Promise<string> {
  const who = 'setupBackend';
  checkArguments(who, options, OPTIONS);
  const {threads, kernels = 'swint', precision = 'f32'} = options;
  if (threads !== undefined) positiveInteger(who, 'threads', threads, {fix: 'leave it out for all cores'});
  oneOf(who, 'kernels', kernels, kernelChoices, {fix: 'leave it out for swint'});
  oneOf(who, 'precision', precision, precisions, {fix: 'leave it out for f32'});
  if (precision === 'f16' && (kernels === 'tfjs' || (name !== undefined && name !== 'webgpu'))) {
    const got = kernels === 'tfjs' ? "kernels 'tfjs'" : name;
    throw new ConfigError(
      `setupBackend: precision must be f32 except in this library's kernels on webgpu; got f16 with ${got}.`,
    );
  }
  const settings = {threads, kernels, precision};
  if (name === undefined) {
    return chooseBackend(settings);
  }
  oneOf(who, 'the backend', name, backendNames);
  await registerBackend(name, true);
  await start(name, settings, {named: true, gpu: false});
  recordChoice({...settings, skipped: []});
  return name;
}

let warned = false;

/** Says once, on the console, that a better backend is installed and does not work. */
function warnOfBetter(skipped: readonly SkippedBackend[], taken: BackendName): void {
  const better = skipped.find(({installed}) => installed);
  if (!better || warned) return;
  warned = true;
  console.warn(
    `setupBackend: ${better.backend} is the best backend that is installed, and ${taken} is taken in its place: ` +
      `${better.reason} (name the backend to leave this out).`,
  );
}

interface Settings {
  threads: number | undefined;
  kernels: KernelChoice;
  precision: Precision;
}

async function chooseBackend(settings: Settings): Promise<string> {
  const skipped: SkippedBackend[] = [];
  for (const {backend, gpu} of automatic) {
    try {
      await registerBackend(backend, !gpu);
      await start(backend, settings, {named: false, gpu});
      recordChoice({...settings, skipped});
      warnOfBetter(skipped, backend);
      return backend;
    } catch (error) {
      if (!(error instanceof BackendError)) {
        throw error;
      }
      const reason = {backend, reason: error.message, installed: !isMissing(error)};
      const before = skipped.findIndex((one) => one.backend === backend);
      if (before < 0) skipped.push(reason);
      else skipped[before] = reason;
    }
  }
  const reasons = skipped.map(({reason}) => `\n  ${reason}`).join('');
  throw new BackendError(`setupBackend: one backend must work; none does:${reasons}`);
}

/** What a backend has to be, to be taken with a GPU only. Software drivers of webgpu are refused as it is registered. */
const gpuChecks: Partial<Record<BackendName, (backend: tf.KernelBackend) => void>> = {
  tensorflow: withGpuOnly,
  webgl: hardwareOnly,
};

/**
 * @param demand named: whether the application named this backend: the automatic choice takes one thread where more cannot
 *   start. gpu: whether it has to compute on a GPU.
 */
async function start(
  backend: BackendName,
  {threads, kernels, precision}: Settings,
  {named, gpu}: {named: boolean; gpu: boolean},
): Promise<void> {
  if (backend !== 'wasm') {
    await activateBackend(backend, gpu ? gpuChecks[backend] : undefined);
    if (backend === 'tensorflow') chooseNativeKernels(kernels);
    if (backend !== 'webgpu') return;
    chooseGpuKernels(kernels);
    setPrecision(precision);
    return;
  }
  // Settings after the activation, so that a backend that does not start leaves everything as it was.
  if (kernels === 'tfjs') {
    await activateWasm(false, guardModule);
    restoreStockKernels();
    unregisterOperations();
    setThreads(1);
  } else {
    await activateWasm(threads !== 1, (made) => checkKernels(made, named ? threads : 1));
    replaceStockKernels();
    registerOperations();
    setThreads(threads);
  }
}

function activateWasm(share: boolean, check: (backend: BackendWasm) => void): Promise<void> {
  const activate = (failed: Promise<never>) =>
    activateBackend('wasm', (made) => check(made as BackendWasm), failed);
  return withHeap(share, () => withModuleErrors(activate));
}

function chooseNativeKernels(kernels: KernelChoice): void {
  if (kernels === 'tfjs') {
    restoreStockNativeKernels();
    unregisterNativeOperations();
  } else {
    replaceStockNativeKernels();
    registerNativeOperations();
  }
}

function chooseGpuKernels(kernels: KernelChoice): void {
  if (kernels === 'tfjs') {
    restoreStockGpuKernels();
    unregisterGpuOperations();
  } else {
    replaceStockGpuKernels();
    registerGpuOperations();
  }
}

/** @throws BackendError where the library's kernels do not run at all, or not on that many threads. */
function checkKernels(backend: BackendWasm, threads = 1): void {
  const {shared} = kernelModule(backend);
  if (threads > 1 && !shared) {
    throw new BackendError(
      `wasm: threads must be 1 where tfjs's heap is not shared; got ${threads}, and ${whyNotShared()}.`,
    );
  }
}

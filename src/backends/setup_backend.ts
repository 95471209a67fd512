/**
 * Chooses and starts the tfjs backend that everything runs on.
 *
 * Without a name, the first that works of tensorflow (native TensorFlow) > webgpu (hardware only) > wasm > webgl (in
 * browsers, hardware only) > cpu.
 */

import {replaceStockKernels, restoreStockKernels} from '../../kernels/wasm/replacements.js';
import {BackendError, ConfigError} from '../errors.js';
import {activateBackend} from './activate_backend.js';
import {recordChoice, type SkippedBackend} from './backend_report.js';
import {type BackendName, registerBackend} from './register_backend.js';

export type {BackendName} from './register_backend.js';

/** Options of `setupBackend`. */
export interface SetupBackendOptions {
  /**
   * Threads for computation on the CPU, a positive integer; default all cores where the platform has threads. It takes
   * effect with the library's own kernels; the stock tfjs kernels in use today run on one thread in Node. It is checked
   * and shown in `backendReport()`.
   */
  threads?: number;
  /**
   * What computes where tfjs's wasm backend is slow at an operation of its own: 'swint' (the default) puts this
   * library's kernels in the place of the stock ones (matrix products, the gradient of conv2d, transposes, slices), for
   * the whole application; 'tfjs' leaves the stock kernels alone, and puts them back if they were replaced. It takes
   * effect when the backend is wasm.
   */
  kernels?: KernelChoice;
}

/** Whose kernels are used where both this library and tfjs have one. */
type KernelChoice = 'swint' | 'tfjs';

const kernelChoices: readonly KernelChoice[] = ['swint', 'tfjs'];

const backendNames: readonly BackendName[] = ['tensorflow', 'webgpu', 'wasm', 'webgl', 'cpu'];

/** Best first. tfjs itself refuses a software WebGL. */
const automatic: readonly BackendName[] = ['tensorflow', 'webgpu', 'wasm', 'webgl', 'cpu'];

/**
 * Makes tfjs compute on the best backend there is, or on the one named. May be called again at any time; tfjs moves
 * existing tensors to the new backend as they are used, except that in Node it cannot move those made on webgpu.
 *
 * In Node the backends' packages are loaded if they are installed: `@tensorflow/tfjs-node-gpu` or
 * `@tensorflow/tfjs-node` (tensorflow), `webgpu` and `@tensorflow/tfjs-backend-webgpu` (webgpu),
 * `@tensorflow/tfjs-backend-wasm` (wasm). In a browser the page imports the packages of the backends it wants.
 *
 * @param name the backend; default the best of tensorflow > webgpu > wasm > webgl > cpu. webgpu named outright may
 *   be a software driver; the automatic choice never takes one. `backendReport()` tells what was chosen and why not others.
 * @param options see {@link SetupBackendOptions}.
 * @returns the name of the backend that is now active.
 * @throws ConfigError when the name or an option can never work.
 * @throws BackendError when the named backend, or every one, is missing or does not start; it says why and what to
 *   install, and the backend that was active before stays active.
 */
export async function setupBackend(name?: BackendName, options: SetupBackendOptions = {}): Promise<string> {
  const {threads, kernels = 'swint'} = options;
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads > 0)) {
    throw new ConfigError(
      `setupBackend: threads must be a positive integer; got ${threads} (leave it out for all cores).`,
    );
  }
  if (!kernelChoices.includes(kernels)) {
    throw new ConfigError(
      `setupBackend: kernels must be one of ${kernelChoices.join(', ')}; got ${kernels} (leave it out for swint).`,
    );
  }
  if (name === undefined) {
    return chooseBackend(threads, kernels);
  }
  if (!backendNames.includes(name)) {
    throw new ConfigError(
      `setupBackend: the backend must be one of ${backendNames.join(', ')}; got ${name}.`,
    );
  }
  await registerBackend(name, true);
  await activateBackend(name);
  useKernels(name, kernels);
  recordChoice({threads, skipped: []});
  return name;
}

async function chooseBackend(threads: number | undefined, kernels: KernelChoice): Promise<string> {
  const skipped: SkippedBackend[] = [];
  for (const backend of automatic) {
    try {
      await registerBackend(backend, false);
      await activateBackend(backend);
      useKernels(backend, kernels);
      recordChoice({threads, skipped});
      return backend;
    } catch (error) {
      if (!(error instanceof BackendError)) {
        throw error;
      }
      skipped.push({backend, reason: error.message});
    }
  }
  const reasons = skipped.map(({reason}) => `\n  ${reason}`).join('');
  throw new BackendError(`setupBackend: one backend must work; none does:${reasons}`);
}

/** After the activation, so that a backend that does not start leaves tfjs as it was. */
function useKernels(backend: BackendName, kernels: KernelChoice): void {
  if (backend !== 'wasm') {
    return;
  }
  if (kernels === 'swint') {
    replaceStockKernels();
  } else {
    restoreStockKernels();
  }
}

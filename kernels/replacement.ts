/**
 * Puts kernels in the place of stock ones of a tfjs backend, for the whole application, and takes them out again. Nothing
 * is replaced until asked for: `setupBackend` does, importing the library does not.
 */
import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from './common/errors.js';
import type {Kernel} from './kernel_config.js';

/** The kernels of a backend that can be replaced. */
interface Replacements {
  /**
   * Replaces the stock kernels. Does nothing to one that is ours already. One that the application has put in the place
   * of ours is replaced like a stock kernel.
   *
   * @throws BackendError when the backend's package has not been loaded; nothing is replaced then.
   */
  replace(): void;
  /** Puts the stock kernels back. One that the application has put in the place of ours stays. */
  restore(): void;
}

/** A kernel that answers with undefined where the stock one is to compute. */
// `never` for inputs and attributes: each kernel has types of its own for them.
type Replacement<Backend> = Kernel<Backend, never, never, tf.TensorInfo | tf.TensorInfo[] | undefined>;

/**
 * @param backend tfjs's name of the backend.
 * @param kernels ours, by the name of the kernel that each replaces.
 */
export function replacements<Backend>(
  backend: string,
  kernels: Readonly<Record<string, Replacement<Backend>>>,
): Replacements {
  /** The kernels replaced so far and not put back, by name. */
  const replaced = new Map<string, {stock: tf.KernelConfig; ours: tf.KernelConfig}>();
  return {
    replace() {
      const missing = Object.keys(kernels).filter((name) => !tf.getKernel(name, backend));
      if (missing.length > 0) {
        throw new BackendError(
          `setupBackend: the ${backend} backend must have registered its kernels; it lacks ${missing.join(', ')} ` +
            `(import '@tensorflow/tfjs-backend-${backend}' first).`,
        );
      }
      for (const [name, kernel] of Object.entries(kernels)) {
        const stock = tf.getKernel(name, backend);
        if (stock !== replaced.get(name)?.ours) {
          const ours = inPlaceOf(stock, kernel);
          register(ours);
          replaced.set(name, {stock, ours});
        }
      }
    },
    restore() {
      for (const [name, {stock, ours}] of replaced) {
        if (tf.getKernel(name, backend) === ours) {
          register(stock);
        }
      }
      replaced.clear();
    },
  };
}

/** The stock kernel, with ours before it: what tfjs calls to set it up is still called. */
function inPlaceOf<Backend>(stock: tf.KernelConfig, run: Replacement<Backend>): tf.KernelConfig {
  return {
    ...stock,
    kernelFunc: (given) =>
      run(given.backend as Backend, given.inputs as never, given.attrs as never) ?? stock.kernelFunc(given),
  };
}

/** tfjs warns about a kernel that is registered twice, so the old one goes first. */
function register(config: tf.KernelConfig): void {
  tf.unregisterKernel(config.kernelName, config.backendName);
  tf.registerKernel(config);
}

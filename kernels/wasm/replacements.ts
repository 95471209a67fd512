/**
 * Puts faster kernels in the place of stock ones of tfjs's wasm backend, for the whole application, and takes them out
 * again. Nothing is replaced until asked for: `setupBackend` does, importing the library does not.
 */

import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';
import {batchMatMulConfig, fusedMatMulConfig} from './batch_mat_mul.js';
import {conv2DConfig, fusedConv2DConfig} from './conv2d.js';
import {conv2DBackpropInputConfig} from './conv2d_backprop_input.js';
import {identityConfig} from './identity.js';
import {sliceConfig, splitVConfig} from './slice.js';
import {meanConfig, sumConfig} from './sum.js';
import {transposeConfig} from './transpose.js';

/** By the name of the kernel: ours, made from the one that it replaces and leaves some cases to. */
const replacements: Record<string, (stock: tf.KernelConfig) => tf.KernelConfig> = {
  [tf._FusedMatMul]: fusedMatMulConfig,
  [tf.BatchMatMul]: batchMatMulConfig,
  [tf.Conv2D]: conv2DConfig,
  [tf.Conv2DBackpropInput]: conv2DBackpropInputConfig,
  [tf.FusedConv2D]: fusedConv2DConfig,
  [tf.Identity]: identityConfig,
  [tf.Mean]: meanConfig,
  [tf.Slice]: sliceConfig,
  [tf.SplitV]: splitVConfig,
  [tf.Sum]: sumConfig,
  [tf.Transpose]: transposeConfig,
};

/** The kernels replaced so far and not put back, by name. */
const replaced = new Map<string, {stock: tf.KernelConfig; ours: tf.KernelConfig}>();

/**
 * Replaces the stock kernels. Does nothing to one that is ours already. One that the application has put in the place
 * of ours is replaced like a stock kernel.
 *
 * @throws BackendError when the wasm backend's package has not been loaded; nothing is replaced then.
 */
export function replaceStockKernels(): void {
  const missing = Object.keys(replacements).filter((name) => !tf.getKernel(name, 'wasm'));
  if (missing.length > 0) {
    throw new BackendError(
      `replaceStockKernels: the wasm backend must have registered its kernels; it lacks ${missing.join(', ')} ` +
        `(import '@tensorflow/tfjs-backend-wasm' first).`,
    );
  }
  for (const [name, make] of Object.entries(replacements)) {
    const stock = tf.getKernel(name, 'wasm');
    if (stock !== replaced.get(name)?.ours) {
      const ours = make(stock);
      register(ours);
      replaced.set(name, {stock, ours});
    }
  }
}

/** Puts the stock kernels back. One that the application has put in the place of ours stays. */
export function restoreStockKernels(): void {
  for (const [name, {stock, ours}] of replaced) {
    if (tf.getKernel(name, 'wasm') === ours) {
      register(stock);
    }
  }
  replaced.clear();
}

/** tfjs warns about a kernel that is registered twice, so the old one goes first. */
function register(config: tf.KernelConfig): void {
  tf.unregisterKernel(config.kernelName, config.backendName);
  tf.registerKernel(config);
}

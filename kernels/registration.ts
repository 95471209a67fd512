/** Puts kernels into tfjs's registry, and takes them out again, without touching what the application put there. */
import * as tf from '@tensorflow/tfjs-core';

/** Registers them. One that is registered already for the same name and backend stays. */
export function registerKernels(configs: readonly tf.KernelConfig[]): void {
  for (const config of configs) {
    if (!tf.getKernel(config.kernelName, config.backendName)) tf.registerKernel(config);
  }
}

/** Takes them out. One that the application has registered stays. */
export function unregisterKernels(configs: readonly tf.KernelConfig[]): void {
  for (const config of configs) {
    const {kernelName, backendName} = config;
    if (tf.getKernel(kernelName, backendName) === config) tf.unregisterKernel(kernelName, backendName);
  }
}

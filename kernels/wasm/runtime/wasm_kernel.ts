/** The shape of a kernel for tfjs's wasm backend, with the types that tfjs-core's own signature leaves out. */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';

/**
 * What `tf.registerKernel` takes, from a function on typed inputs and attributes.
 *
 * @param kernelName the name under which tfjs-core calls it.
 * @param run computes the result; tfjs-core has checked that the inputs are there and lie on the wasm backend.
 * @param setupFunc what tfjs-core is to call when it starts the backend: that of a stock kernel which `run` calls.
 */
export function wasmKernel<Input extends string, Attributes>(
  kernelName: string,
  run: (
    backend: BackendWasm,
    inputs: Record<Input, tf.TensorInfo>,
    attributes: Attributes,
  ) => tf.TensorInfo | tf.TensorInfo[],
  setupFunc?: tf.KernelConfig['setupFunc'],
): tf.KernelConfig {
  return {
    kernelName,
    backendName: 'wasm',
    setupFunc,
    kernelFunc: ({inputs, backend, attrs}) =>
      run(backend as BackendWasm, inputs as Record<Input, tf.TensorInfo>, attrs as Attributes),
  };
}

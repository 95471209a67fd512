/** The shape of a kernel for tfjs's webgpu backend, with the types that tfjs-core's own signature leaves out. */

import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';

/**
 * What `tf.registerKernel` takes, from a function on typed inputs and attributes.
 *
 * @param kernelName the name under which tfjs-core calls it.
 * @param run computes the result; tfjs-core has checked that the inputs are there and lie on the webgpu backend.
 */
export function webgpuKernel<Input extends string, Attributes>(
  kernelName: string,
  run: (
    backend: WebGPUBackend,
    inputs: Record<Input, tf.TensorInfo>,
    attributes: Attributes,
  ) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  return {
    kernelName,
    backendName: 'webgpu',
    kernelFunc: ({inputs, backend, attrs}) =>
      run(backend as WebGPUBackend, inputs as Record<Input, tf.TensorInfo>, attrs as Attributes),
  };
}

/** What a stock kernel makes of the same inputs and attributes. */
export function stockResult(
  stock: tf.KernelConfig,
  backend: WebGPUBackend,
  inputs: Record<string, tf.TensorInfo>,
  attributes: object,
): tf.TensorInfo | tf.TensorInfo[] {
  return stock.kernelFunc({inputs, backend, attrs: attributes as tf.NamedAttrMap});
}

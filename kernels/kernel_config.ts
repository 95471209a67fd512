/** The shape of a kernel for a backend of tfjs, with the types that tfjs-core's own signature leaves out. */
import type * as tf from '@tensorflow/tfjs-core';

/** The inputs of a kernel by name. */
export type Inputs<Name extends string> = Record<Name, tf.TensorInfo>;

/** A kernel: from typed inputs, which tfjs-core has put on the backend, and attributes to results. */
export type Kernel<Backend, Inputs, Attributes, Result = tf.TensorInfo | tf.TensorInfo[]> = (
  backend: Backend,
  inputs: Inputs,
  attributes: Attributes,
) => Result;

/**
 * What makes `tf.registerKernel`'s argument for a backend.
 *
 * @param backendName tfjs's name of it.
 * @returns a function of the name under which tfjs-core calls the kernel, and of the kernel.
 */
export function kernelsFor<Backend>(backendName: string) {
  return <Input extends string, Attributes>(
    kernelName: string,
    run: Kernel<Backend, Inputs<Input>, Attributes>,
  ): tf.KernelConfig => ({
    kernelName,
    backendName,
    kernelFunc: ({inputs, backend, attrs}) =>
      run(backend as Backend, inputs as Inputs<Input>, attrs as Attributes),
  });
}

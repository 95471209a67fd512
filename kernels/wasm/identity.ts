/**
 * Identity for the wasm backend: the same data once more, as tfjs's other backends give it.
 *
 * The stock kernel copies. tfjs asks for one whenever a forward pass keeps a tensor for its backward pass, so in training
 * every activation would be there twice.
 */
import * as tf from '@tensorflow/tfjs-core';
import {wasmKernel} from './wasm_kernel.js';

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function identityConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', object>(
    tf.Identity,
    (backend, {x}) => {
      if (x.dtype === 'string') return stock.kernelFunc({inputs: {x}, backend, attrs: {}}) as tf.TensorInfo;
      backend.incRef(x.dataId);
      return {dataId: x.dataId, shape: x.shape, dtype: x.dtype};
    },
    stock.setupFunc,
  );
}

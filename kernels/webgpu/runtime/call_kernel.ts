/** Calls other kernels of the webgpu backend from within one, on bare data: see epilogue. */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type {KernelCalls} from '../../epilogue.js';

export function kernelCalls(backend: WebGPUBackend): KernelCalls {
  return {
    call: (kernelName, inputs, attributes = {}) => {
      const {kernelFunc} = tf.getKernel(kernelName, 'webgpu');
      return kernelFunc({inputs, backend, attrs: attributes as tf.NamedAttrMap}) as tf.TensorInfo;
    },
    disposeData: (dataId) => {
      backend.disposeData(dataId);
    },
  };
}

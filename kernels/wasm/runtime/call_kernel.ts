/**
 * Calls another kernel of the wasm backend from within one, on bare data: nothing is recorded, counted or kept, so what
 * a caller makes on the way it hands back to `backend.disposeData` itself.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

/** The result of the kernel that is registered as `kernelName`, for kernels with one output. */
export function callKernel(
  backend: BackendWasm,
  kernelName: string,
  inputs: Record<string, tf.TensorInfo>,
  attributes: object,
): tf.TensorInfo {
  const {kernelFunc} = tf.getKernel(kernelName, 'wasm');
  return kernelFunc({inputs, backend, attrs: attributes as tf.NamedAttrMap}) as tf.TensorInfo;
}

/** gelu on the wasm backend: assembly/kernels/maps/gelu.ts. Contract: contracts/gelu. */
import * as tf from '@tensorflow/tfjs-core';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const geluConfig = wasmKernel<'x', object>('SwintGelu', (backend, {x}) => {
  const y = output(backend, x.shape);
  const size = tf.util.sizeFromShape(x.shape);
  if (size > 0) kernelModule(backend).run((kernels) => kernels.gelu(address(backend, x), y.at, size));
  return y.tensor;
});

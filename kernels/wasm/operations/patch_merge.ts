/** patchMerge and its gradient for the wasm backend: contracts/patch_merge, assembly/kernels/patch_merge. */
import * as tf from '@tensorflow/tfjs-core';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const patchMergeConfig = wasmKernel<'x', object>('SwintPatchMerge', (backend, {x}) => {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const y = output(backend, [batch, Math.ceil(height / 2), Math.ceil(width / 2), 4 * channels]);
  if (tf.util.sizeFromShape(x.shape) > 0) {
    kernelModule(backend).run((kernels) =>
      kernels.patchMerge(address(backend, x), batch, height, width, channels, y.at),
    );
  }
  return y.tensor;
});

/** What `tf.registerKernel` takes. */
export const patchMergeGradConfig = wasmKernel<'dy', {shape: [number, number, number, number]}>(
  'SwintPatchMergeGrad',
  (backend, {dy}, {shape}) => {
    const dx = output(backend, shape);
    if (tf.util.sizeFromShape(shape) > 0) {
      kernelModule(backend).run((kernels) =>
        kernels.patchMergeGradient(address(backend, dy), ...shape, dx.at),
      );
    }
    return dx.tensor;
  },
);

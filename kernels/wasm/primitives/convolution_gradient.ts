/** A gradient of a convolution on the wasm heap, by the kernel that is given. */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import {type ConvolutionSizes, isEmpty} from '../../geometry/convolution.js';
import {output, zeros} from '../runtime/heap.js';
import type {KernelExports} from '../runtime/kernel_exports.js';
import {kernelModule} from '../runtime/module.js';
import {setSizes} from './convolution_sizes.js';

/**
 * @param shape of the gradient.
 * @param run calls the kernel, which finds the sizes, with the address of the result.
 * @returns zeros where the sums have no terms.
 */
export function convolutionGradient(
  backend: BackendWasm,
  shape: number[],
  sizes: ConvolutionSizes,
  run: (kernels: KernelExports, at: number) => void,
): tf.TensorInfo {
  if (isEmpty(sizes)) return zeros(backend, shape);
  const {tensor, at} = output(backend, shape);
  kernelModule(backend).run((kernels) => {
    setSizes(kernels, sizes);
    run(kernels, at);
  });
  return tensor;
}

/**
 * depthwiseConvolution and its gradients on the wasm backend: assembly/kernels/depthwise_3x3.ts. Contract:
 * contracts/depthwise_convolution.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type {DepthwiseConvolutionAttrs} from '../../contracts/depthwise_convolution.js';
import {address, output, zeros} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

type Map = [number, number, number, number];

interface Convolution {
  x: tf.TensorInfo;
  weight: tf.TensorInfo;
  bias?: tf.TensorInfo;
  addend?: tf.TensorInfo;
}

/** The convolution, or with `turned` that with the weight turned by half a circle. */
function convolve(
  backend: BackendWasm,
  {x, weight, bias, addend}: Convolution,
  {residual}: DepthwiseConvolutionAttrs,
  turned: boolean,
): tf.TensorInfo {
  const y = output(backend, x.shape);
  if (tf.util.sizeFromShape(x.shape) === 0) return y.tensor;
  const [xAt, weightAt, biasAt, addendAt] = [x, weight, bias, addend].map((tensor) =>
    address(backend, tensor),
  );
  kernelModule(backend).run((kernels) =>
    kernels.depthwise3x3(
      xAt,
      weightAt,
      turned ? 1 : 0,
      biasAt,
      residual ? 1 : 0,
      addendAt,
      y.at,
      ...(x.shape as Map),
    ),
  );
  return y.tensor;
}

/** What `tf.registerKernel` takes. */
export const depthwiseConvolutionConfig = wasmKernel<
  'x' | 'weight' | 'bias' | 'addend',
  DepthwiseConvolutionAttrs
>('SwintDepthwiseConvolution', (backend, inputs, attrs) => convolve(backend, inputs, attrs, false));

/** What `tf.registerKernel` takes. */
export const depthwiseConvolutionGradXConfig = wasmKernel<'dy' | 'weight', DepthwiseConvolutionAttrs>(
  'SwintDepthwiseConvolutionGradX',
  (backend, {dy, weight}, attrs) => convolve(backend, {x: dy, weight}, attrs, true),
);

/** What `tf.registerKernel` takes. */
export const depthwiseConvolutionGradWeightConfig = wasmKernel<'x' | 'dy', object>(
  'SwintDepthwiseConvolutionGradWeight',
  (backend, {x, dy}) => {
    const shape = [3, 3, x.shape[3], 1];
    if (tf.util.sizeFromShape(x.shape) === 0) return zeros(backend, shape);
    const dw = output(backend, shape);
    const [xAt, dyAt] = [address(backend, x), address(backend, dy)];
    kernelModule(backend).run((kernels) => kernels.depthwise3x3Weight(xAt, dyAt, dw.at, ...(x.shape as Map)));
    return dw.tensor;
  },
);

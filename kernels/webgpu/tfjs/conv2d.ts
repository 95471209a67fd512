/**
 * Conv2D and FusedConv2D for the webgpu backend, in place of the stock ones: see convolution.ts.
 *
 *     y[b, p, q, d] = f(bias[d] + sum over i, j, c of x[b, p sh + i dh - top, q sw + j dw - left, c] W[i, j, c, d])
 *
 * float32, NHWC, f identity, ReLU or ReLU6; anything else goes to the stock kernel. Attributes as in tfjs-core.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {isEmpty, type Shape4D} from '../../geometry/convolution.js';
import {convolution} from '../primitives/convolution.js';
import {output} from '../runtime/program.js';
import {stockResult, webgpuKernel} from '../runtime/webgpu_kernel.js';

/** What both kernels are told. */
type Attributes = Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dilations' | 'dataFormat' | 'dimRoundingMode'>;

/** f by the name that tfjs-core gives it. */
const activations = new Map<string | undefined, 'relu' | 'relu6' | undefined>([
  [undefined, undefined],
  ['linear', undefined],
  ['relu', 'relu'],
  ['relu6', 'relu6'],
]);

/** y, or undefined where that is the stock kernel's to compute. */
function convolve(
  backend: WebGPUBackend,
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  {strides, pad, dilations, dataFormat, dimRoundingMode}: Attributes,
  bias?: tf.TensorInfo,
  activation?: string,
): tf.TensorInfo | undefined {
  const tensors = bias ? [x, filter, bias] : [x, filter];
  if (
    dataFormat !== 'NHWC' ||
    !activations.has(activation) ||
    tensors.some(({dtype}) => dtype !== 'float32')
  ) {
    return undefined;
  }
  const sizes = tf.backend_util.computeConv2DInfo(
    x.shape as Shape4D,
    filter.shape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    'channelsLast',
  );
  const isChannelBias = !bias || (bias.shape.length === 1 && bias.shape[0] === sizes.outChannels);
  const hasNumbers = tf.util.sizeFromShape(sizes.outShape) > 0;
  if (!isChannelBias || (hasNumbers && isEmpty(sizes))) return undefined;
  const c = output(backend, sizes.outShape);
  if (!hasNumbers) return c;
  const f = activations.get(activation);
  convolution(backend, {result: 'value', sizes, a: x, b: filter, c, bias, activation: f});
  return c;
}

/** What `tf.registerKernel` takes for conv2d. `stock` is the kernel that it replaces. */
export function conv2DConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return webgpuKernel<'x' | 'filter', tf.Conv2DAttrs>(
    tf.Conv2D,
    (backend, inputs, attributes) =>
      convolve(backend, inputs.x, inputs.filter, attributes) ??
      stockResult(stock, backend, inputs, attributes),
  );
}

/** What `tf.registerKernel` takes for conv2d with what follows it. `stock` is the kernel that it replaces. */
export function fusedConv2DConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return webgpuKernel<'x' | 'filter' | 'bias' | 'preluActivationWeights', tf.FusedConv2DAttrs>(
    tf.FusedConv2D,
    (backend, inputs, attributes) =>
      convolve(backend, inputs.x, inputs.filter, attributes, inputs.bias, attributes.activation) ??
      stockResult(stock, backend, inputs, attributes),
  );
}

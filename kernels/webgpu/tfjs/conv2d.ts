/**
 * Conv2D and FusedConv2D for the webgpu backend, in place of the stock ones: see convolution.ts.
 *
 *     y[b, p, q, d] = f(bias[d] + sum over i, j, c of x[b, p sh + i dh - top, q sw + j dw - left, c] W[i, j, c, d])
 *
 * f identity, ReLU or ReLU6; other activations go to the stock kernel, but not where sums have no terms or no results, nor
 * with a bias or slopes that are not one number per channel: there it is wrong. NCHW is transposed before and after.
 * Attributes as in tfjs-core.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {convolutionSizes} from '../../convolution_arguments.js';
import {type EpilogueAttrs, type EpilogueInputs, followedBy} from '../../epilogue.js';
import {isEmpty} from '../../geometry/convolution.js';
import type {Inputs} from '../../kernel_config.js';
import {convolution} from '../primitives/convolution.js';
import {kernelCalls} from '../runtime/call_kernel.js';
import {filled, output} from '../runtime/program.js';

/** Of the activations that tfjs joins to a convolution those that our kernel has; undefined is the identity. */
const activations = new Map<string | undefined, 'relu' | 'relu6' | undefined>([
  [undefined, undefined],
  ['linear', undefined],
  ['relu', 'relu'],
  ['relu6', 'relu6'],
]);

const isVector = (tensor: tf.TensorInfo | undefined, channels: number) =>
  !tensor || (tensor.shape.length === 1 && tensor.shape[0] === channels);

/** A vector of channels as it broadcasts to maps of [B, C, H, W]. */
const alongFirst = (tensor: tf.TensorInfo | undefined) =>
  tensor?.shape.length === 1 ? {...tensor, shape: [tensor.shape[0], 1, 1]} : tensor;

/** The same of maps [B, C, H, W]: the stock kernel is wrong for some paddings by number. */
function channelsFirst(
  backend: WebGPUBackend,
  {x, filter, bias, preluActivationWeights}: Inputs<'x' | 'filter'> & EpilogueInputs,
  attributes: tf.Conv2DAttrs & EpilogueAttrs,
  sizes: ReturnType<typeof convolutionSizes>['sizes'],
): tf.TensorInfo {
  const calls = kernelCalls(backend);
  const {outShape, batchSize, outHeight, outWidth, outChannels} = sizes;
  let y: tf.TensorInfo;
  if (isEmpty(sizes)) {
    y = filled(backend, outShape, 0);
  } else {
    const a = calls.call(tf.Transpose, {x}, {perm: [0, 2, 3, 1]});
    const c = output(backend, [batchSize, outHeight, outWidth, outChannels]);
    convolution(backend, {result: 'value', sizes, a, b: filter, c});
    y = calls.call(tf.Transpose, {x: c}, {perm: [0, 3, 1, 2]});
    backend.disposeData(a.dataId);
    backend.disposeData(c.dataId);
  }
  const along = {bias: alongFirst(bias), preluActivationWeights: alongFirst(preluActivationWeights)};
  return followedBy(calls, y, along, attributes);
}

/** conv2d, and conv2d with what follows it; undefined is the stock kernel's to compute. */
export function conv2D(
  backend: WebGPUBackend,
  inputs: Inputs<'x' | 'filter'> & EpilogueInputs,
  attributes: tf.Conv2DAttrs & EpilogueAttrs,
): tf.TensorInfo | undefined {
  const {sizes, ours} = convolutionSizes(inputs, attributes);
  const {outShape, outChannels} = sizes;
  const {x, filter, bias, preluActivationWeights} = inputs;
  if (tf.util.sizeFromShape(outShape) === 0) return output(backend, outShape);
  const calls = kernelCalls(backend);
  if (attributes.dataFormat === 'NCHW') return channelsFirst(backend, inputs, attributes, sizes);
  if (isEmpty(sizes)) return followedBy(calls, filled(backend, outShape, 0), inputs, attributes);
  if (!ours) return undefined;
  const vectors = isVector(bias, outChannels) && isVector(preluActivationWeights, outChannels);
  const fused = vectors && activations.has(attributes.activation);
  if (vectors && !fused) return undefined;
  const c = output(backend, outShape);
  const convolve = {result: 'value', sizes, a: x, b: filter, c} as const;
  if (fused) {
    convolution(backend, {...convolve, bias, activation: activations.get(attributes.activation)});
    return c;
  }
  // The stock kernel reads them for one number per channel.
  convolution(backend, convolve);
  return followedBy(calls, c, inputs, attributes);
}

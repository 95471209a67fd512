/**
 * Conv2D and FusedConv2D for the webgpu backend, in place of the stock ones: see convolution.ts.
 *
 *     y[b, p, q, d] = f(bias[d] + sum over i, j, c of x[b, p sh + i dh - top, q sw + j dw - left, c] W[i, j, c, d])
 *
 * float32, NHWC, f identity, ReLU or ReLU6; anything else goes to the stock kernel. Attributes as in tfjs-core.
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

/** conv2d, and conv2d with what follows it; undefined is the stock kernel's to compute. */
export function conv2D(
  backend: WebGPUBackend,
  inputs: Inputs<'x' | 'filter'> & EpilogueInputs,
  attributes: tf.Conv2DAttrs & EpilogueAttrs,
): tf.TensorInfo | undefined {
  const sizes = convolutionSizes(inputs, attributes);
  const {x, filter, bias} = inputs;
  const {activation: name} = attributes;
  const fits = !bias || (bias.shape.length === 1 && bias.shape[0] === sizes?.outChannels);
  if (!sizes) return undefined;
  const hasNumbers = tf.util.sizeFromShape(sizes.outShape) > 0;
  if (hasNumbers && isEmpty(sizes)) {
    return followedBy(kernelCalls(backend), filled(backend, sizes.outShape, 0), inputs, attributes);
  }
  if (hasNumbers && !(activations.has(name) && fits)) return undefined;
  const c = output(backend, sizes.outShape);
  const activation = activations.get(name);
  if (hasNumbers) convolution(backend, {result: 'value', sizes, a: x, b: filter, c, bias, activation});
  return c;
}

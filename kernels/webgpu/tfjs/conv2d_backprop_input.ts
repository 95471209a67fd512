/**
 * Conv2DBackpropInput for the webgpu backend, in place of the stock one, which also multiplies the zeros between the cells
 * of dy that a stride leaves: the gradient of conv2d with respect to its input, and conv2dTranspose. See convolution.ts.
 *
 *     dx[b, p sh + i - top, q sw + j - left, c] += sum over d of dy[b, p, q, d] W[i, j, c, d]
 *
 * float32, NHWC; anything else goes to the stock kernel. Attributes as in tfjs-core, which has none for dilation: conv2d's
 * gradient refuses it.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {inputGradientSizes} from '../../convolution_arguments.js';
import {isEmpty} from '../../geometry/convolution.js';
import type {Inputs} from '../../kernel_config.js';
import {convolution} from '../primitives/convolution.js';
import {filled, output} from '../runtime/program.js';

/** dx; undefined is the stock kernel's to compute. */
export function conv2DBackpropInput(
  backend: WebGPUBackend,
  inputs: Inputs<'dy' | 'filter'>,
  attributes: tf.Conv2DBackpropInputAttrs,
): tf.TensorInfo | undefined {
  const sizes = inputGradientSizes(inputs, attributes);
  if (!sizes) return undefined;
  const {inputShape} = attributes;
  if (isEmpty(sizes)) return filled(backend, inputShape, 0);
  const c = output(backend, inputShape);
  convolution(backend, {result: 'input', sizes, a: inputs.dy, b: inputs.filter, c});
  return c;
}

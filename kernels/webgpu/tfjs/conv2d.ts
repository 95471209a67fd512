/**
 * Conv2D and FusedConv2D for the webgpu backend, in place of the stock ones: see convolution.ts.
 *
 *     y[b, p, q, d] = f(bias[d] + sum over i, j, c of x[b, p sh + i dh - top, q sw + j dw - left, c] W[i, j, c, d])
 *
 * float32, NHWC, f identity, ReLU or ReLU6; anything else goes to the stock kernel. Attributes as in tfjs-core.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {convolutionOf} from '../../convolution_arguments.js';
import {isEmpty} from '../../geometry/convolution.js';
import type {Inputs} from '../../kernel_config.js';
import {convolution} from '../primitives/convolution.js';
import {output} from '../runtime/program.js';

/** conv2d, and conv2d with what follows it; undefined is the stock kernel's to compute. */
export function conv2D(
  backend: WebGPUBackend,
  inputs: Inputs<'x' | 'filter'> & Partial<Inputs<'bias'>>,
  attributes: tf.Conv2DAttrs | tf.FusedConv2DAttrs,
): tf.TensorInfo | undefined {
  const found = convolutionOf(inputs, attributes);
  if (!found) return undefined;
  const {x, filter, bias, sizes, activation} = found;
  const hasNumbers = tf.util.sizeFromShape(sizes.outShape) > 0;
  // Sums without terms are the bias alone.
  if (hasNumbers && isEmpty(sizes)) return undefined;
  const c = output(backend, sizes.outShape);
  if (hasNumbers) convolution(backend, {result: 'value', sizes, a: x, b: filter, c, bias, activation});
  return c;
}

/**
 * Conv2DBackpropInput for the wasm backend, in place of the stock scalar loop: the gradient of conv2d with respect to
 * its input, and conv2dTranspose.
 *
 *     dx[b, oh*sh + kh - top, ow*sw + kw - left, c] += sum over d of dy[b, oh, ow, d] * W[kh, kw, c, d]
 *
 * for every b, oh, ow, kh, kw that lands inside. dy [B, OH, OW, Cout], W [KH, KW, Cin, Cout], dx [B, H, W, Cin].
 * Attributes as in tfjs-core, which has none for dilation: conv2d's gradient refuses it. float32, NHWC; anything else
 * goes to the stock kernel. See assembly/kernels/convolution.ts.
 *
 * Source for the attributes: tfjs-backend-cpu 4.22, kernels/Conv2DBackpropInput.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import {inputGradientSizes} from '../../convolution_arguments.js';
import {joinPatches} from '../../geometry/convolution.js';
import type {Inputs} from '../../kernel_config.js';
import {convolutionGradient} from '../primitives/convolution_gradient.js';
import {address} from '../runtime/heap.js';

/** dx; undefined is the stock kernel's to compute. */
export function conv2DBackpropInput(
  backend: BackendWasm,
  inputs: Inputs<'dy' | 'filter'>,
  attributes: tf.Conv2DBackpropInputAttrs,
): tf.TensorInfo | undefined {
  const sizes = inputGradientSizes(inputs, attributes);
  if (!sizes) return undefined;
  const {dy, filter} = inputs;
  return convolutionGradient(backend, attributes.inputShape, joinPatches(sizes), (kernels, at) =>
    kernels.convolutionInputGradient(address(backend, dy), address(backend, filter), at),
  );
}

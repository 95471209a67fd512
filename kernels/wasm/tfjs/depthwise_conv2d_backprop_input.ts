/**
 * DepthwiseConv2dNativeBackpropInput for the wasm backend, which has none: the gradient of depthwiseConv2d with
 * respect to its input.
 *
 *     dx[b, oh*sh + kh*dh - top, ow*sw + kw*dw - left, c] += dy[b, oh, ow, c*M + m] * W[kh, kw, c, m]
 *
 * for every b, oh, ow, kh, kw, m that lands inside. dy [B, OH, OW, C*M], W [KH, KW, C, M], dx [B, H, W, C]. Attributes
 * as in tfjs-core. Dilation is honoured (tfjs-backend-cpu 4.22 takes it into account for the padding only). See
 * assembly/kernels/depthwise.ts.
 */

import * as tf from '@tensorflow/tfjs-core';
import {depthwiseSizes} from '../../convolution_arguments.js';
import {convolutionGradient} from '../primitives/convolution_gradient.js';
import {address} from '../runtime/heap.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const depthwiseConv2dNativeBackpropInputConfig = wasmKernel<
  'dy' | 'filter',
  tf.DepthwiseConv2dNativeBackpropInputAttrs
>(tf.DepthwiseConv2dNativeBackpropInput, (backend, {dy, filter}, attributes) => {
  const {inputShape} = attributes;
  const sizes = depthwiseSizes(
    tf.DepthwiseConv2dNativeBackpropInput,
    dy,
    inputShape,
    filter.shape,
    attributes,
  );
  return convolutionGradient(backend, inputShape, sizes, (kernels, at) =>
    kernels.depthwiseInputGradient(address(backend, dy), address(backend, filter), at),
  );
});

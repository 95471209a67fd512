/**
 * DepthwiseConv2dNativeBackpropFilter for the wasm backend, which has none: the gradient of depthwiseConv2d with
 * respect to its filter.
 *
 *     dW[kh, kw, c, m] = sum over b, oh, ow of
 *         x[b, oh*sh + kh*dh - top, ow*sw + kw*dw - left, c] * dy[b, oh, ow, c*M + m]
 *
 * x [B, H, W, C], dy [B, OH, OW, C*M], dW [KH, KW, C, M]; cells outside of x do not count. Attributes as in tfjs-core.
 * Dilation is honoured (tfjs-backend-cpu 4.22 takes it into account for the padding only). See assembly/kernels/depthwise.ts.
 */

import * as tf from '@tensorflow/tfjs-core';
import {depthwiseSizes} from '../../convolution_arguments.js';
import {convolutionGradient} from '../primitives/convolution_gradient.js';
import {address} from '../runtime/heap.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const depthwiseConv2dNativeBackpropFilterConfig = wasmKernel<
  'x' | 'dy',
  tf.DepthwiseConv2dNativeBackpropFilterAttrs
>(tf.DepthwiseConv2dNativeBackpropFilter, (backend, {x, dy}, attributes) => {
  const {filterShape} = attributes;
  const sizes = depthwiseSizes(tf.DepthwiseConv2dNativeBackpropFilter, dy, x.shape, filterShape, attributes);
  return convolutionGradient(backend, filterShape, sizes, (kernels, at) =>
    kernels.depthwiseFilterGradient(address(backend, x), address(backend, dy), at),
  );
});

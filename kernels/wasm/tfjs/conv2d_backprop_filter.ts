/**
 * Conv2DBackpropFilter for the wasm backend, which has none: the gradient of conv2d with respect to its filter.
 *
 *     dW[kh, kw, c, d] = sum over b, oh, ow of x[b, oh*sh + kh - top, ow*sw + kw - left, c] * dy[b, oh, ow, d]
 *
 * x [B, H, W, Cin], dy [B, OH, OW, Cout], dW [KH, KW, Cin, Cout]; cells outside of x are 0. Attributes as in tfjs-core
 * (strides, pad, dataFormat, dimRoundingMode, filterShape); like tfjs's other backends without dilation, since
 * conv2d's gradient refuses it. See assembly/kernels/convolution_filter.ts.
 *
 * Source: tfjs-backend-cpu 4.22, kernels/Conv2DBackpropFilter, for what the attributes mean.
 */

import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../../common/errors.js';
import {filterGradientSizes} from '../../convolution_arguments.js';
import {joinPatches} from '../../geometry/convolution.js';
import {convolutionGradient} from '../primitives/convolution_gradient.js';
import {address} from '../runtime/heap.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const conv2DBackpropFilterConfig = wasmKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
  tf.Conv2DBackpropFilter,
  (backend, inputs, attributes) => {
    const sizes = filterGradientSizes(inputs, attributes);
    const {x, dy} = inputs;
    if (!sizes) {
      throw new BackendError(
        `Conv2DBackpropFilter(wasm): dataFormat must be NHWC, and x and dy float32; got ${attributes.dataFormat}, ` +
          `${x.dtype} and ${dy.dtype} (transpose or cast around conv2d).`,
      );
    }
    return convolutionGradient(backend, attributes.filterShape, joinPatches(sizes), (kernels, at) =>
      kernels.convolutionFilterGradient(address(backend, x), address(backend, dy), at),
    );
  },
);

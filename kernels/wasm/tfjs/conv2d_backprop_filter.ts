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
import {isEmpty, joinPatches, type Shape4D} from '../../geometry/convolution.js';
import {setSizes} from '../primitives/convolution_sizes.js';
import {address, output, zeros} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. */
export const conv2DBackpropFilterConfig = wasmKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
  tf.Conv2DBackpropFilter,
  (backend, {x, dy}, attributes) => {
    const {strides, pad, dataFormat, dimRoundingMode, filterShape} = attributes;
    if (dataFormat !== 'NHWC') {
      throw new BackendError(
        `Conv2DBackpropFilter(wasm): dataFormat must be NHWC; got ${dataFormat} (transpose to NHWC around conv2d).`,
      );
    }
    const info = tf.backend_util.computeConv2DInfo(
      x.shape as Shape4D,
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
      false,
      'channelsLast',
    );
    if (isEmpty(info)) {
      return zeros(backend, filterShape);
    }
    const {tensor, at} = output(backend, filterShape);
    kernelModule(backend).run((kernels) => {
      setSizes(kernels, joinPatches(info));
      kernels.convolutionFilterGradient(address(backend, x), address(backend, dy), at);
    });
    return tensor;
  },
);

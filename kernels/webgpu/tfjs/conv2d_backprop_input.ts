/**
 * Conv2DBackpropInput for the webgpu backend, in place of the stock one, which also multiplies the zeros between the cells
 * of dy that a stride leaves: the gradient of conv2d with respect to its input, and conv2dTranspose. See convolution.ts.
 *
 *     dx[b, p sh + i - top, q sw + j - left, c] += sum over d of dy[b, p, q, d] W[i, j, c, d]
 *
 * float32, NHWC; anything else goes to the stock kernel. Attributes as in tfjs-core, which has none for dilation: conv2d's
 * gradient refuses it.
 */
import * as tf from '@tensorflow/tfjs-core';
import {isEmpty, type Shape4D} from '../../geometry/convolution.js';
import {convolution} from '../primitives/convolution.js';
import {filled, output} from '../runtime/program.js';
import {stockResult, webgpuKernel} from '../runtime/webgpu_kernel.js';

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function conv2DBackpropInputConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return webgpuKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
    tf.Conv2DBackpropInput,
    (backend, {dy, filter}, attributes) => {
      const {strides, pad, dataFormat, dimRoundingMode, inputShape} = attributes;
      if (dataFormat !== 'NHWC' || dy.dtype !== 'float32' || filter.dtype !== 'float32') {
        return stockResult(stock, backend, {dy, filter}, attributes);
      }
      const sizes = tf.backend_util.computeConv2DInfo(
        inputShape,
        filter.shape as Shape4D,
        strides,
        1,
        pad,
        dimRoundingMode,
        false,
        'channelsLast',
      );
      if (isEmpty(sizes)) return filled(backend, inputShape, 0);
      const c = output(backend, inputShape);
      convolution(backend, {result: 'input', sizes, a: dy, b: filter, c});
      return c;
    },
  );
}

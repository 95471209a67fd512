/**
 * Conv2DBackpropFilter for the webgpu backend, in place of the stock one, in which one invocation adds up a number of the
 * result over all images: see convolution.ts.
 *
 *     dW[i, j, c, d] = sum over b, p, q of x[b, p sh + i - top, q sw + j - left, c] dy[b, p, q, d]
 *
 * float32, NHWC; anything else goes to the stock kernel. Attributes as in tfjs-core, which has none for dilation: conv2d's
 * gradient refuses it. The sum is cut into parts and added up in a fixed order: the same bits each time.
 */
import * as tf from '@tensorflow/tfjs-core';
import {isEmpty, type Shape4D} from '../../geometry/convolution.js';
import {convolution} from '../primitives/convolution.js';
import {summed} from '../primitives/sum_parts.js';
import {partsOfSum} from '../primitives/tile_plan.js';
import {filled} from '../runtime/program.js';
import {stockResult, webgpuKernel} from '../runtime/webgpu_kernel.js';

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function conv2DBackpropFilterConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return webgpuKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
    tf.Conv2DBackpropFilter,
    (backend, {x, dy}, attributes) => {
      const {strides, pad, dataFormat, dimRoundingMode, filterShape} = attributes;
      if (dataFormat !== 'NHWC' || x.dtype !== 'float32' || dy.dtype !== 'float32') {
        return stockResult(stock, backend, {x, dy}, attributes);
      }
      const sizes = tf.backend_util.computeConv2DInfo(
        x.shape as Shape4D,
        filterShape,
        strides,
        1,
        pad,
        dimRoundingMode,
        false,
        'channelsLast',
      );
      if (isEmpty(sizes)) return filled(backend, filterShape, 0);
      const [rows, columns, inChannels, outChannels] = filterShape;
      const patches = sizes.batchSize * sizes.outHeight * sizes.outWidth;
      const parts = partsOfSum(patches, [[rows * columns * inChannels, outChannels]]);
      return summed(backend, filterShape, parts, (c) =>
        convolution(backend, {result: 'filter', sizes, a: x, b: dy, c, parts}),
      );
    },
  );
}

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

import * as tf from '@tensorflow/tfjs-core';
import {isEmpty, joinPatches, type Shape4D} from '../../geometry/convolution.js';
import {setSizes} from '../primitives/convolution_sizes.js';
import {address, output, zeros} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function conv2DBackpropInputConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
    tf.Conv2DBackpropInput,
    (backend, {dy, filter}, attributes) => {
      const {strides, pad, dataFormat, dimRoundingMode, inputShape} = attributes;
      if (dataFormat !== 'NHWC' || dy.dtype !== 'float32' || filter.dtype !== 'float32') {
        const attrs = attributes as unknown as tf.NamedAttrMap;
        return stock.kernelFunc({inputs: {dy, filter}, backend, attrs}) as tf.TensorInfo;
      }
      const info = tf.backend_util.computeConv2DInfo(
        inputShape,
        filter.shape as Shape4D,
        strides,
        1,
        pad,
        dimRoundingMode,
        false,
        'channelsLast',
      );
      if (isEmpty(info)) {
        return zeros(backend, inputShape);
      }
      const {tensor, at} = output(backend, inputShape);
      kernelModule(backend).run((kernels) => {
        setSizes(kernels, joinPatches(info));
        kernels.convolutionInputGradient(address(backend, dy), address(backend, filter), at);
      });
      return tensor;
    },
    stock.setupFunc,
  );
}

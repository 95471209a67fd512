/** The sizes of a convolution as the kernels take them (assembly/kernels/convolution_sizes.ts), from tfjs-core's attributes. */

import * as tf from '@tensorflow/tfjs-core';
import type {ConvolutionSizes, Shape4D} from '../../geometry/convolution.js';
import type {KernelExports} from '../runtime/kernel_exports.js';

/** Leaves the sizes where the kernel that is called next finds them. */
export function setSizes(kernels: KernelExports, info: ConvolutionSizes): void {
  kernels.convolutionSizes(
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left,
  );
}

/** Sizes of a depthwise convolution; attributes as in tfjs-core. */
export function depthwiseInfo(
  inputShape: Shape4D,
  filterShape: Shape4D,
  {
    strides,
    dilations,
    pad,
    dimRoundingMode,
  }: Pick<tf.DepthwiseConv2dNativeBackpropInputAttrs, 'strides' | 'dilations' | 'pad' | 'dimRoundingMode'>,
): ConvolutionSizes {
  return tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  );
}

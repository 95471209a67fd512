/** The sizes of a convolution as the kernels take them (assembly/convolution_sizes.ts), from tfjs-core's attributes. */

import * as tf from '@tensorflow/tfjs-core';
import type {KernelExports} from './kernel_exports.js';

export type Shape4D = [number, number, number, number];

/** What `backend_util.computeConv2DInfo` gives. */
export type ConvolutionInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** Leaves the sizes where the kernel that is called next finds them. */
export function setSizes(kernels: KernelExports, info: ConvolutionInfo): void {
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

/**
 * The same convolution where patches lie side by side: the cells of a row of a patch are one cell of all their channels,
 * which makes longer loops. x [B, H, OW*KW, Cin] lies in memory like [B, H, OW, KW*Cin], W like [KH, 1, KW*Cin, Cout].
 */
export function joinPatches(info: ConvolutionInfo): ConvolutionInfo {
  const {filterWidth, strideWidth, dilationWidth, inWidth, outWidth, inChannels, padInfo} = info;
  const sideBySide = filterWidth === strideWidth && dilationWidth === 1 && padInfo.left === 0;
  if (!sideBySide || inWidth !== outWidth * filterWidth) {
    return info;
  }
  return {...info, inWidth: outWidth, inChannels: filterWidth * inChannels, filterWidth: 1, strideWidth: 1};
}

/** Whether a sum of the convolution or of its gradients has no terms, or there is no sum. */
export function isEmpty({
  batchSize,
  inHeight,
  inWidth,
  inChannels,
  outHeight,
  outWidth,
  ...info
}: ConvolutionInfo) {
  const filter = info.filterHeight * info.filterWidth * info.outChannels;
  return batchSize * inHeight * inWidth * inChannels * outHeight * outWidth * filter === 0;
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
): ConvolutionInfo {
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

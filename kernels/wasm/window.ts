/**
 * Where the taps of a convolution's filter fall: index arithmetic shared by the gradients of convolutions.
 *
 * Along one axis, filter tap k meets input position `i = o * stride + k * dilation - pad` at output position o.
 */

import * as tf from '@tensorflow/tfjs-core';

/** One axis of a convolution. Sizes, stride and dilation in cells; `pad` is the padding before the first cell. */
export interface WindowAxis {
  readonly inSize: number;
  readonly outSize: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
}

/** What `backend_util.computeConv2DInfo` gives, of it only what the axes need. */
interface ConvolutionSizes {
  inHeight: number;
  inWidth: number;
  outHeight: number;
  outWidth: number;
  strideHeight: number;
  strideWidth: number;
  dilationHeight: number;
  dilationWidth: number;
  padInfo: {top: number; left: number};
}

/** The vertical and the horizontal axis of a convolution. */
export function windowAxes(info: ConvolutionSizes): {rows: WindowAxis; columns: WindowAxis} {
  return {
    rows: {
      inSize: info.inHeight,
      outSize: info.outHeight,
      stride: info.strideHeight,
      dilation: info.dilationHeight,
      pad: info.padInfo.top,
    },
    columns: {
      inSize: info.inWidth,
      outSize: info.outWidth,
      stride: info.strideWidth,
      dilation: info.dilationWidth,
      pad: info.padInfo.left,
    },
  };
}

type Shape4D = [number, number, number, number];

/** Sizes and axes of a depthwise convolution; attributes as in tfjs-core. */
export function depthwiseWindow(
  inputShape: Shape4D,
  filterShape: Shape4D,
  {
    strides,
    dilations,
    pad,
    dimRoundingMode,
  }: Pick<tf.DepthwiseConv2dNativeBackpropInputAttrs, 'strides' | 'dilations' | 'pad' | 'dimRoundingMode'>,
) {
  const info = tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  );
  return {...info, multiplier: info.outChannels / info.inChannels, ...windowAxes(info)};
}

/**
 * The output positions [from, to) at which tap `k` meets a cell of the input and not padding, and the input position
 * met at o = 0 (which can lie outside; the one met at o is `origin + o * stride`).
 */
export function tapRange(axis: WindowAxis, k: number): {from: number; to: number; origin: number} {
  const origin = k * axis.dilation - axis.pad;
  const from = Math.min(axis.outSize, Math.max(0, Math.ceil(-origin / axis.stride)));
  const end = Math.floor((axis.inSize - 1 - origin) / axis.stride) + 1;
  return {from, to: Math.max(from, Math.min(axis.outSize, end)), origin};
}

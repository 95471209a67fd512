/**
 * What tfjs asks of its convolution kernels, read once for all backends: the sizes, and whether our kernels compute it.
 * Undefined is what they leave to the stock kernel: other types than float32, and NCHW.
 *
 *     y[b, p, q, d] = f(bias[d] + sum over i, j, c of x[b, p sh + i dh - top, q sw + j dw - left, c] W[i, j, c, d])
 *
 * x [B, H, W, Cin], W [KH, KW, Cin, Cout], y [B, OH, OW, Cout]. Depthwise: W [KH, KW, C, M], Cout = C M, and no sum over
 * c. Attributes as in tfjs-core, which has no dilation for the gradients: conv2d's refuses it.
 *
 * The shape of y is what tfjs-core 4.22 says, as on its other backends: for padding by one number it takes KH, sh and dh for
 * the width too. Its gradient of conv2d does not hand dimRoundingMode on, so that there the shape of dy counts.
 */
import * as tf from '@tensorflow/tfjs-core';
import {ShapeError} from './common/errors.js';
import {showShape} from './common/shapes.js';
import type {Shape4D} from './geometry/convolution.js';
import type {Inputs} from './kernel_config.js';

/** As tfjs-core computes them. */
type Sizes = tf.backend_util.Conv2DInfo;

/** What all of these kernels are told, with dilations or without. */
type Steps = Pick<tf.Conv2DBackpropFilterAttrs, 'strides' | 'pad' | 'dimRoundingMode'> &
  Partial<Pick<tf.Conv2DAttrs, 'dilations'>>;

function withOutput(sizes: Sizes, outHeight: number, outWidth: number): Sizes {
  const {batchSize, outChannels, dataFormat} = sizes;
  const first = dataFormat === 'channelsFirst';
  const outShape: Shape4D = first
    ? [batchSize, outChannels, outHeight, outWidth]
    : [batchSize, outHeight, outWidth, outChannels];
  return {...sizes, outHeight, outWidth, outShape};
}

function sizesOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  {strides, dilations = 1, pad, dimRoundingMode}: Steps,
  {depthwise = false, dataFormat = 'NHWC'} = {},
): Sizes {
  const sizes = tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    depthwise,
    dataFormat === 'NCHW' ? 'channelsFirst' : 'channelsLast',
  );
  const {inHeight, inWidth, outHeight, outWidth, effectiveFilterHeight, effectiveFilterWidth} = sizes;
  if (outHeight < 0 || outWidth < 0) {
    throw new ShapeError(
      `conv2d: the filter, dilated, must fit into the padded input; got a filter of ` +
        `${showShape([effectiveFilterHeight, effectiveFilterWidth])} and an input of ${showShape([inHeight, inWidth])} ` +
        '(a smaller filter, or more padding).',
    );
  }
  // `+ 0` makes 0 of -0, which no shape should hold.
  return withOutput(sizes, outHeight + 0, outWidth + 0);
}

/** The sizes of a convolution that has dy for the gradient of its result. */
function gradientSizes(
  who: string,
  dy: tf.TensorInfo,
  inputShape: readonly number[],
  filterShape: readonly number[],
  attributes: Steps,
  depthwise = false,
): Sizes {
  const rounded = (dimRoundingMode: Steps['dimRoundingMode']) =>
    sizesOf(inputShape, filterShape, {...attributes, dimRoundingMode}, {depthwise});
  const sizes = rounded(attributes.dimRoundingMode);
  const anyWay = typeof attributes.pad !== 'string' && attributes.dimRoundingMode == null;
  const possible = anyWay ? [sizes, rounded('ceil')] : [sizes];
  const [batch, height, width, channels] = dy.shape;
  const fits =
    dy.shape.length === 4 &&
    batch === sizes.batchSize &&
    channels === sizes.outChannels &&
    possible.some(({outHeight}) => outHeight === height) &&
    possible.some(({outWidth}) => outWidth === width);
  if (!fits) {
    throw new ShapeError(
      `${who}: dy must have the shape of the convolution's result, ${showShape(sizes.outShape)}; got ` +
        `${showShape(dy.shape)} (x ${showShape(inputShape)}, filter ${showShape(filterShape)}).`,
    );
  }
  return withOutput(sizes, height, width);
}

const areEligible = (tensors: readonly tf.TensorInfo[], dataFormat: string) =>
  dataFormat === 'NHWC' && tensors.every(({dtype}) => dtype === 'float32');

/**
 * Sizes of a convolution, and whether it is ours to compute, or else the stock kernel's.
 *
 * @throws ShapeError where the filter does not fit into x, in any data format.
 */
export function convolutionSizes(
  {x, filter, bias}: Inputs<'x' | 'filter'> & Partial<Inputs<'bias'>>,
  attributes: tf.Conv2DAttrs,
): {sizes: Sizes; ours: boolean} {
  const {dataFormat} = attributes;
  const sizes = sizesOf(x.shape, filter.shape, attributes, {dataFormat});
  return {sizes, ours: areEligible(bias ? [x, filter, bias] : [x, filter], dataFormat)};
}

/** Sizes of the convolution whose gradient with respect to x is asked for, or undefined: the stock kernel's. */
export function inputGradientSizes(
  {dy, filter}: Inputs<'dy' | 'filter'>,
  attributes: tf.Conv2DBackpropInputAttrs,
): Sizes | undefined {
  if (!areEligible([dy, filter], attributes.dataFormat)) return undefined;
  return gradientSizes('Conv2DBackpropInput', dy, attributes.inputShape, filter.shape, attributes);
}

/** Sizes of the convolution whose gradient with respect to W is asked for, or undefined: the stock kernel's. */
export function filterGradientSizes(
  {x, dy}: Inputs<'x' | 'dy'>,
  attributes: tf.Conv2DBackpropFilterAttrs,
): Sizes | undefined {
  if (!areEligible([x, dy], attributes.dataFormat)) return undefined;
  return gradientSizes('Conv2DBackpropFilter', dy, x.shape, attributes.filterShape, attributes);
}

/** Sizes of the depthwise convolution whose gradient is asked for; tfjs has its gradients in NHWC only. */
export function depthwiseSizes(
  who: string,
  dy: tf.TensorInfo,
  inputShape: readonly number[],
  filterShape: readonly number[],
  attributes: Steps,
): Sizes {
  return gradientSizes(who, dy, inputShape, filterShape, attributes, true);
}

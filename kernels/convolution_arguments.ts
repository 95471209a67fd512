/**
 * What tfjs asks of its convolution kernels, read once for all backends: the sizes, what follows the sum, and whether our
 * kernels compute it. Undefined is what they leave to the stock kernel: other types than float32, NCHW, other activations
 * than ReLU and ReLU6, and a bias that is not one number per channel.
 *
 *     y[b, p, q, d] = f(bias[d] + sum over i, j, c of x[b, p sh + i dh - top, q sw + j dw - left, c] W[i, j, c, d])
 *
 * x [B, H, W, Cin], W [KH, KW, Cin, Cout], bias [Cout], y [B, OH, OW, Cout]. Depthwise: W [KH, KW, C, M], Cout = C M, and
 * no sum over c. Attributes as in tfjs-core, which has no dilation for the gradients: conv2d's refuses it.
 */
import * as tf from '@tensorflow/tfjs-core';
import type {Shape4D} from './geometry/convolution.js';
import type {Inputs} from './kernel_config.js';

/** As tfjs-core computes them. */
type Sizes = tf.backend_util.Conv2DInfo;

/** What all of these kernels are told, with dilations or without. */
type Steps = Pick<tf.Conv2DBackpropFilterAttrs, 'strides' | 'pad' | 'dimRoundingMode'> &
  Partial<Pick<tf.Conv2DAttrs, 'dilations'>>;

/** Of the activations that tfjs joins to a convolution those that our kernels have; undefined is the identity. */
type Activation = 'relu' | 'relu6' | undefined;

const activations = new Map<string | undefined, Activation>([
  [undefined, undefined],
  ['linear', undefined],
  ['relu', 'relu'],
  ['relu6', 'relu6'],
]);

/** A convolution that our kernels compute. */
export interface Convolution {
  x: tf.TensorInfo;
  filter: tf.TensorInfo;
  bias?: tf.TensorInfo;
  sizes: Sizes;
  activation: Activation;
}

function sizesOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  {strides, dilations = 1, pad, dimRoundingMode}: Steps,
  depthwise = false,
): Sizes {
  return tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    depthwise,
    'channelsLast',
  );
}

const areEligible = (tensors: readonly tf.TensorInfo[], dataFormat: string) =>
  dataFormat === 'NHWC' && tensors.every(({dtype}) => dtype === 'float32');

/** y = f(bias + conv2d(x, W)), or undefined: the stock kernel's. */
export function convolutionOf(
  {x, filter, bias}: Inputs<'x' | 'filter'> & Partial<Inputs<'bias'>>,
  attributes: tf.Conv2DAttrs & Partial<Pick<tf.FusedConv2DAttrs, 'activation'>>,
): Convolution | undefined {
  const {activation, dataFormat} = attributes;
  if (!activations.has(activation) || !areEligible(bias ? [x, filter, bias] : [x, filter], dataFormat)) {
    return undefined;
  }
  const sizes = sizesOf(x.shape, filter.shape, attributes);
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== sizes.outChannels)) return undefined;
  return {x, filter, bias, sizes, activation: activations.get(activation)};
}

/** Sizes of the convolution whose gradient with respect to x is asked for, or undefined: the stock kernel's. */
export function inputGradientSizes(
  {dy, filter}: Inputs<'dy' | 'filter'>,
  attributes: tf.Conv2DBackpropInputAttrs,
): Sizes | undefined {
  if (!areEligible([dy, filter], attributes.dataFormat)) return undefined;
  return sizesOf(attributes.inputShape, filter.shape, attributes);
}

/** Sizes of the convolution whose gradient with respect to W is asked for, or undefined: the stock kernel's. */
export function filterGradientSizes(
  {x, dy}: Inputs<'x' | 'dy'>,
  attributes: tf.Conv2DBackpropFilterAttrs,
): Sizes | undefined {
  if (!areEligible([x, dy], attributes.dataFormat)) return undefined;
  return sizesOf(x.shape, attributes.filterShape, attributes);
}

/** Sizes of a depthwise convolution; tfjs has its gradients in NHWC only. */
export function depthwiseSizes(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attributes: Steps,
): Sizes {
  return sizesOf(inputShape, filterShape, attributes, true);
}

/** Random convolutions, fused ones, and gradients. */
import * as tf from '@tensorflow/tfjs';
import {type Draw, type TypedArray, tensorOf} from '../draw.js';
import type {Expected, FuzzBackend, FuzzCase} from '../fuzz_case.js';
import {
  type ConvolutionCase,
  convolved,
  filterGradient,
  inputGradient,
  outputCells,
  outputShape,
} from '../references/convolution.js';
import {followedBy} from '../references/epilogue.js';
import {cellsOf} from '../references/sums.js';
import {drawEpilogue, epilogueArguments, epilogueText} from './epilogue.js';

const TOO_LARGE = 'the filter, dilated, must fit into the padded input';

function drawConvolution(draw: Draw, {depthwise = false, dilates = true} = {}): ConvolutionCase {
  const channels = draw.chance(0.05) ? 35 : draw.size(6);
  const taps = draw.pick([1, 2, 3, 5]);
  const dilated = dilates && draw.chance(0.25);
  const pad = draw.pick(['same', 'valid', 'number', 'list'] as const);
  const side = () => draw.integer(0, 3);
  const paddings = {
    same: 'same',
    valid: 'valid',
    number: side(),
    list: [
      [side(), side()],
      [side(), side()],
    ],
  };
  const stride = draw.pick([1, 1, 2, 3, 4]);
  return {
    input: [draw.pick([0, 1, 1, 2, 2, 3]), draw.size(11), draw.size(9), channels],
    filter: [
      taps,
      draw.chance(0.7) ? taps : draw.integer(1, 4),
      channels,
      depthwise ? draw.integer(1, 3) : draw.size(10),
    ],
    strides: dilated ? [1, 1] : [stride, depthwise || draw.chance(0.7) ? stride : draw.integer(1, 4)],
    dilations: dilated ? [draw.integer(1, 4), draw.integer(1, 4)] : [1, 1],
    pad: paddings[pad] as ConvolutionCase['pad'],
    rounding:
      pad === 'number' || pad === 'list'
        ? draw.pick([undefined, 'floor', 'round', 'ceil'] as const)
        : undefined,
    depthwise,
  };
}

export const convolutionText = ({input, filter, strides, dilations, pad, rounding}: ConvolutionCase) =>
  `x [${input}] filter [${filter}] strides ${strides} dilations ${dilations} pad ${JSON.stringify(pad)} ${rounding ?? ''}`;

/** tfjs's word for the padding. */
export function padOf(
  {pad}: ConvolutionCase,
  channelsFirst = false,
): tf.backend_util.ExplicitPadding | 'same' | 'valid' | number {
  if (!Array.isArray(pad)) return pad;
  const none: [number, number] = [0, 0];
  return channelsFirst ? [none, none, ...pad] : [none, ...pad, none];
}

/** The same numbers with the channels in front. */
function channelsFirst({shape, values, scale, dtype}: Expected): Expected {
  const [batch, height, width, channels] = shape;
  const order = (numbers: ArrayLike<number>) => {
    const moved = new Float64Array(numbers.length);
    for (const [cell, [b, p, q, d]] of cellsOf(shape)) {
      moved[((b * channels + d) * height + p) * width + q] = numbers[cell];
    }
    return moved;
  };
  return {
    shape: [batch, channels, height, width],
    dtype,
    values: order(values),
    scale: scale && order(scale),
  };
}

const fits = (one: ConvolutionCase) => Math.min(...outputCells(one)) >= 0;

export function conv2d(draw: Draw, backend: FuzzBackend): FuzzCase {
  const one = drawConvolution(draw);
  const [x, w] = [draw.array(one.input), draw.array(one.filter)];
  const first = draw.chance(0.15);
  return {
    text: `conv2d ${first ? 'NCHW' : 'NHWC'} ${convolutionText(one)}`,
    run: () => {
      const map = tensorOf<tf.Tensor4D>(x);
      const given: tf.Tensor4D = first ? tf.transpose(map, [0, 3, 1, 2]) : map;
      const format = first ? 'NCHW' : 'NHWC';
      const filter = tensorOf<tf.Tensor4D>(w);
      return [tf.conv2d(given, filter, one.strides, padOf(one, first), format, one.dilations, one.rounding)];
    },
    expected: () => {
      if (!fits(one)) return {error: TOO_LARGE};
      if (first && backend === 'wasm') return {error: "Please use 'channelsLast'"};
      const y = convolved(one, x.data, w.data).expected();
      return [first ? channelsFirst(y) : y];
    },
  };
}

export function fusedConv2d(draw: Draw): FuzzCase {
  const one = drawConvolution(draw);
  const [x, w] = [draw.array(one.input), draw.array(one.filter)];
  const epilogue = drawEpilogue(draw, fits(one) ? outputShape(one) : [1, 1, 1, 1], [0, 1, 3]);
  return {
    text: `fused.conv2d ${convolutionText(one)} ${epilogueText(epilogue)}`,
    run: () => [
      tf.fused.conv2d({
        x: tensorOf<tf.Tensor4D>(x),
        filter: tensorOf<tf.Tensor4D>(w),
        strides: one.strides,
        pad: padOf(one),
        dilations: one.dilations,
        dimRoundingMode: one.rounding,
        ...epilogueArguments(epilogue),
      }),
    ],
    expected: () => (fits(one) ? [followedBy(convolved(one, x.data, w.data), epilogue)] : {error: TOO_LARGE}),
  };
}

/** A convolution that has a result, which is what dy is the gradient of. */
export function drawGradient(
  draw: Draw,
  {depthwise = false, dilates = depthwise}: {depthwise?: boolean; dilates?: boolean} = {},
): {one: ConvolutionCase; dy: TypedArray} {
  let one = drawConvolution(draw, {depthwise, dilates});
  while (!fits(one)) one = drawConvolution(draw, {depthwise, dilates});
  return {one, dy: draw.array(outputShape(one))};
}

const forward = (one: ConvolutionCase) => (x: tf.Tensor, w: tf.Tensor) =>
  tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, one.strides, padOf(one), 'NHWC', 1, one.rounding);

export function conv2dInputGradient(draw: Draw): FuzzCase {
  const {one, dy} = drawGradient(draw);
  const [x, w] = [draw.array(one.input), draw.array(one.filter)];
  return {
    text: `gradient of conv2d for x, ${convolutionText(one)}`,
    run: () => {
      const filter = tensorOf(w);
      return [tf.grad((map) => forward(one)(map, filter))(tensorOf(x), tensorOf(dy))];
    },
    expected: () => [inputGradient(one, dy.data, w.data).expected()],
  };
}

export function conv2dFilterGradient(draw: Draw): FuzzCase {
  const {one, dy} = drawGradient(draw);
  const [x, w] = [draw.array(one.input), draw.array(one.filter)];
  return {
    text: `gradient of conv2d for the filter, ${convolutionText(one)}`,
    run: () => {
      const map = tensorOf(x);
      return [tf.grad((filter) => forward(one)(map, filter))(tensorOf(w), tensorOf(dy))];
    },
    expected: () => [filterGradient(one, dy.data, x.data).expected()],
  };
}

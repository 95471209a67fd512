/** Random depthwise convolutions: the gradients that tfjs asks of a backend, and our own operation with its gradients. */
import * as tf from '@tensorflow/tfjs';
import {depthwiseConvolution} from '../../../kernels/operations/depthwise_convolution.js';
import {type Draw, tensorOf} from '../draw.js';
import type {FuzzCase} from '../fuzz_case.js';
import {type ConvolutionCase, convolved, filterGradient, inputGradient} from '../references/convolution.js';
import {Sums} from '../references/sums.js';
import {convolutionText, drawGradient, padOf} from './convolutions.js';

/** The kernels themselves: the stock forward pass writes out of bounds for some of these. */
function depthwiseGradient(draw: Draw, of: 'input' | 'filter'): FuzzCase {
  const {one, dy} = drawGradient(draw, {depthwise: true});
  const other = draw.array(of === 'input' ? one.filter : one.input);
  const {strides, dilations, rounding: dimRoundingMode} = one;
  const attributes = {strides, dilations, pad: padOf(one), dimRoundingMode};
  return {
    text: `gradient of depthwiseConv2d for the ${of}, ${convolutionText(one)}`,
    run: () => [
      of === 'input'
        ? tf
            .engine()
            .runKernel(tf.DepthwiseConv2dNativeBackpropInput, {dy: tensorOf(dy), filter: tensorOf(other)}, {
              ...attributes,
              inputShape: one.input,
            } as tf.NamedAttrMap)
        : tf
            .engine()
            .runKernel(tf.DepthwiseConv2dNativeBackpropFilter, {dy: tensorOf(dy), x: tensorOf(other)}, {
              ...attributes,
              filterShape: one.filter,
            } as tf.NamedAttrMap),
    ],
    expected: () => [(of === 'input' ? inputGradient : filterGradient)(one, dy.data, other.data).expected()],
  };
}

export const depthwiseInputGradient = (draw: Draw) => depthwiseGradient(draw, 'input');
export const depthwiseFilterGradient = (draw: Draw) => depthwiseGradient(draw, 'filter');

/** y and the gradients of sum(y dy): the filter has 3x3 taps, the stride is 1. */
export function depthwise(draw: Draw): FuzzCase {
  const shape: [number, number, number, number] = [
    draw.size(4),
    draw.size(12),
    draw.size(12),
    draw.size(draw.chance(0.1) ? 70 : 24),
  ];
  const channels = shape[3];
  const one: ConvolutionCase = {
    ...{input: shape, filter: [3, 3, channels, 1], strides: [1, 1], dilations: [1, 1]},
    ...{pad: 'same', rounding: undefined, depthwise: true},
  };
  const residual = draw.chance(0.5);
  const given = {
    ...{x: draw.array(shape), weight: draw.array(one.filter)},
    ...(draw.chance(0.5) ? {bias: draw.array([channels])} : {}),
    ...(draw.chance(0.5) ? {addend: draw.array(shape)} : {}),
  };
  const {x, weight, bias, addend} = given;
  const dy = draw.array(shape);
  const names = Object.keys(given);
  return {
    text: `depthwiseConvolution of ${names.join(', ')} on [${shape}]${residual ? ' with residual' : ''}`,
    run: () => {
      const run = (...tensors: tf.Tensor[]) =>
        depthwiseConvolution(Object.fromEntries(tensors.map((tensor, i) => [names[i], tensor])) as never, {
          residual,
        });
      const tensors = Object.values(given).map((array) => tensorOf(array));
      const {value, grads} = tf.valueAndGrads(run)(tensors, tensorOf(dy));
      return [value, ...grads];
    },
    expected: () => {
      const [y, dx] = [convolved(one, x.data, weight.data), inputGradient(one, dy.data, weight.data)];
      const dBias = new Sums([channels]);
      for (let i = 0; i < dy.data.length; i++) {
        if (bias) y.add(i, bias.data[i % channels]);
        if (residual) y.add(i, x.data[i]);
        if (addend) y.add(i, addend.data[i]);
        if (residual) dx.add(i, dy.data[i]);
        dBias.add(i % channels, dy.data[i]);
      }
      const results = [y, dx, filterGradient(one, dy.data, x.data), ...(bias ? [dBias] : [])];
      return [...results.map((sums) => sums.expected()), ...(addend ? [{...dy, values: dy.data}] : [])];
    },
  };
}

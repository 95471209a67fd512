/**
 * The stock operations that are replaced or completed on each backend, what draws cases of them, and the kernel that each
 * case calls; and operations of our own that are fuzzed by themselves.
 */
import * as tf from '@tensorflow/tfjs';
import type {Draw} from './draw.js';
import type {FuzzBackend, FuzzCase} from './fuzz_case.js';
import * as convolutions from './generators/convolutions.js';
import * as depthwise from './generators/depthwise.js';
import * as moves from './generators/moves.js';
import {maxPoolGradient} from './generators/pooling.js';
import * as products from './generators/products.js';
import * as reductions from './generators/reductions.js';

/** Draws a case. */
type Generator = (draw: Draw, backend: FuzzBackend) => FuzzCase;

export interface Operation {
  /** Name of the kernel, in tfjs's registry, that cases are for. */
  kernel: string;
  draw: Generator;
}

const onBoth: Record<string, Operation> = {
  conv2d: {kernel: tf.Conv2D, draw: convolutions.conv2d},
  fusedConv2d: {kernel: tf.FusedConv2D, draw: convolutions.fusedConv2d},
  conv2dInputGradient: {kernel: tf.Conv2DBackpropInput, draw: convolutions.conv2dInputGradient},
  conv2dFilterGradient: {kernel: tf.Conv2DBackpropFilter, draw: convolutions.conv2dFilterGradient},
  depthwiseConvolution: {kernel: 'SwintDepthwiseConvolution', draw: depthwise.depthwise},
  matMul: {kernel: tf.BatchMatMul, draw: products.matMul},
  fusedMatMul: {kernel: tf._FusedMatMul, draw: products.fusedMatMul},
  sum: {kernel: tf.Sum, draw: reductions.sum},
  mean: {kernel: tf.Mean, draw: reductions.mean},
  transpose: {kernel: tf.Transpose, draw: moves.transpose},
};

export const operations: Record<FuzzBackend, Record<string, Operation>> = {
  wasm: {
    ...onBoth,
    depthwiseInputGradient: {
      kernel: tf.DepthwiseConv2dNativeBackpropInput,
      draw: depthwise.depthwiseInputGradient,
    },
    depthwiseFilterGradient: {
      kernel: tf.DepthwiseConv2dNativeBackpropFilter,
      draw: depthwise.depthwiseFilterGradient,
    },
    maxPoolGradient: {kernel: tf.MaxPoolGrad, draw: maxPoolGradient},
    unsortedSegmentSum: {kernel: tf.UnsortedSegmentSum, draw: reductions.unsortedSegmentSum},
    slice: {kernel: tf.Slice, draw: moves.slice},
    split: {kernel: tf.SplitV, draw: moves.split},
    clone: {kernel: tf.Identity, draw: moves.clone},
  },
  webgpu: onBoth,
};

/**
 * Each kernel alone, at sizes of Swin-T and of the CIFAR networks: GFLOP/s where it computes, GB/s (read and written)
 * where it moves. Each is run a few times in a row: alternatives in turn find each other's data in the caches.
 */
import * as tf from '@tensorflow/tfjs';
import type {BackendName} from 'tfjs-swint';
import {
  batchNorm,
  batchStatistics,
  depthwiseConvolution,
  layerNorm,
  linear,
  patchMerge,
  windowAttention,
} from 'tfjs-swint/kernels';
import {alternatives} from './alternatives.js';
import {besidePeak} from './peak.js';
import type {Report, Row} from './report.js';

interface Case {
  what: string;
  work: Row['work'];
  run: () => tf.Tensor | tf.Tensor[];
  /** The same by tfjs's own kernels, where it has them. */
  stock?: () => tf.Tensor | tf.Tensor[];
}

/** Runs in a row. */
const INNER = 5;

const flops = (amount: number): Row['work'] => ({amount, unit: 'GFLOP/s'});
const bytes = (numbers: number): Row['work'] => ({amount: 4 * numbers, unit: 'GB/s'});

/** A kernel of the library by its name. */
const kernel = (name: string, inputs: Record<string, tf.Tensor>, attrs: object = {}) =>
  tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap) as tf.Tensor | tf.Tensor[];

/** Y = X W, and the two products of its gradients. */
function productCases(m: number, k: number, n: number): Case[] {
  const x = tf.randomNormal([m, k]);
  const weight = tf.randomNormal([k, n]) as tf.Tensor2D;
  const g = tf.randomNormal([m, n]) as tf.Tensor2D;
  const work = flops(2 * m * k * n);
  const name = `${m}x${k}x${n}`;
  return [
    {what: `product ${name}`, work, run: () => linear({x, weight})},
    {
      what: `product ${name}, dX = G W^T`,
      work,
      run: () => kernel('SwintLinearGradX', {g, weight}, {shape: [m, k]}),
    },
    {what: `product ${name}, dW = X^T G`, work, run: () => kernel('SwintLinearGradWeight', {g, x})},
  ];
}

function attentionCases(size: number, channels: number, numHeads: number): Case[] {
  const qkv = tf.randomNormal([1, size, size, 3 * channels]) as tf.Tensor4D;
  const dy = tf.randomNormal([1, size, size, channels]) as tf.Tensor4D;
  const table = tf.randomNormal([169, numHeads]) as tf.Tensor2D;
  const attrs = {
    numHeads,
    windowSize: [7, 7],
    shift: [3, 3],
    padding: 'masked',
    score: 'dot',
    scale: 0.18,
  } as const;
  const product = 2 * size * size * 49 * channels;
  const name = `windowAttention ${size}x${size}x${channels}, ${numHeads} heads`;
  return [
    {what: name, work: flops(2 * product), run: () => windowAttention({qkv, table}, attrs)},
    {
      what: `${name}, gradient`,
      work: flops(5 * product),
      run: () => kernel('SwintWindowAttentionGrad', {qkv, table, dy}, attrs),
    },
  ];
}

function mapCases(): Case[] {
  const x = tf.randomNormal([8, 56, 56, 96]) as tf.Tensor4D;
  const vector = tf.randomNormal([96]) as tf.Tensor1D;
  const images = tf.randomNormal([32, 32, 32, 64]) as tf.Tensor4D;
  const gain = tf.ones([64]) as tf.Tensor1D;
  const statistics = {mean: tf.zeros([64]) as tf.Tensor1D, variance: gain};
  return [
    {
      what: 'layerNorm 8x56x56x96',
      work: bytes(2 * x.size),
      run: () => layerNorm({x, gamma: vector, beta: vector}),
    },
    {what: 'patchMerge 8x56x56x96', work: bytes(2 * x.size), run: () => patchMerge({x})},
    {
      what: 'batchStatistics 32x32x32x64',
      work: bytes(2 * images.size),
      run: () => Object.values(batchStatistics(images, 3)),
    },
    {
      what: 'batchNorm 32x32x32x64',
      work: bytes(2 * images.size),
      run: () =>
        batchNorm(
          {x: images, ...statistics, gamma: gain, beta: gain},
          {axis: 3, epsilon: 1e-5, statistics: 'batch'},
        ),
    },
  ];
}

/** A depthwise 3x3 convolution with bias and its gradients for x and the weight, batch 64, 8x8. */
function depthwiseCases(channels: number): Case[] {
  const x = tf.randomNormal([64, 8, 8, channels]) as tf.Tensor4D;
  const weight = tf.randomNormal([3, 3, channels, 1]) as tf.Tensor4D;
  const bias = tf.randomNormal([channels]) as tf.Tensor1D;
  const work = flops(2 * 9 * x.size);
  const name = `depthwise 3x3 64x8x8x${channels}`;
  return [
    {
      what: name,
      work,
      run: () => depthwiseConvolution({x, weight, bias}),
      stock: () => tf.add(tf.depthwiseConv2d(x, weight, 1, 'same'), bias),
    },
    {
      what: `${name}, with dX and dW`,
      work: flops(6 * 9 * x.size),
      run: () => tf.grads((...[x, weight]) => depthwiseConvolution({x, weight, bias} as never))([x, weight]),
    },
  ];
}

/** A convolution and its two gradients, batch 32, 3x3. */
function convolutionCases(size: number, input: number, filters: number): Case[] {
  const x = tf.randomNormal([32, size, size, input]) as tf.Tensor4D;
  const dy = tf.randomNormal([32, size, size, filters]) as tf.Tensor4D;
  const filter = tf.randomNormal([3, 3, input, filters]) as tf.Tensor4D;
  const attrs = {strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1]};
  const work = flops(2 * 32 * size * size * 9 * input * filters);
  const name = `conv2d 3x3 ${size}x${size}, ${input} to ${filters}`;
  return [
    {what: name, work, run: () => tf.conv2d(x, filter, 1, 'same')},
    {
      what: `${name}, dX`,
      work,
      run: () => kernel('Conv2DBackpropInput', {dy, filter}, {...attrs, inputShape: x.shape}),
    },
    {
      what: `${name}, dW`,
      work,
      run: () => kernel('Conv2DBackpropFilter', {x, dy}, {...attrs, filterShape: filter.shape}),
    },
  ];
}

export async function benchKernels(backend: BackendName, repeats: number, report: Report): Promise<void> {
  report.title('Kernels alone');
  const cases = [
    ...productCases(3136, 96, 288),
    ...productCases(3136, 384, 96),
    ...productCases(196, 384, 1536),
    ...attentionCases(56, 96, 3),
    ...mapCases(),
    ...depthwiseCases(128),
    ...depthwiseCases(256),
    ...convolutionCases(32, 64, 64),
    ...convolutionCases(32, 16, 16),
    ...convolutionCases(8, 96, 96),
  ];
  for (const {what, work, run, stock} of cases) {
    const choices = alternatives(backend, run, stock, INNER);
    report.add({what, work, ...(await besidePeak(choices, 2 * repeats))});
  }
}

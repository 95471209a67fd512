/**
 * The cases every operation is checked on, on every backend: what goes in, the float64 reference of what comes out,
 * and of the gradients of sum(y * dy). Edges of size one, sizes that divide by nothing, both paddings, all variants.
 */
import * as tf from '@tensorflow/tfjs';
import {adamAttrs} from '../../../kernels/contracts/optimizer.js';
import {batchNorm, batchStatistics} from '../../../kernels/operations/batch_norm.js';
import {depthwiseConvolution} from '../../../kernels/operations/depthwise_convolution.js';
import {gelu} from '../../../kernels/operations/gelu.js';
import {layerNorm} from '../../../kernels/operations/layer_norm.js';
import {linear} from '../../../kernels/operations/linear.js';
import {adamUpdate, sgdUpdate} from '../../../kernels/operations/optimizer.js';
import {patchMerge} from '../../../kernels/operations/patch_merge.js';
import {swinBlock} from '../../../kernels/operations/swin_block.js';
import {windowAttention} from '../../../kernels/operations/window_attention.js';
import {type NdArray, ndArray} from '../../../kernels/reference/array.js';
import {
  batchNormGradReference,
  batchNormReference,
  batchStatisticsReference,
} from '../../../kernels/reference/batch_norm.js';
import {
  depthwiseConvolutionGradReference,
  depthwiseConvolutionReference,
} from '../../../kernels/reference/depthwise_convolution.js';
import {geluGradReference, geluReference} from '../../../kernels/reference/gelu.js';
import {layerNormGradReference, layerNormReference} from '../../../kernels/reference/layer_norm.js';
import {linearGradReference, linearReference} from '../../../kernels/reference/linear.js';
import {patchMergeGradReference, patchMergeReference} from '../../../kernels/reference/patch_merge.js';
import {swinBlockGradReference, swinBlockReference} from '../../../kernels/reference/swin_block.js';
import {
  windowAttentionGradReference,
  windowAttentionReference,
} from '../../../kernels/reference/window_attention.js';
import {randomArrays} from '../../helpers/random.js';

type Arrays = Record<string, NdArray>;
type Tensors = Record<string, tf.Tensor>;

export interface OperationCase {
  name: string;
  /** What gradients are taken of; nothing where an operation has none. */
  inputs: Arrays;
  /** Further inputs, constants to the gradient. */
  constants?: Arrays;
  run: (tensors: Tensors) => tf.Tensor;
  forward: (arrays: Arrays) => NdArray;
  backward: (arrays: Arrays, dy: NdArray) => Arrays;
}

function linearCases(): OperationCase[] {
  const table = [
    // [name, shape of x, units, bias, activation, residual, sampleScale]
    ['a matrix', [5, 7], 3, true, 'none', false, false],
    ['no bias', [3, 4], 6, false, 'none', false, false],
    ['a map with GELU', [2, 3, 5, 8], 9, true, 'gelu', false, false],
    ['residual', [2, 3, 4, 6], 6, true, 'none', true, false],
    ['everything', [3, 2, 2, 5], 4, true, 'gelu', true, true],
    ['drop-path without residual', [4, 3, 6], 2, false, 'none', false, true],
    ['one of everything', [1, 1, 1, 1], 1, true, 'gelu', true, true],
    ['sizes of no tile', [1, 17, 19, 33], 29, true, 'gelu', false, false],
  ] as const;
  return table.map(([name, shape, units, hasBias, activation, hasResidual, hasScale]) => {
    const random = randomArrays(`linear ${name}`);
    const channels = shape[shape.length - 1];
    const inputs: Arrays = {x: random(shape), weight: random([channels, units], channels ** -0.5)};
    if (hasBias) inputs.bias = random([units]);
    if (hasResidual) inputs.residual = random([...shape.slice(0, -1), units]);
    const constants: Arrays = hasScale ? {sampleScale: random([shape[0]], 1, 1)} : {};
    if (hasScale && shape[0] > 1) constants.sampleScale.data[1] = 0;
    const attrs = {activation};
    return {
      name: `linear: ${name}`,
      inputs,
      constants,
      run: (tensors) => linear(tensors as never, attrs),
      forward: (arrays) => linearReference(arrays as never, attrs),
      backward: (arrays, dy) => linearGradReference(arrays as never, attrs, dy),
    };
  });
}

function layerNormCases(): OperationCase[] {
  const table = [
    // [name, shape of x, epsilon, mean, residual, sampleScale]
    ['a row', [1, 8], 1e-5, 0, false, false],
    ['a map', [2, 3, 5, 12], 1e-5, 0, false, false],
    ['a mean far from zero', [4, 32], 1e-5, 20, false, false],
    ['one channel', [3, 1], 1e-5, 0, false, false],
    ['another epsilon', [6, 10], 1e-3, 0, false, false],
    ['a residual', [2, 3, 5, 9], 1e-5, 0, true, false],
    ['drop-path', [3, 2, 2, 13], 1e-5, 0, true, true],
    ['drop-path without residual', [2, 4, 6], 1e-5, 0, false, true],
    ['many rows', [1, 37, 61, 48], 1e-5, 0, true, false],
  ] as const;
  return table.map(([name, shape, epsilon, shift, hasResidual, hasScale]) => {
    const random = randomArrays(`layerNorm ${name}`);
    const channels = shape[shape.length - 1];
    const inputs: Arrays = {
      x: random(shape, 1, shift),
      gamma: random([channels], 0.3, 1),
      beta: random([channels]),
    };
    if (hasResidual) inputs.residual = random(shape);
    const constants: Arrays = hasScale ? {sampleScale: random([shape[0]], 1, 1)} : {};
    return {
      name: `layerNorm: ${name}`,
      inputs,
      constants,
      run: (tensors) => layerNorm(tensors as never, {epsilon}),
      forward: (arrays) => layerNormReference(arrays as never, {epsilon}),
      backward: (arrays, dy) => layerNormGradReference(arrays as never, {epsilon}, dy),
    };
  });
}

function batchNormCases(): OperationCase[] {
  const table = [
    ['channels last', [3, 4, 5, 6], 3, 'batch', true],
    ['channels first', [3, 6, 4, 5], 1, 'batch', true],
    ['rows', [16, 5], 1, 'batch', true],
    ['no gain, no offset', [2, 3, 3, 4], 1, 'batch', false],
    ['moving statistics', [2, 3, 3, 4], 1, 'moving', true],
  ] as const;
  return table.map(([name, shape, axis, statistics, affine]) => {
    const random = randomArrays(`batchNorm ${name}`);
    const x = random(shape, 2, 1);
    const channels = Number(shape[axis]);
    const inputs: Arrays = {x};
    if (affine) Object.assign(inputs, {gamma: random([channels], 0.3, 1), beta: random([channels])});
    const moving = {mean: random([channels]), variance: random([channels], 0.1, 1)};
    const attrs = {axis, epsilon: 1e-3, statistics};
    return {
      name: `batchNorm: ${name}`,
      inputs,
      constants: statistics === 'batch' ? {...batchStatisticsReference(x, axis)} : moving,
      run: (tensors) => batchNorm(tensors as never, attrs),
      forward: (arrays) => batchNormReference(arrays as never, attrs),
      backward: (arrays, dy) => batchNormGradReference(arrays as never, attrs, dy),
    };
  });
}

/** Several arrays of one shape as one, as tf.stack does it. */
function stacked(arrays: NdArray[]): NdArray {
  return ndArray(
    [arrays.length, ...arrays[0].shape],
    arrays.flatMap(({data}) => Array.from(data)),
  );
}

function batchStatisticsCases(): OperationCase[] {
  const table = [
    ['channels last', [3, 4, 5, 6], 3, 0],
    ['channels last, three of them', [2, 5, 7, 3], 3, 0],
    ['channels last, a mean far from zero', [4, 8, 8, 16], 3, 100],
    ['channels first', [3, 6, 4, 5], 1, 0],
    ['channels first, a mean far from zero', [4, 3, 17, 19], 1, 100],
    ['channels first, short maps', [5, 4, 3, 1], 1, 0],
    ['rows', [16, 5], 1, 0],
    ['one cell', [1, 1], 1, 0],
    ['one cell a channel', [1, 9], 1, 3],
  ] as const;
  return table.map(([name, shape, axis, shift]) => {
    const x = randomArrays(`batchStatistics ${name}`)(shape, 1, shift);
    return {
      name: `batchStatistics: ${name}`,
      inputs: {},
      constants: {x},
      run: (tensors) => {
        const {mean, variance} = batchStatistics(tensors.x, axis);
        // Divided, so that a large mean does not hide the variance in a relative error.
        return tf.stack([tf.div(mean, shift || 1), variance]);
      },
      forward: (arrays) => {
        const {mean, variance} = batchStatisticsReference(arrays.x, axis);
        const scaled = ndArray(
          mean.shape,
          Array.from(mean.data, (value) => value / (shift || 1)),
        );
        return stacked([scaled, variance]);
      },
      backward: () => ({}),
    };
  });
}

function adamCases(): OperationCase[] {
  const table = [
    ['the first step', [7, 5], 1, 0],
    ['a later step with decay', [3, 3, 2, 5], 17, 0.1],
    ['one number', [], 3, 0],
  ] as const;
  return table.map(([name, shape, step, weightDecay]) => {
    const random = randomArrays(`adamUpdate ${name}`);
    const squares = random(shape);
    const v = ndArray(
      shape,
      Array.from(squares.data, (value) => Math.fround(value * value)),
    );
    const settings = {learningRate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-3};
    const attrs = adamAttrs({...settings, weightDecay: [weightDecay]}, step);
    const first = step === 1;
    const zero = ndArray(
      shape,
      Array.from(v.data, () => 0),
    );
    return {
      name: `adamUpdate: ${name}`,
      inputs: {},
      constants: {
        value: random(shape),
        gradient: random(shape),
        m: first ? zero : random(shape),
        v: first ? zero : v,
      },
      run: (tensors) => tf.stack(adamUpdate([tensors as never], attrs)[0]),
      // As the paper has it, on its own moments.
      forward: (arrays) => {
        const {learningRate, beta1, beta2, epsilon} = settings;
        const result = [[], [], []] as number[][];
        for (const [i, g] of Array.from(arrays.gradient.data).entries()) {
          const moment = beta1 * (1 - beta1) * arrays.m.data[i] + (1 - beta1) * g;
          const second = beta2 * (1 - beta2) * arrays.v.data[i] + (1 - beta2) * g * g;
          const along = moment / (1 - beta1 ** step) / (Math.sqrt(second / (1 - beta2 ** step)) + epsilon);
          const kept = arrays.value.data[i] * (1 - learningRate * weightDecay);
          result[0].push(kept - learningRate * along);
          result[1].push(moment / (1 - beta1));
          result[2].push(second / (1 - beta2));
        }
        return stacked(result.map((data) => ndArray(shape, data)));
      },
      backward: () => ({}),
    };
  });
}

function sgdCases(): OperationCase[] {
  const table = [
    ['plain', [7, 5], 0, false, 0],
    ['decay', [3, 7], 0, false, 0.1],
    ['momentum', [13], 0.9, false, 0],
    ["Nesterov's momentum with decay", [2, 3, 5], 0.7, true, 0.1],
  ] as const;
  return table.map(([name, shape, momentum, nesterov, weightDecay]) => {
    const random = randomArrays(`sgdUpdate ${name}`);
    const attrs = {learningRate: 0.3, momentum, nesterov, weightDecay: [weightDecay]};
    const constants: Arrays = {value: random(shape), gradient: random(shape)};
    if (momentum > 0) constants.velocity = random(shape);
    return {
      name: `sgdUpdate: ${name}`,
      inputs: {},
      constants,
      run: (tensors) => tf.stack(sgdUpdate([tensors as never], attrs)[0]),
      forward: ({value, gradient, velocity}) => {
        const result = velocity ? [[], []] : ([[]] as number[][]);
        for (const [i, p] of Array.from(value.data).entries()) {
          const g = gradient.data[i] + weightDecay * p;
          const u = velocity ? momentum * velocity.data[i] + g : g;
          result[0].push(p - 0.3 * (nesterov ? g + momentum * u : u));
          result[1]?.push(u);
        }
        return stacked(result.map((data) => ndArray(shape, data)));
      },
      backward: () => ({}),
    };
  });
}

function geluCases(): OperationCase[] {
  const shapes = [[1], [3, 5], [2, 3, 4, 8], [], [4, 70_001]];
  return shapes.map((shape) => ({
    name: `gelu: ${shape.join('x') || 'one number'}`,
    inputs: {x: randomArrays(`gelu ${shape}`)(shape, 3)},
    run: ({x}) => gelu({x}),
    forward: ({x}) => geluReference(x),
    backward: ({x}, dy) => ({x: geluGradReference(x, dy)}),
  }));
}

function patchMergeCases(): OperationCase[] {
  const shapes = [
    [1, 2, 2, 1],
    [2, 4, 6, 3],
    [2, 5, 3, 4],
    [1, 1, 1, 2],
    [3, 1, 8, 2],
  ];
  return shapes.map((shape) => ({
    name: `patchMerge: ${shape.join('x')}`,
    inputs: {x: randomArrays(`patchMerge ${shape}`)(shape)},
    run: ({x}) => patchMerge({x: x as tf.Tensor4D}),
    forward: ({x}) => patchMergeReference(x),
    backward: ({x}, dy) => ({x: patchMergeGradReference(x.shape, dy)}),
  }));
}

function depthwiseConvolutionCases(): OperationCase[] {
  const table = [
    // [name, shape of x, bias, residual, addend]
    ['one cell', [2, 1, 1, 5], true, true, false],
    ['one row', [1, 1, 9, 4], true, false, false],
    ['one column', [2, 6, 1, 8], true, false, true],
    ['two cells', [1, 1, 2, 3], true, true, false],
    ['a narrow map', [2, 5, 3, 6], true, true, false],
    ['whole tiles', [2, 8, 8, 16], true, false, false],
    ['sizes of no tile', [3, 7, 5, 13], true, true, true],
    ['a wide map', [1, 3, 18, 20], true, false, true],
    ['no bias', [2, 4, 6, 4], false, false, false],
    ['many rows', [2, 61, 37, 8], true, true, false],
  ] as const;
  return table.map(([name, shape, hasBias, residual, hasAddend]) => {
    const random = randomArrays(`depthwiseConvolution ${name}`);
    const channels = shape[3];
    const inputs: Arrays = {x: random(shape), weight: random([3, 3, channels, 1], 1 / 3)};
    if (hasBias) inputs.bias = random([channels]);
    if (hasAddend) inputs.addend = random(shape);
    return {
      name: `depthwiseConvolution: ${name}`,
      inputs,
      run: (tensors) => depthwiseConvolution(tensors as never, {residual}),
      forward: (arrays) => depthwiseConvolutionReference(arrays as never, {residual}),
      backward: (arrays, dy) => depthwiseConvolutionGradReference(arrays as never, {residual}, dy),
    };
  });
}

function windowAttentionCases(): OperationCase[] {
  const table = [
    // [name, [B, H, W], heads, head size, windowSize, shift, padding]
    ['whole windows', [2, 4, 4], 2, 3, [2, 2], [0, 0], 'masked'],
    ['shifted', [1, 8, 8], 2, 4, [4, 4], [2, 2], 'masked'],
    ['shifted by more than half', [1, 6, 6], 1, 4, [3, 3], [2, 2], 'masked'],
    ['padded', [2, 5, 7], 2, 4, [4, 4], [0, 0], 'masked'],
    ['padded and shifted', [2, 5, 7], 2, 4, [4, 4], [2, 2], 'masked'],
    ['padding longer than the last window', [1, 9, 5], 1, 3, [4, 4], [2, 2], 'masked'],
    ['attended padding', [2, 5, 7], 2, 4, [4, 4], [2, 2], 'attended'],
    ['a window larger than the map', [1, 3, 10], 2, 4, [7, 4], [3, 2], 'masked'],
    ['a window larger than the map, attended', [1, 3, 10], 2, 4, [7, 4], [3, 2], 'attended'],
    ['rectangular windows', [1, 6, 8], 3, 2, [2, 4], [1, 2], 'masked'],
    ['one cell', [3, 1, 1], 2, 4, [7, 7], [3, 3], 'masked'],
    ['one row', [1, 1, 9], 1, 4, [4, 4], [2, 2], 'masked'],
    ['one token a window', [1, 3, 3], 1, 4, [1, 1], [0, 0], 'masked'],
    ['window 7, head size 32', [1, 14, 14], 1, 32, [7, 7], [3, 3], 'masked'],
  ] as const;
  return table.flatMap(([name, [batch, height, width], numHeads, size, windowSize, shift, padding]) =>
    (['dot', 'cosine'] as const).map((score): OperationCase => {
      const random = randomArrays(`windowAttention ${name} ${score}`);
      const inputs: Arrays = {
        qkv: random([batch, height, width, 3 * numHeads * size]),
        table: random([(2 * windowSize[0] - 1) * (2 * windowSize[1] - 1), numHeads]),
      };
      if (score === 'cosine') inputs.logitScale = random([numHeads], 0.5, 2);
      if (padding === 'attended') inputs.padToken = random([3 * numHeads * size]);
      const attrs = {numHeads, windowSize, shift, padding, score, scale: size ** -0.5};
      return {
        name: `windowAttention: ${name}, ${score}`,
        inputs,
        run: (tensors) => windowAttention(tensors as never, attrs),
        forward: (arrays) => windowAttentionReference(arrays as never, attrs),
        backward: (arrays, dy) => windowAttentionGradReference(arrays as never, attrs, dy),
      };
    }),
  );
}

/** Random weights of a block; each product keeps the size of its numbers. */
function blockInputs(
  random: ReturnType<typeof randomArrays>,
  shape: readonly [number, number, number, number],
  hidden: number,
): Arrays {
  const channels = shape[3];
  const gain = channels ** -0.5;
  const vector = () => random([channels], 0.5);
  return {
    ...{x: random(shape), gamma1: random([channels], 0.3, 1), beta1: vector()},
    ...{qkvWeight: random([channels, 3 * channels], gain)},
    ...{projWeight: random([channels, channels], gain), projBias: vector()},
    ...{gamma2: random([channels], 0.3, 1), beta2: vector()},
    ...{fc1Weight: random([channels, hidden], gain), fc1Bias: random([hidden], 0.5)},
    ...{fc2Weight: random([hidden, channels], 0.5 * hidden ** -0.5), fc2Bias: vector()},
  };
}

/** A block, its weights random. */
export interface BlockCase {
  name: string;
  /** B, H, W. */
  map: readonly [number, number, number];
  numHeads: number;
  headSize: number;
  /** F. */
  hidden: number;
  windowSize: readonly [number, number];
  shift: readonly [number, number];
  padding: 'masked' | 'attended';
  qkvBias: boolean;
  sampleScale: boolean;
  /** Which of the options of locality it has. Default: none. */
  locality?: readonly Locality[];
}

/** Layer scale and the convolutions of a block. */
type Locality = 'layerScale' | 'position' | 'value' | 'hidden' | 'no bias';

/** The inputs of those options. */
function localityInputs(
  random: ReturnType<typeof randomArrays>,
  channels: number,
  hidden: number,
  locality: readonly Locality[],
): Arrays {
  const inputs: Arrays = {};
  for (const [name, width] of [
    ['position', channels],
    ['value', channels],
    ['hidden', hidden],
  ] as const) {
    if (!locality.includes(name)) continue;
    inputs[`${name}Weight`] = random([3, 3, width, 1], 0.2);
    if (!locality.includes('no bias')) inputs[`${name}Bias`] = random([width], 0.5);
  }
  if (locality.includes('layerScale')) {
    Object.assign(inputs, {layerScale1: random([channels]), layerScale2: random([channels])});
    inputs.layerScale1.data[0] = 0;
  }
  return inputs;
}

export function swinBlockCase(
  {
    name,
    map,
    numHeads,
    headSize,
    hidden,
    windowSize,
    shift,
    padding,
    qkvBias,
    sampleScale,
    locality = [],
  }: BlockCase,
  norm: 'pre' | 'post',
  score: 'dot' | 'cosine',
): OperationCase {
  const random = randomArrays(`swinBlock ${name} ${norm} ${score}`);
  const channels = numHeads * headSize;
  const inputs = blockInputs(random, [...map, channels], hidden);
  inputs.table = random([(2 * windowSize[0] - 1) * (2 * windowSize[1] - 1), numHeads]);
  if (qkvBias) inputs.qkvBias = random([3 * channels], 0.5);
  if (score === 'cosine') inputs.logitScale = random([numHeads], 0.5, 1);
  if (qkvBias && padding === 'attended') inputs.padToken = random([3 * channels]);
  Object.assign(inputs, localityInputs(random, channels, hidden, locality));
  const constants: Arrays = {};
  if (sampleScale) {
    constants.sampleScale1 = random([map[0]], 0.3, 1);
    constants.sampleScale2 = random([map[0]], 0.3, 1);
    constants.sampleScale2.data[1] = 0;
  }
  const attention = {numHeads, windowSize, shift, padding, score, scale: headSize ** -0.5};
  const attrs = {attention, norm, epsilon: 1e-5};
  return {
    name: `swinBlock: ${name}, ${norm}, ${score}`,
    inputs,
    constants,
    run: (tensors) => swinBlock(tensors as never, attrs),
    forward: (arrays) => swinBlockReference(arrays as never, attrs),
    backward: (arrays, dy) => swinBlockGradReference(arrays as never, attrs, dy),
  };
}

function swinBlockCases(): OperationCase[] {
  const table = [
    // [name, [B, H, W], heads, head size, F, windowSize, shift, padding, qkvBias, sampleScale]
    ['whole windows', [2, 4, 4], 2, 4, 12, [2, 2], [0, 0], 'masked', true, false],
    ['shifted and padded', [2, 5, 7], 2, 4, 16, [4, 4], [2, 2], 'masked', true, false],
    ['attended padding', [2, 5, 7], 2, 4, 16, [4, 4], [2, 2], 'attended', true, false],
    ['no bias of qkv', [1, 6, 4], 2, 4, 16, [4, 4], [2, 2], 'masked', false, false],
    ['no bias of qkv, attended padding', [1, 5, 4], 2, 4, 16, [4, 4], [2, 2], 'attended', false, false],
    ['drop-path', [3, 5, 4], 2, 8, 16, [4, 4], [2, 2], 'masked', true, true],
    ['drop-path, attended padding', [3, 3, 5], 1, 8, 8, [4, 4], [2, 2], 'attended', true, true],
    ['sizes of no tile', [2, 7, 5], 3, 5, 29, [3, 4], [1, 2], 'masked', true, true],
    ['one cell', [3, 1, 1], 2, 4, 7, [7, 7], [3, 3], 'masked', true, false],
  ] as const;
  // Swin V1 and V2; the other two kinds of a block differ from them in nothing but the join of norm and score.
  const published = [['pre', 'dot'] as const, ['post', 'cosine'] as const];
  const all = [...published, ['post', 'dot'] as const, ['pre', 'cosine'] as const];
  return table.flatMap(
    ([name, map, numHeads, headSize, hidden, windowSize, shift, padding, qkvBias, sampleScale]) => {
      const rest = {numHeads, headSize, hidden, windowSize, shift, padding, qkvBias, sampleScale};
      const kinds = name === 'attended padding' || name === 'drop-path' ? all : published;
      return kinds.map(([norm, score]) => swinBlockCase({name, map, ...rest}, norm, score));
    },
  );
}

/** Blocks with convolutions inside, one by one and all together. */
function localBlockCases(): OperationCase[] {
  const small: Omit<BlockCase, 'name'> = {
    ...({map: [2, 5, 4], numHeads: 2, headSize: 4, hidden: 12, windowSize: [4, 4], shift: [2, 2]} as const),
    ...({padding: 'masked', qkvBias: true, sampleScale: false} as const),
  };
  const all: Locality[] = ['layerScale', 'position', 'value', 'hidden'];
  const cases: BlockCase[] = [
    ...all.map((one) => ({...small, name: `local: ${one}`, locality: [one]})),
    {...small, name: 'local: outside of the branches', locality: ['layerScale', 'position']},
    {...small, name: 'local: everything', locality: all},
    {...small, name: 'local: no biases', locality: [...all, 'no bias']},
    {...small, name: 'local: attended padding', padding: 'attended', locality: all},
    {...small, name: 'local: drop-path', sampleScale: true, locality: all},
    {...small, name: 'local: one cell', map: [3, 1, 1], locality: all},
    {...small, name: 'local: sizes of no tile', map: [1, 7, 3], headSize: 5, hidden: 13, locality: all},
  ];
  const kinds = [['pre', 'dot'] as const, ['post', 'cosine'] as const, ['post', 'dot'] as const];
  return cases.flatMap((one) => {
    const count = one.locality?.length === 1 ? 1 : one.name === 'local: everything' ? 3 : 2;
    return kinds.slice(0, count).map(([norm, score]) => swinBlockCase(one, norm, score));
  });
}

export const operationCases: OperationCase[] = [
  ...linearCases(),
  ...layerNormCases(),
  ...batchNormCases(),
  ...batchStatisticsCases(),
  ...adamCases(),
  ...sgdCases(),
  ...geluCases(),
  ...patchMergeCases(),
  ...depthwiseConvolutionCases(),
  ...windowAttentionCases(),
  ...swinBlockCases(),
  ...localBlockCases(),
];

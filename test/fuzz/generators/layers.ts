/** Random SwinT layers, Swin blocks, patch merging, batch norm, GELU and maxima over maps, their weights random too. */
import * as tf from '@tensorflow/tfjs';
import {type NdArray, ndArray} from '../../../kernels/reference/array.js';
import {dropPathScale} from '../../../layers/drop_path.js';
import {
  batchNormalization,
  gelu,
  globalMaxPooling,
  patchMerging,
  swinBlock,
  swinT,
} from '../../../layers/index.js';
import {derivedSeed} from '../../../layers/random_seed.js';
import type {Draw} from '../draw.js';
import type {LayerCase, NamedArrays, Traced} from '../layer_case.js';
import {
  channelsFirst,
  tracedBatchNorm,
  tracedBlock,
  tracedGelu,
  tracedGlobalMax,
  tracedMerging,
  tracedSwinT,
} from '../references/layers.js';

/**
 * Mostly small, now and then large enough that kernels share the work between threads.
 *
 * @param shapes draws the sides.
 */
function drawMap(draw: Draw, channels: number, shapes = draw): {shape: [number, number, number, number]} {
  const most = shapes.chance(0.05) ? 18 : 9;
  return {shape: [draw.integer(1, 3), shapes.integer(1, most), shapes.integer(1, most), channels]};
}

/** The options of locality, a third of the cases with each. */
function drawLocality(draw: Draw) {
  const third = () => draw.chance(1 / 3);
  return {
    ...(third() ? {mlpConvolution: true} : {}),
    ...(third() ? {positionConvolution: true} : {}),
    ...(third() ? {valueConvolution: true} : {}),
    ...(third() ? {layerScale: draw.pick([0, 1e-4, 0.1])} : {}),
  };
}

/**
 * Arguments of a block and of a stage alike, and the channels of the map.
 *
 * @param shapes draws what attention has a shader of its own for: the score, the length of a head and the window.
 */
function drawAttention(draw: Draw, shapes: Draw) {
  const variant = shapes.pick(['v1', 'v2', 'miziha'] as const);
  const numHeads = draw.integer(1, 3);
  // The cosine of two numbers is 1 or -1: its gradient is what rounding leaves.
  const headSize = shapes.integer(variant === 'v2' ? 2 : 1, shapes.chance(0.1) ? 33 : 8);
  const window = () => (shapes.chance(0.06) ? 12 : shapes.integer(1, 5));
  const windowSize: [number, number] = [window(), window()];
  const args = {
    ...{numHeads, windowSize, variant},
    padding: draw.pick(['masked', 'attended'] as const),
    qkvBias: draw.chance(0.7),
    mlpRatio: draw.pick([1, 2, 2.5, 4]),
    dropPath: draw.chance(0.3) ? 0.4 : 0,
    seed: draw.integer(0, 1000),
    dataFormat: draw.pick(['channelsFirst', 'channelsLast'] as const),
    ...(variant !== 'v2' && draw.chance(0.3) ? {qkScale: 0.7} : {}),
    ...(variant === 'v2' && draw.chance(0.3)
      ? {pretrainedWindowSize: [draw.integer(1, 8), draw.integer(1, 8)] as [number, number]}
      : {}),
    ...drawLocality(draw),
  };
  return {args, channels: numHeads * headSize};
}

/** Random values for a weight; each product keeps the size of its numbers. */
function drawWeight(draw: Draw, name: string, shape: number[]): NdArray {
  const shifted = (scale: number, shift: number) => {
    const {data} = draw.array(shape, 'float32', scale);
    return ndArray(
      shape,
      data.map((value) => Math.fround(shift + value)),
    );
  };
  if (/logit_scale/.test(name)) return shifted(0.5, draw.chance(0.1) ? 4.6 : 2);
  if (/norm\d?\.weight|gamma/.test(name)) return shifted(0.3, 1);
  if (/moving_variance/.test(name))
    return ndArray(
      shape,
      shifted(0.3, 1).data.map((value) => Math.abs(value) + 0.1),
    );
  if (/cpb_mlp\.0/.test(name)) return draw.array(shape);
  // The nine numbers of a depthwise filter.
  if (shape.length === 4) return draw.array(shape, 'float32', 1 / 3);
  if (/\.weight$/.test(name)) return draw.array(shape, 'float32', shape[0] ** -0.5);
  return draw.array(shape, 'float32', 0.5);
}

/** The weights that the layer has for inputs of this shape. */
function drawWeights(draw: Draw, layer: tf.layers.Layer, shape: number[]): NamedArrays {
  layer.build(shape);
  const weights = layer.weights.map(({name, shape: size}) => {
    // tfjs counts what has a name already: gamma_1.
    const own = name.replace(/_\d+$/, '');
    return [own, drawWeight(draw, own, size as number[])] as const;
  });
  for (const weight of layer.weights) weight.dispose();
  return Object.fromEntries(weights);
}

/** A case from arguments of a layer over maps [B, H, W, C]. */
function mapCase(
  draw: Draw,
  text: string,
  args: {dataFormat: 'channelsFirst' | 'channelsLast'; seed?: number; dropPath?: number; variant?: string},
  create: () => tf.layers.Layer,
  [batch, height, width, channels]: [number, number, number, number],
  blocks: number,
  step: (map: NdArray, weights: NamedArrays, scales: readonly NdArray[]) => Traced,
): LayerCase {
  const first = args.dataFormat === 'channelsFirst';
  const shape = first ? [batch, channels, height, width] : [batch, height, width, channels];
  const training = draw.chance(0.5);
  const {dropPath = 0, seed} = args;
  const drops = training && dropPath > 0;
  return {
    text: `${text} on [${shape}]${training ? ' in training' : ''}`,
    create,
    training,
    rawScores: args.variant === 'miziha',
    x: draw.array(shape, 'float32', draw.pick([1e-3, 1, 1, 1, 30])),
    weights: drawWeights(draw, create(), shape),
    scales: drops
      ? () =>
          Array.from({length: 2 * blocks}, (_, i) => dropPathScale(batch, dropPath, derivedSeed(seed, i + 1)))
      : undefined,
    reference: (x, weights, scales) => {
      const run = (map: NdArray) => step(map, weights, scales);
      return first ? channelsFirst(x, run) : run(x);
    },
  };
}

export function drawSwinT(draw: Draw, shapes = draw): LayerCase {
  const {args: block, channels} = drawAttention(draw, shapes);
  const downsample = draw.chance(0.4);
  const args = {
    ...block,
    depth: draw.chance(0.25) ? 4 : 2,
    downsample,
    ...(draw.chance(0.6) ? {outChannels: draw.integer(1, 12)} : {}),
    ...(!downsample && draw.chance(0.3) ? {projection: true} : {}),
  };
  const create = () => swinT(args);
  const {shape} = drawMap(draw, channels, shapes);
  return mapCase(
    draw,
    `swinT(${JSON.stringify(args)})`,
    args,
    create,
    shape,
    args.depth,
    (x, weights, scales) => tracedSwinT(x, weights, args, scales),
  );
}

export function drawBlock(draw: Draw, shapes = draw): LayerCase {
  const {args: block, channels} = drawAttention(draw, shapes);
  const args = {...block, shifted: draw.chance(0.5)};
  const [rows, columns] = args.windowSize;
  const shift = args.shifted ? ([rows >> 1, columns >> 1] as const) : ([0, 0] as const);
  const create = () => swinBlock(args);
  const {shape} = drawMap(draw, channels, shapes);
  return mapCase(draw, `swinBlock(${JSON.stringify(args)})`, args, create, shape, 1, (x, weights, scales) =>
    tracedBlock(x, weights, '', args, shift, scales),
  );
}

export function drawMerging(draw: Draw): LayerCase {
  const args = {
    norm: draw.pick(['pre', 'post'] as const),
    dataFormat: draw.pick(['channelsFirst', 'channelsLast'] as const),
    ...(draw.chance(0.6) ? {outChannels: draw.integer(1, 20)} : {}),
  };
  const create = () => patchMerging(args);
  const {shape} = drawMap(draw, draw.integer(1, draw.chance(0.1) ? 40 : 9));
  return mapCase(draw, `patchMerging(${JSON.stringify(args)})`, args, create, shape, 0, (x, weights) =>
    tracedMerging(x, weights, '', args.norm),
  );
}

export function drawBatchNorm(draw: Draw): LayerCase {
  const rank = draw.integer(2, 5);
  const most = draw.chance(0.1) && rank < 5 ? 20 : 7;
  const shape = Array.from({length: rank}, () => draw.integer(1, most));
  const axis = draw.integer(1, rank - 1);
  const momentum = draw.pick([0, 0.9, 1]);
  const args = {
    ...{axis: draw.chance(0.5) ? axis : axis - rank, momentum, epsilon: draw.pick([1e-3, 1e-5])},
    ...{center: draw.chance(0.8), scale: draw.chance(0.8)},
  };
  const training = draw.chance(0.6);
  const create = () => batchNormalization(args);
  const [scale, shift] = [draw.pick([1e-3, 1, 1, 30]), draw.pick([0, 0, 5])];
  const values = draw.array(shape, 'float32', scale).data.map((value) => Math.fround(value + shift * scale));
  return {
    text: `batchNormalization(${JSON.stringify(args)}) on [${shape}]${training ? ' in training' : ''}`,
    create,
    training,
    x: ndArray(shape, values),
    weights: drawWeights(draw, create(), shape),
    reference: (x, weights) => tracedBatchNorm(x, weights, {axis, epsilon: args.epsilon, momentum, training}),
  };
}

export function drawGelu(draw: Draw): LayerCase {
  const most = draw.chance(0.1) ? 40 : 9;
  const shape = Array.from({length: draw.integer(1, 5)}, (_, axis) => draw.integer(1, axis < 3 ? most : 4));
  return {
    text: `gelu() on [${shape}]`,
    create: () => gelu(),
    training: false,
    x: draw.array(shape, 'float32', draw.pick([1e-3, 1, 1, 5, 30])),
    weights: {},
    reference: tracedGelu,
  };
}

export function drawGlobalMax(draw: Draw): LayerCase {
  const most = draw.chance(0.1) ? 40 : 9;
  const {shape} = drawMap(draw, draw.integer(1, most));
  const ties = draw.chance(0.3);
  const x = draw.array(shape, 'float32', draw.pick([1e-3, 1, 30]));
  return {
    text: `globalMaxPooling() on [${shape}]${ties ? ' with equal maxima' : ''}`,
    create: () => globalMaxPooling(),
    training: false,
    x: ties ? ndArray(shape, x.data.map(Math.round)) : x,
    weights: {},
    // The stock kernel of webgpu takes the last.
    reference: (x) => tracedGlobalMax(x, tf.getBackend() === 'webgpu' ? 'last' : 'first'),
  };
}

/**
 * conv2d and its gradients: see convolution_shader.ts. Where patches are single cells next to each other they are products
 * of the maps themselves (product.ts).
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {type ConvolutionSizes, joinPatches} from '../../geometry/convolution.js';
import {run} from '../runtime/program.js';
import {rowStorage} from '../wgsl/row_storage.js';
import {type ConvolutionParameters, convolutionShader} from './convolution_shader.js';
import {product} from './product.js';
import {chooseTile, partLength, tileGrid} from './tile_plan.js';

/** See the head of convolution_shader.ts. */
interface Convolution {
  result: ConvolutionParameters['result'];
  /** No sum may be empty. */
  sizes: ConvolutionSizes;
  /** The map that patches are taken from: x or, for 'input', dy. */
  a: tf.TensorInfo;
  /** The other factor: W or, for 'filter', dy. */
  b: tf.TensorInfo;
  c: tf.TensorInfo;
  bias?: tf.TensorInfo;
  activation?: ConvolutionParameters['activation'];
  /** Parts that the sum of 'filter' is cut into, one behind the other in c. Default 1. */
  parts?: number;
}

/** Whether patches are the cells of x, one by one. */
const isPointwise = (s: ConvolutionSizes) =>
  s.filterHeight * s.filterWidth * s.strideHeight * s.strideWidth === 1 &&
  s.inHeight === s.outHeight &&
  s.inWidth === s.outWidth;

/** The same as a product of maps, for patches of single cells. */
function pointwise({result, sizes, parts = 1}: Convolution) {
  const {batchSize, inChannels, outChannels} = sizes;
  const patches = batchSize * sizes.outHeight * sizes.outWidth;
  const products = {
    value: {m: patches, n: outChannels, k: inChannels},
    filter: {m: inChannels, n: outChannels, k: patches, layoutA: 'columns', parts},
    input: {m: patches, n: inChannels, k: outChannels, layoutB: 'columns'},
  } as const;
  return products[result];
}

/** Rows and columns of the product, how many phases it has, and the uniforms that do not come from its tile. */
function plan({result, sizes: s, parts = 1}: Convolution) {
  const input = result === 'input';
  const {batchSize: maps, inChannels, outChannels} = s;
  const [n, channels] = input ? [inChannels, outChannels] : [outChannels, inChannels];
  const [height, width] = input ? [s.outHeight, s.outWidth] : [s.inHeight, s.inWidth];
  const [cellRows, cellColumns] = input ? [s.inHeight, s.inWidth] : [s.outHeight, s.outWidth];
  const patches = maps * s.outHeight * s.outWidth;
  const m = {
    value: patches,
    filter: s.filterHeight * s.filterWidth * channels,
    input: maps * Math.ceil(cellRows / s.strideHeight) * Math.ceil(cellColumns / s.strideWidth),
  }[result];
  const uniforms = {
    ...{n, partLength: partLength(patches, parts), maps, height, width, channels, cellRows, cellColumns},
    ...{tapRows: s.filterHeight, tapColumns: s.filterWidth},
    ...{strideRows: s.strideHeight, strideColumns: s.strideWidth},
    ...{stepRows: s.dilationHeight, stepColumns: s.dilationWidth},
    ...{top: s.padInfo.top, left: s.padInfo.left},
  };
  return {m, n, channels, phases: input ? s.strideHeight * s.strideWidth : 1, uniforms};
}

/** Dispatches one convolution or gradient. */
export function convolution(backend: WebGPUBackend, unjoined: Convolution): void {
  const given = {...unjoined, sizes: joinPatches(unjoined.sizes)};
  const {result, a, b, c, bias, activation, parts = 1} = given;
  if (isPointwise(given.sizes) && !activation) {
    product(backend, {...pointwise(given), a, b, c, bias});
    return;
  }
  const {m, n, channels, phases, uniforms} = plan(given);
  const tile = chooseTile(m, n, parts * phases);
  const {tiles, ...grid} = tileGrid(m, n, tile);
  const parameters = {
    ...tile,
    result,
    storageA: rowStorage(channels),
    storageB: rowStorage(result === 'input' ? channels : n),
    storageC: rowStorage(n),
    bias: bias !== undefined,
    activation,
  };
  run(
    backend,
    convolutionShader,
    parameters,
    {a, b, c, bias},
    {...uniforms, ...grid},
    tiles * parts * phases,
  );
}

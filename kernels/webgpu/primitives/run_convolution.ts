/** Runs convolution.ts or, where patches are single cells next to each other, product.ts. */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {type ConvolutionSizes, joinPatches} from '../../geometry/convolution.js';
import {run} from '../runtime/program.js';
import {type ConvolutionParameters, convolutionShader} from './convolution.js';
import {chooseTile, partLength, product} from './run_product.js';

/** See the head of convolution.ts. */
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

/** Dispatches one convolution or gradient. */
export function convolution(backend: WebGPUBackend, given: Convolution): void {
  const {result, a, b, c, bias, activation, parts = 1} = given;
  const s = joinPatches(given.sizes);
  const {batchSize, inChannels, outChannels} = s;
  const patches = batchSize * s.outHeight * s.outWidth;
  if (isPointwise(s) && !activation) {
    const shapes = {
      value: {m: patches, n: outChannels, k: inChannels},
      filter: {m: inChannels, n: outChannels, k: patches, layoutA: 'columns', parts},
      input: {m: patches, n: inChannels, k: outChannels, layoutB: 'columns'},
    } as const;
    product(backend, {...shapes[result], a, b, c, bias});
    return;
  }
  const input = result === 'input';
  const [n, channels] = input ? [inChannels, outChannels] : [outChannels, inChannels];
  const [height, width] = input ? [s.outHeight, s.outWidth] : [s.inHeight, s.inWidth];
  const [cellRows, cellColumns] = input ? [s.inHeight, s.inWidth] : [s.outHeight, s.outWidth];
  const phases = input ? s.strideHeight * s.strideWidth : 1;
  const m = {
    value: patches,
    filter: s.filterHeight * s.filterWidth * channels,
    input: batchSize * Math.ceil(cellRows / s.strideHeight) * Math.ceil(cellColumns / s.strideWidth),
  }[result];
  const tile = chooseTile(m, n, parts * phases);
  const tilesDown = Math.ceil(m / tile.tileRows);
  const tilesAcross = Math.ceil(n / tile.tileColumns);
  run(
    backend,
    convolutionShader,
    {
      ...tile,
      result,
      vectorA: channels % 4 === 0,
      vectorB: (input ? channels : n) % 4 === 0,
      vectorC: n % 4 === 0,
      bias: bias && true,
      activation,
    },
    {a, b, c, bias},
    {
      ...{n, tilesDown, tilesAcross, partLength: partLength(patches, parts)},
      ...{maps: batchSize, height, width, channels, cellRows, cellColumns},
      ...{tapRows: s.filterHeight, tapColumns: s.filterWidth},
      ...{strideRows: s.strideHeight, strideColumns: s.strideWidth},
      ...{stepRows: s.dilationHeight, stepColumns: s.dilationWidth},
      ...{top: s.padInfo.top, left: s.padInfo.left},
    },
    tilesDown * tilesAcross * parts * phases,
  );
}

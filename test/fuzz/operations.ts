/** The stock operations that are replaced or completed on each backend, and what draws cases of them. */
import type {Draw} from './draw.js';
import type {FuzzBackend, FuzzCase} from './fuzz_case.js';
import * as convolutions from './generators/convolutions.js';
import * as moves from './generators/moves.js';
import * as products from './generators/products.js';
import * as reductions from './generators/reductions.js';

export type Generator = (draw: Draw, backend: FuzzBackend) => FuzzCase;

const onBoth: Record<string, Generator> = {
  conv2d: convolutions.conv2d,
  fusedConv2d: convolutions.fusedConv2d,
  conv2dInputGradient: convolutions.conv2dInputGradient,
  conv2dFilterGradient: convolutions.conv2dFilterGradient,
  matMul: products.matMul,
  fusedMatMul: products.fusedMatMul,
  sum: reductions.sum,
  mean: reductions.mean,
  transpose: moves.transpose,
};

export const operations: Record<FuzzBackend, Record<string, Generator>> = {
  wasm: {
    ...onBoth,
    depthwiseInputGradient: convolutions.depthwiseInputGradient,
    depthwiseFilterGradient: convolutions.depthwiseFilterGradient,
    unsortedSegmentSum: reductions.unsortedSegmentSum,
    slice: moves.slice,
    split: moves.split,
    clone: moves.clone,
  },
  webgpu: onBoth,
};

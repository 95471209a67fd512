/** Random Swin blocks, patch merging and batch norm with all their gradients, as cases of test/kernels/operations. */
import {batchNorm} from '../../../kernels/operations/batch_norm.js';
import {patchMerge} from '../../../kernels/operations/patch_merge.js';
import {
  batchNormGradReference,
  batchNormReference,
  batchStatisticsReference,
} from '../../../kernels/reference/batch_norm.js';
import {patchMergeGradReference, patchMergeReference} from '../../../kernels/reference/patch_merge.js';
import {type OperationCase, swinBlockCase} from '../../kernels/operations/cases.js';
import type {Draw} from '../draw.js';

export function drawBlock(draw: Draw): OperationCase {
  const windowSize = [draw.integer(1, 5), draw.integer(1, 5)] as const;
  const block = {
    map: [draw.integer(1, 3), draw.integer(1, 9), draw.integer(1, 9)],
    numHeads: draw.integer(1, 3),
    // The cosine of two numbers is 1 or -1: its gradient is what rounding leaves.
    headSize: draw.integer(2, 9),
    hidden: draw.integer(1, 20),
    windowSize,
    shift: draw.chance(0.5) ? [0, 0] : windowSize.map((size) => draw.integer(0, size - 1)),
    padding: draw.pick(['masked', 'attended'] as const),
    qkvBias: draw.chance(0.5),
    sampleScale: draw.chance(0.3),
  };
  const [norm, score] = [draw.pick(['pre', 'post'] as const), draw.pick(['dot', 'cosine'] as const)];
  return swinBlockCase({name: `${JSON.stringify(block)}`, ...block} as never, norm, score);
}

export function drawMerging(draw: Draw): OperationCase {
  const shape = [draw.integer(1, 3), draw.integer(1, 9), draw.integer(1, 9), draw.integer(1, 9)];
  return {
    name: `patchMerge [${shape}]`,
    inputs: {x: draw.array(shape)},
    run: ({x}) => patchMerge({x: x as never}),
    forward: ({x}) => patchMergeReference(x),
    backward: ({x}, dy) => ({x: patchMergeGradReference(x.shape, dy)}),
  };
}

export function drawBatchNorm(draw: Draw): OperationCase {
  const rank = draw.integer(2, 4);
  const shape = Array.from({length: rank}, () => draw.integer(2, 9));
  const axis = draw.integer(1, rank - 1);
  const attrs = {axis, epsilon: 1e-3, statistics: 'batch'} as const;
  const x = draw.array(shape);
  const inputs = {x, gamma: draw.array([shape[axis]]), beta: draw.array([shape[axis]])};
  return {
    name: `batchNorm [${shape}] axis ${axis}`,
    inputs,
    constants: {...batchStatisticsReference(x, axis)},
    run: (tensors) => batchNorm(tensors as never, attrs),
    forward: (arrays) => batchNormReference(arrays as never, attrs),
    backward: (arrays, dy) => batchNormGradReference(arrays as never, attrs, dy),
  };
}

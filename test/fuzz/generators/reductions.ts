/** Random sums, means, and sums by segment. */
import * as tf from '@tensorflow/tfjs';
import {type Draw, type Numeric, tensorOf} from '../draw.js';
import type {Expected, FuzzBackend, FuzzCase} from '../fuzz_case.js';
import {cellsOf, Sums, stridesOf} from '../references/sums.js';

const DTYPES: readonly Numeric[] = ['float32', 'float32', 'int32', 'bool'];

/** On webgpu only sums without terms are ours. */
function reduction(draw: Draw, backend: FuzzBackend, mean: boolean): FuzzCase {
  const rank = backend === 'webgpu' ? draw.integer(1, 6) : draw.integer(0, 6);
  const shape = draw.chance(0.1) && rank > 0 ? [3000, ...draw.shape(rank - 1, 2)] : draw.shape(rank, 5);
  if (backend === 'webgpu') shape[draw.integer(0, rank - 1)] = 0;
  // tfjs's mean of bool is none that anyone relies on.
  const dtype = mean ? draw.pick(['float32', 'int32'] as const) : draw.pick(DTYPES);
  const x = draw.array(shape, dtype);
  const axes = draw.shuffled(shape.map((_, axis) => axis)).slice(0, draw.integer(0, rank));
  const all = draw.chance(0.2);
  const reduced = all ? shape.map((_, axis) => axis) : axes;
  const named = axes.map((axis) => (draw.chance(0.3) ? axis - rank : axis));
  const given = all ? undefined : named.length === 1 && draw.chance(0.5) ? named[0] : named;
  const keepDims = draw.chance(0.4);
  return {
    text: `${mean ? 'mean' : 'sum'} ${dtype} [${shape}] axis ${JSON.stringify(given)} keepDims ${keepDims}`,
    run: () => [(mean ? tf.mean : tf.sum)(tensorOf(x), given, keepDims)],
    expected: () => {
      const kept = shape.map((size, axis) => (reduced.includes(axis) ? 1 : size));
      const sums = new Sums(kept);
      const strides = stridesOf(kept);
      for (const [cell, at] of cellsOf(shape)) {
        sums.add(
          at.reduce((to, place, axis) => to + (kept[axis] === 1 ? 0 : place * strides[axis]), 0),
          x.data[cell],
        );
      }
      const count = reduced.reduce((product, axis) => product * shape[axis], 1);
      const result: Expected = {
        shape: keepDims ? kept : shape.filter((_, axis) => !reduced.includes(axis)),
        dtype: mean || dtype === 'float32' ? 'float32' : 'int32',
        values: mean ? sums.values.map((value) => value / count) : sums.values,
        scale: mean ? sums.scale.map((value) => value / count) : sums.scale,
      };
      return [result];
    },
  };
}

export const sum = (draw: Draw, backend: FuzzBackend) => reduction(draw, backend, false);
export const mean = (draw: Draw, backend: FuzzBackend) => reduction(draw, backend, true);

export function unsortedSegmentSum(draw: Draw): FuzzCase {
  const shape = [draw.size(20), ...draw.shape(draw.integer(0, 4), 4)];
  const dtype = draw.pick(['float32', 'int32'] as const);
  const x = draw.array(shape, dtype);
  const segments = draw.integer(1, 7);
  const ids = Array.from({length: shape[0]}, () => draw.integer(-2, segments + 1));
  return {
    text: `unsortedSegmentSum ${dtype} [${shape}] ids ${ids} of ${segments}`,
    run: () => [tf.unsortedSegmentSum(tensorOf(x), tf.tensor1d(ids, 'int32'), segments)],
    expected: () => {
      const sums = new Sums([segments, ...shape.slice(1)]);
      const row = sums.values.length / segments;
      for (const [cell, [n]] of cellsOf(shape)) {
        if (ids[n] >= 0 && ids[n] < segments) sums.add(ids[n] * row + (cell % row), x.data[cell]);
      }
      return [{...sums.expected(), dtype}];
    },
  };
}

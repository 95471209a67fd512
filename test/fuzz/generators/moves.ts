/** Random transposes, slices, splits and copies: numbers are moved and stay the same to the last bit. */
import * as tf from '@tensorflow/tfjs';
import {type Draw, type Numeric, type TypedArray, tensorOf} from '../draw.js';
import type {Expected, FuzzCase} from '../fuzz_case.js';
import {cellsOf, stridesOf} from '../references/sums.js';

const DTYPES: readonly Numeric[] = ['float32', 'int32', 'bool'];

/** The numbers of x at the places that cells of the result come from. */
function taken(x: TypedArray, shape: readonly number[], from: (at: readonly number[]) => number[]): Expected {
  const strides = stridesOf(x.shape);
  const values = Array.from(
    cellsOf(shape),
    ([, at]) => x.data[from(at).reduce((sum, place, axis) => sum + place * strides[axis], 0)],
  );
  return {shape, dtype: x.dtype, values};
}

function drawArray(draw: Draw, leastRank: number): TypedArray {
  const rank = draw.integer(leastRank, 6);
  const most = rank <= 3 && draw.chance(0.3) ? 40 : 6;
  return draw.array(draw.shape(rank, most), draw.pick(DTYPES));
}

export function transpose(draw: Draw): FuzzCase {
  const x = drawArray(draw, 0);
  const perm = draw.shuffled(x.shape.map((_, axis) => axis));
  const given = draw.chance(0.1) ? undefined : perm;
  const order = given ?? perm.map((_, axis) => x.shape.length - 1 - axis);
  return {
    text: `transpose ${x.dtype} [${x.shape}] perm ${given}`,
    run: () => {
      const tensor = tensorOf(x);
      // Else small tensors stay off the GPU.
      (tf.backend() as {uploadToGPU?: (dataId: object) => void}).uploadToGPU?.(tensor.dataId);
      return [tf.transpose(tensor, given)];
    },
    expected: () => [
      taken(
        x,
        order.map((axis) => x.shape[axis]),
        (at) => x.shape.map((_, axis) => at[order.indexOf(axis)]),
      ),
    ],
  };
}

export function slice(draw: Draw): FuzzCase {
  const x = drawArray(draw, 1);
  const begin = x.shape.map((size) => (draw.chance(0.4) ? 0 : draw.integer(0, size)));
  const size = x.shape.map((cells, axis) => (draw.chance(0.4) ? -1 : draw.integer(0, cells - begin[axis])));
  const shape = size.map((cells, axis) => (cells === -1 ? x.shape[axis] - begin[axis] : cells));
  return {
    text: `slice ${x.dtype} [${x.shape}] begin ${begin} size ${size}`,
    run: () => [tf.slice(tensorOf(x), begin, size)],
    expected: () => [taken(x, shape, (at) => at.map((place, axis) => place + begin[axis]))],
  };
}

export function split(draw: Draw): FuzzCase {
  const x = drawArray(draw, 1);
  const axis = draw.integer(0, x.shape.length - 1);
  const cells = x.shape[axis];
  const sizes: number[] = [];
  const equal = draw.pick([1, 2, 3, 4, 5, 6].filter((count) => cells % count === 0));
  if (draw.chance(0.4)) {
    sizes.push(...Array<number>(equal).fill(cells / equal));
  } else {
    for (let left = cells; left > 0; left -= sizes.at(-1)!) sizes.push(draw.integer(0, left));
    if (sizes.length === 0) sizes.push(0);
  }
  const byCount = sizes.every((part) => part === sizes[0]) && draw.chance(0.7);
  const given = byCount ? sizes.length : sizes;
  const named = draw.chance(0.3) ? axis - x.shape.length : axis;
  return {
    text: `split ${x.dtype} [${x.shape}] into ${JSON.stringify(given)} along ${named}`,
    run: () => tf.split(tensorOf(x), given, named),
    expected: () => {
      let start = 0;
      return sizes.map((part) => {
        const first = start;
        start += part;
        const shape = x.shape.map((size, i) => (i === axis ? part : size));
        return taken(x, shape, (at) => at.map((place, i) => (i === axis ? place + first : place)));
      });
    },
  };
}

export function clone(draw: Draw): FuzzCase {
  const x = drawArray(draw, 0);
  return {
    text: `clone ${x.dtype} [${x.shape}]`,
    run: () => [tf.clone(tensorOf(x))],
    expected: () => [{shape: x.shape, dtype: x.dtype, values: x.data}],
  };
}

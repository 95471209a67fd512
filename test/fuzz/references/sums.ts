/** Sums in float64 that know how large their terms were. */
import {type NdArray, sizeOf, zeros} from '../../../kernels/reference/array.js';
import type {Expected} from '../fuzz_case.js';

/** Adds terms to the cells of an array. */
export class Sums {
  readonly values: Float64Array;
  readonly scale: Float64Array;

  constructor(readonly shape: readonly number[]) {
    this.values = zeros(shape).data;
    this.scale = zeros(shape).data;
  }

  add(at: number, term: number): void {
    this.values[at] += term;
    this.scale[at] += Math.abs(term);
  }

  expected(): Expected {
    return {shape: this.shape, dtype: 'float32', values: this.values, scale: this.scale};
  }
}

/** Elements from one cell to the next of each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** The cells of an array, in order, with their coordinates. */
export function* cellsOf(shape: readonly number[]): Generator<[cell: number, at: readonly number[]]> {
  const strides = stridesOf(shape);
  for (let cell = 0; cell < sizeOf(shape); cell++) {
    yield [cell, shape.map((size, axis) => Math.floor(cell / strides[axis]) % size)];
  }
}

/** The value of an array that broadcasts to a shape, at coordinates of that shape. */
export function broadcastAt({shape, data}: NdArray, at: readonly number[]): number {
  const strides = stridesOf(shape);
  const first = at.length - shape.length;
  return data[
    shape.reduce((sum, size, axis) => sum + (size === 1 ? 0 : at[first + axis] * strides[axis]), 0)
  ];
}

/** The shape that two shapes broadcast to. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({length: rank}, (_, axis) => {
    const [left, right] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    return left === 1 ? right : left;
  });
}

/** Random choices from a seed: what the generators of cases draw from. */
import * as tf from '@tensorflow/tfjs';
import seedrandom from 'seedrandom';
import {type NdArray, ndArray, sizeOf} from '../../kernels/reference/array.js';

export type Numeric = 'float32' | 'int32' | 'bool';

/** An array and what type of tensor it is. */
export interface TypedArray extends NdArray {
  readonly dtype: Numeric;
}

export class Draw {
  private readonly uniform: () => number;

  constructor(seed: string) {
    this.uniform = seedrandom.alea(seed);
  }

  /** A whole number from `low` to `high`. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)];
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    return items.map(() => left.splice(this.integer(0, left.length - 1), 1)[0]);
  }

  /** A size of an axis: mostly small, often 1, seldom 0. */
  size(most: number): number {
    if (this.chance(0.04)) return 0;
    return this.chance(0.2) ? 1 : this.integer(1, most);
  }

  shape(rank: number, most: number): number[] {
    return Array.from({length: rank}, () => this.size(most));
  }

  /** Normal values, rounded to float32; whole numbers for int32, 0 and 1 for bool. */
  array(shape: readonly number[], dtype: Numeric = 'float32', scale = 1): TypedArray {
    const one = () => {
      if (dtype === 'bool') return this.integer(0, 1);
      if (dtype === 'int32') return this.integer(-1000, 1000);
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      return Math.fround(scale * radius * Math.cos(2 * Math.PI * this.uniform()));
    };
    return {...ndArray(shape, Array.from({length: sizeOf(shape)}, one)), dtype};
  }
}

/** The array as a tensor. */
export function tensorOf<T extends tf.Tensor = tf.Tensor>({shape, data, dtype}: TypedArray): T {
  const values = {float32: Float32Array, int32: Int32Array, bool: Uint8Array}[dtype].from(data);
  return tf.tensor(values, [...shape], dtype) as T;
}

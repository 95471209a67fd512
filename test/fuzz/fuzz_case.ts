/** A random case of an operation of tfjs: what is called, and what must come out. */
import type * as tf from '@tensorflow/tfjs';
import type {Numeric} from './draw.js';

/** A result in float64. */
export interface Expected {
  shape: readonly number[];
  dtype: Numeric;
  values: ArrayLike<number>;
  /**
   * What errors are measured by: of each number the sum of the absolute terms that it is made of. Absent where numbers are
   * moved and not computed; they must be the same to the last bit.
   */
  scale?: ArrayLike<number>;
}

export interface FuzzCase {
  /** The call in a few words, for a report. */
  text: string;
  run: () => tf.Tensor[];
  /** The results, or what the message of the error must contain. */
  expected: () => Expected[] | {error: string};
}

export type FuzzBackend = 'wasm' | 'webgpu';

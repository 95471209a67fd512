/** Compares what a function computes on wasm with what it computes on the cpu backend, or with given values. */

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';

/** The largest relative L2 distance at which results count as equal: float32 sums in another order. */
const tolerance = 1e-5;

/** ||actual - expected|| / ||expected||; NaN where either holds one. */
function relativeL2(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new Error(`relativeL2: lengths must agree; got ${actual.length} and ${expected.length}.`);
  }
  let difference = 0;
  let norm = 0;
  for (let k = 0; k < expected.length; k++) {
    difference += (actual[k]! - expected[k]!) ** 2;
    norm += expected[k]! ** 2;
  }
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}

/** Fails unless the values agree to the tolerance. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(relativeL2(actual, expected)).to.be.at.most(tolerance);
}

async function on(backend: string, compute: () => tf.Tensor) {
  await tf.setBackend(backend);
  const result = tf.tidy(compute);
  const values = await result.data();
  const {shape, dtype} = result;
  result.dispose();
  return {shape, dtype, values};
}

/**
 * Fails unless `compute` gives the same shape, type and values on wasm as on cpu. It makes its own inputs, from fixed
 * seeds, on the backend that is active.
 */
export async function expectSameOnWasmAndCpu(compute: () => tf.Tensor): Promise<void> {
  const expected = await on('cpu', compute);
  const actual = await on('wasm', compute);
  expect(actual.shape).to.deep.equal(expected.shape);
  expect(actual.dtype).to.equal(expected.dtype);
  expectClose(actual.values, expected.values);
}

/** Uniform values in [-1, 1) that depend on the seed and the shape only. */
export function uniform<R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number): tf.Tensor<R> {
  return tf.randomUniform<R>(shape, -1, 1, 'float32', seed);
}

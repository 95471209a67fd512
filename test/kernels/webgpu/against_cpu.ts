/** Compares what functions compute on webgpu with what they compute on the cpu backend. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {expectRelativeClose} from '../../helpers/compare.js';

/** Numbers as they come out of a backend, with what they are. */
interface Outcome {
  shape: number[];
  dtype: tf.DataType;
  values: Float32Array | Int32Array | Uint8Array;
}

/** What `compute` gives on the active backend. */
export async function outcomes(compute: () => tf.Tensor[]): Promise<Outcome[]> {
  const results = tf.tidy(compute);
  const found = await Promise.all(
    results.map(async (one) => ({shape: one.shape, dtype: one.dtype, values: await one.data()})),
  );
  tf.dispose(results);
  return found;
}

/** What `compute` gives on the cpu backend. webgpu is active again after. */
export async function outcomesOnCpu(compute: () => tf.Tensor[]): Promise<Outcome[]> {
  await tf.setBackend('cpu');
  try {
    return await outcomes(compute);
  } finally {
    await tf.setBackend('webgpu');
  }
}

/**
 * Fails unless all results have the same shape and type on both backends, and the same values up to a relative L2 error.
 * `compute` makes its own inputs.
 */
export async function expectSameOnCpu(compute: () => tf.Tensor[], tolerance = 1e-5): Promise<void> {
  const expected = await outcomesOnCpu(compute);
  const actual = await outcomes(compute);
  expect(actual.length).to.equal(expected.length);
  for (const [i, {shape, dtype, values}] of expected.entries()) {
    expect(actual[i].shape).to.deep.equal(shape);
    expect(actual[i].dtype).to.equal(dtype);
    expectRelativeClose(`result ${i}`, actual[i].values, values, tolerance);
  }
}

/** Fails if `compute`, run ten times, leaves a tensor or bytes on the GPU behind. */
export async function expectNoLeak(compute: () => tf.Tensor[]): Promise<void> {
  const backend = tf.backend() as tf.KernelBackend & {bufferManager: {numBytesUsed: number}};
  const run = async () => {
    const results = tf.tidy(compute);
    // Once it has been read, what its commands held is free.
    await results[0].data();
    tf.dispose(results);
  };
  const used = () => ({
    tensors: tf.memory().numTensors,
    data: backend.numDataIds(),
    bytes: backend.bufferManager.numBytesUsed,
  });
  await run();
  const before = used();
  for (let i = 0; i < 10; i++) await run();
  expect(used()).to.deep.equal(before);
}

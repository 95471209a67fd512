/** Runs a case of cases.ts on the current backend and compares values and gradients with the float64 reference. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import type {NdArray} from '../../../kernels/reference/array.js';
import {expectAbsClose, expectRelativeClose} from '../../helpers/compare.js';
import {randomArrays} from '../../helpers/random.js';
import type {OperationCase} from './cases.js';

/** Absolute error of results and relative L2 error of results and gradients, against float64. */
export interface Tolerance {
  abs: number;
  l2: number;
  gradient: number;
}

export const GPU_TOLERANCE: Tolerance = {abs: 1e-4, l2: 1e-5, gradient: 1e-4};

function toTensors(arrays: Record<string, NdArray>): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, {shape, data}]) => [
      name,
      tf.tensor(new Float32Array(data), [...shape]),
    ]),
  );
}

/** @throws AssertionError where a result is off, or a tensor is left over. */
export async function checkOperation(
  {name, inputs, constants = {}, run, forward, backward}: OperationCase,
  {abs, l2, gradient}: Tolerance,
): Promise<void> {
  const before = tf.memory().numTensors;
  const names = Object.keys(inputs);
  const tensors = toTensors(inputs);
  const fixed = toTensors(constants);
  const arrays = {...inputs, ...constants};

  const expected = forward(arrays);
  const y = tf.tidy(() => run({...tensors, ...fixed}));
  expect(y.shape).to.deep.equal([...expected.shape]);
  const values = await y.data();
  expectAbsClose('y', values, expected.data, abs);
  expectRelativeClose('y', values, expected.data, l2, 1);

  const dy = randomArrays(`dy ${name}`)(expected.shape);
  const grads = backward(arrays, dy);
  const [cotangent] = Object.values(toTensors({dy}));
  const differentiate = tf.grads((...given: tf.Tensor[]) =>
    run({...Object.fromEntries(names.map((key, i) => [key, given[i]])), ...fixed}),
  );
  const results = names.length > 0 ? tf.tidy(() => differentiate(Object.values(tensors), cotangent)) : [];
  for (const [i, key] of names.entries()) {
    expect(results[i].shape).to.deep.equal([...inputs[key].shape]);
    // Terms are of the order of one: a gradient whose terms cancel below that is measured against one.
    expectRelativeClose(`d${key}`, await results[i].data(), grads[key].data, gradient, 1);
  }
  tf.dispose([y, cotangent, results, tensors, fixed]);
  expect(tf.memory().numTensors).to.equal(before);
}

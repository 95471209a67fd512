import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import '../../../kernels/index.js';
import {type NdArray, ndArray} from '../../../kernels/reference/array.js';
import {eachBackend, type TestBackend} from '../../helpers/backends.js';
import {expectAbsClose, expectRelativeClose} from '../../helpers/compare.js';
import {randomArrays} from '../../helpers/random.js';
import {operationCases} from './cases.js';

/** Absolute error of results and relative L2 error of results and gradients, against float64. */
const tolerance: Record<TestBackend, {abs: number; l2: number; gradient: number}> = {
  cpu: {abs: 1e-5, l2: 1e-5, gradient: 1e-5},
  wasm: {abs: 1e-5, l2: 1e-5, gradient: 1e-5},
  webgpu: {abs: 1e-4, l2: 1e-5, gradient: 1e-4},
};

function toTensors(arrays: Record<string, NdArray>): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, {shape, data}]) => [
      name,
      tf.tensor(new Float32Array(data), [...shape]),
    ]),
  );
}

describe('operations', () => {
  eachBackend((backend) => {
    const {abs, l2, gradient} = tolerance[backend];
    for (const {name, inputs, constants = {}, run, forward, backward} of operationCases) {
      it(name, async () => {
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
        const results =
          names.length > 0 ? tf.tidy(() => differentiate(Object.values(tensors), cotangent)) : [];
        for (const [i, key] of names.entries()) {
          expect(results[i].shape).to.deep.equal([...inputs[key].shape]);
          // Terms are of the order of one: a gradient whose terms cancel below that is measured against one.
          expectRelativeClose(`d${key}`, await results[i].data(), grads[key].data, gradient, 1);
        }
        tf.dispose([y, cotangent, results, tensors, fixed]);
        expect(tf.memory().numTensors).to.equal(before);
      });
    }
  });
});

describe('float64 references', () => {
  // The gradients above are only as good as the references: those are held against central differences here.
  for (const {name, inputs, constants = {}, forward, backward} of operationCases) {
    const size = Object.values(inputs).reduce((sum, {data}) => sum + data.length, 0);
    if (size === 0 || size > 3000 || /statistics|channels|rows|no gain/.test(name)) continue;
    it(`gradient of ${name} is the derivative`, () => {
      const y = forward({...inputs, ...constants});
      const dy = randomArrays(`dy ${name}`)(y.shape);
      const grads = backward({...inputs, ...constants}, dy);
      for (const [key, array] of Object.entries(inputs)) {
        // Every derivative along one random direction at a time: three of them catch any wrong entry.
        for (const seed of ['a', 'b', 'c']) {
          const direction = randomArrays(`${name} ${key} ${seed}`)(array.shape).data;
          const at = (step: number) => {
            const moved = ndArray(
              array.shape,
              array.data.map((value, i) => value + step * direction[i]),
            );
            const result = forward({...inputs, ...constants, [key]: moved});
            return result.data.reduce((sum, value, i) => sum + value * dy.data[i], 0);
          };
          const h = 1e-5;
          const numeric = (at(h) - at(-h)) / (2 * h);
          const analytic = grads[key].data.reduce((sum, value, i) => sum + value * direction[i], 0);
          expect(analytic, `d${key}`).to.be.closeTo(numeric, 1e-6 * Math.max(1, Math.abs(numeric)));
        }
      }
    });
  }
});

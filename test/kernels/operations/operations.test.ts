import {expect} from 'chai';
import '../../../kernels/index.js';
import {ndArray} from '../../../kernels/reference/array.js';
import {eachBackend, type TestBackend} from '../../helpers/backends.js';
import {randomArrays} from '../../helpers/random.js';
import {enterCoreLimits} from '../webgpu/core_limits.js';
import {operationCases} from './cases.js';
import {checkOperation, GPU_TOLERANCE, type Tolerance} from './check.js';

const tolerance: Record<TestBackend, Tolerance> = {
  cpu: {abs: 1e-5, l2: 1e-5, gradient: 1e-5},
  wasm: {abs: 1e-5, l2: 1e-5, gradient: 1e-5},
  webgpu: GPU_TOLERANCE,
  tensorflow: {abs: 1e-5, l2: 1e-5, gradient: 1e-5},
};

describe('operations', () => {
  eachBackend((backend) => {
    for (const one of operationCases) {
      it(one.name, () => checkOperation(one, tolerance[backend]));
    }
  });

  eachBackend(
    () => {
      describe('at core limits, without any feature', () => {
        let leave: () => Promise<void>;
        before(async () => {
          leave = await enterCoreLimits();
        });
        after(() => leave());
        for (const one of operationCases) it(one.name, () => checkOperation(one, GPU_TOLERANCE));
      });
    },
    {only: ['webgpu']},
  );
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

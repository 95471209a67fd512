/** batchNorm, its gradient and the statistics on wasm against the cpu backend: every way through x, units and their ends. */

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {batchNorm, batchStatistics} from '../../../../kernels/index.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {expectNoLeak, expectSameInNewHeaps} from '../tfjs/kernel_choices.js';

/** Shapes with the axis of the channels. */
const cases: Array<[number[], number]> = [
  [[1, 1], 1],
  [[1, 3], 1],
  [[2, 1], 1],
  [[5, 2], 1],
  [[7, 3], 1],
  [[33, 5], 1],
  [[100, 63], 1],
  [[9, 64], 1],
  [[6, 260], 1],
  [[3, 5, 7, 1], 3],
  [[4, 9, 11, 6], 3],
  // More than one unit, and rows that are left over.
  [[30001, 3], 1],
  [[2050, 66], 1],
  [[70, 4100], 1],
  // Channels first: short maps, runs, and runs cut into pieces.
  [[3, 4, 1, 2], 1],
  [[3, 5, 3, 5], 1],
  [[2, 3, 4, 4], 1],
  [[2, 3, 7, 7], 1],
  [[40, 33, 9, 11], 1],
  [[2, 3, 257, 263], 1],
  [[5, 3, 2], 0],
];

/** Several tensors as one. */
const joined = (tensors: tf.Tensor[]) => tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    it('are there on wasm', () => {
      for (const name of ['SwintBatchNorm', 'SwintBatchNormGrad', 'SwintBatchStatistics']) {
        expect(tf.getKernel(name, 'wasm'), name).to.not.equal(undefined);
      }
    });

    for (const [shape, axis] of cases) {
      const channels = shape[axis]!;
      const x = () => uniform(shape as [number, number], 1);
      const vector = (seed: number) => uniform<tf.Rank.R1>([channels], seed);
      const positive = (seed: number) => tf.add(tf.abs(vector(seed)), 0.5) as tf.Tensor1D;

      it(`statistics of [${shape}] along ${axis}`, () =>
        expectSameOnWasmAndCpu(() => {
          const {mean, variance} = batchStatistics(x(), axis);
          // A variance of one cell is 0 on both.
          return tf.stack([mean, variance]);
        }));

      for (const affine of [false, true]) {
        for (const statistics of ['batch', 'moving'] as const) {
          const attrs = {axis, epsilon: 1e-3, statistics};
          it(`[${shape}] along ${axis}, ${statistics}, ${affine ? 'with' : 'without'} gain and offset`, () =>
            expectSameOnWasmAndCpu(() => {
              const inputs = {x: x(), mean: vector(2), variance: positive(3)};
              const dy = uniform(shape as [number, number], 4);
              if (!affine) {
                const run = (given: tf.Tensor) => batchNorm({...inputs, x: given}, attrs);
                return joined([run(inputs.x), tf.grad(run)(inputs.x, dy)]);
              }
              const run = (...[given, gamma, beta]: tf.Tensor[]) =>
                batchNorm(
                  {...inputs, x: given!, gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D},
                  attrs,
                );
              const given = [inputs.x, vector(5), vector(6)];
              return joined([run(...given), ...tf.grads(run)(given, dy)]);
            }));
        }
      }
    }

    for (const [shape, axis] of [
      [[7, 3], 1],
      [[2, 3, 5, 5], 1],
    ] as Array<[[number, number], number]>) {
      it(`NaN and infinities stay in their channel: [${shape}]`, async () => {
        const values = Array.from({length: shape.reduce((a, b) => a * b, 1)}, (_, i) => Math.sin(i));
        const inner = shape.length === 2 ? 1 : 25;
        values[0] = Number.NaN;
        values[inner] = Number.POSITIVE_INFINITY;
        const kinds = (list: ArrayLike<number>) =>
          Array.from(list, (value) => (Number.isFinite(value) ? 'finite' : String(value)));
        const outcome = () =>
          tf.tidy(() => {
            const x = tf.tensor(values, shape);
            const {mean, variance} = batchStatistics(x, axis);
            const moving = {mean: tf.zeros([3]) as tf.Tensor1D, variance: tf.ones([3]) as tf.Tensor1D};
            const attrs = {axis, epsilon: 1e-3, statistics: 'batch'} as const;
            const run = (given: tf.Tensor) => batchNorm({x: given, ...moving}, attrs);
            const y = run(x);
            const dx = tf.grad(run)(x);
            return [mean, variance, y, dx].map((tensor) => kinds(tensor.dataSync()));
          });
        const actual = outcome();
        await tf.setBackend('cpu');
        expect(actual).to.deep.equal(outcome());
      });
    }

    it('nothing of something', () => {
      tf.tidy(() => {
        const x = tf.zeros([0, 3]);
        const {mean, variance} = batchStatistics(x, 1);
        expect(Array.from(mean.dataSync())).to.deep.equal([Number.NaN, Number.NaN, Number.NaN]);
        const attrs = {axis: 1, epsilon: 1e-3, statistics: 'batch'} as const;
        expect(batchNorm({x, mean, variance}, attrs).shape).to.deep.equal([0, 3]);
        const engine = tf.engine();
        const [dx, dgamma, dbeta] = engine.runKernel(
          'SwintBatchNormGrad',
          {dy: x, x, mean, variance},
          attrs,
        ) as tf.Tensor[];
        expect(dx!.shape).to.deep.equal([0, 3]);
        expect(Array.from(dgamma!.dataSync())).to.deep.equal([0, 0, 0]);
        expect(Array.from(dbeta!.dataSync())).to.deep.equal([0, 0, 0]);
      });
    });

    it('leaves nothing behind, and survives a new heap', () => {
      const x = uniform<tf.Rank.R4>([3, 5, 4, 6], 1);
      const {mean, variance} = batchStatistics(x, 3);
      const attrs = {axis: 3, epsilon: 1e-3, statistics: 'batch'} as const;
      const y = () => batchNorm({x, mean, variance}, attrs);
      const dx = () => tf.tidy(() => tf.grad((given) => batchNorm({x: given, mean, variance}, attrs))(x));
      expectNoLeak(() => Object.values(batchStatistics(x, 3)));
      expectNoLeak(y);
      expectNoLeak(dx);
      tf.tidy(() => {
        const expected = y().dataSync();
        expectSameInNewHeaps(y, expected);
        expectSameInNewHeaps(() => batchStatistics(x, 3).mean, mean.dataSync());
      });
      tf.dispose([x, mean, variance]);
    });
  },
  {only: ['wasm']},
);

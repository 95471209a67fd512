/** adamUpdate and sgdUpdate on wasm against the cpu backend, from one number to several units. */

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {adamUpdate, sgdUpdate} from '../../../../kernels/index.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {expectNoLeak} from '../tfjs/kernel_choices.js';

const sizes = [1, 2, 3, 4, 5, 63, 32768, 32771, 100003];

const adam = {beta1: 0.8, beta2: 0.95, rate: 0.02, epsilon: 1e-3, decay: [0.99]};

const inputs = (size: number) => {
  const make = (seed: number) => uniform<tf.Rank.R1>([size], seed);
  return {value: make(1), gradient: make(2), m: make(3), v: tf.abs(make(4)) as tf.Tensor};
};

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    it('are there on wasm', () => {
      expect(tf.getKernel('SwintAdamUpdate', 'wasm')).to.not.equal(undefined);
      expect(tf.getKernel('SwintSgdUpdate', 'wasm')).to.not.equal(undefined);
    });

    for (const size of sizes) {
      it(`Adam, ${size} numbers`, () =>
        expectSameOnWasmAndCpu(() => tf.stack(adamUpdate([inputs(size)], adam)[0])));

      for (const [momentum, nesterov, weightDecay] of [
        [0, false, 0],
        [0, false, 0.1],
        [0.9, false, 0],
        [0.9, true, 0.1],
      ] as const) {
        it(`SGD, ${size} numbers, momentum ${momentum}, nesterov ${nesterov}, decay ${weightDecay}`, () =>
          expectSameOnWasmAndCpu(() => {
            const {value, gradient, m} = inputs(size);
            const attrs = {learningRate: 0.3, momentum, nesterov, weightDecay: [weightDecay]};
            return tf.stack(sgdUpdate([{value, gradient, ...(momentum ? {velocity: m} : {})}], attrs)[0]);
          }));
      }
    }

    it('NaN and infinities stay where they are', async () => {
      const outcome = () =>
        tf.tidy(() => {
          const gradient = tf.tensor1d([1, Number.NaN, Number.POSITIVE_INFINITY, 1, 1, Number.NaN]);
          const [value, m, v] = [tf.ones([6]), tf.zeros([6]), tf.ones([6])];
          const velocity = m;
          const sgd = {learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: [0]};
          return [
            ...adamUpdate([{value, gradient, m, v}], adam)[0],
            ...sgdUpdate([{value, gradient, velocity}], sgd)[0],
          ].map((tensor) =>
            Array.from(tensor.dataSync(), (x) => (Number.isFinite(x) ? 'finite' : String(x))),
          );
        });
      const actual = outcome();
      expect(actual[0]![1]).to.equal('NaN');
      await tf.setBackend('cpu');
      expect(actual).to.deep.equal(outcome());
    });

    it('nothing of something', () =>
      tf.tidy(() => {
        for (const tensor of adamUpdate([inputs(0)], adam)[0]) expect(tensor.shape).to.deep.equal([0]);
      }));

    it('leaves nothing behind', () => {
      const given = tf.tidy(() => inputs(10));
      expectNoLeak(() => adamUpdate([given], adam)[0]);
      const {value, gradient, m} = given;
      const attrs = {learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: [0]};
      expectNoLeak(() => sgdUpdate([{value, gradient, velocity: m}], attrs)[0]);
      tf.dispose(given);
    });
  },
  {only: ['wasm']},
);

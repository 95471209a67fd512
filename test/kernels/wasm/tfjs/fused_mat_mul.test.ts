/** _FusedMatMul on wasm against the cpu backend; the stock kernel only where it is right, which is without transposes. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {eachKernelChoice, expectNoLeak} from './kernel_choices.js';

type Activation = tf.fused.Activation;

const sizes = [
  [1, 1, 1],
  [1, 300, 9],
  [4, 5, 1030],
  [5, 9, 8],
  [49, 32, 49],
  [300, 600, 21],
] as const;

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    eachKernelChoice((choice) => {
      for (const [m, k, n] of sizes) {
        for (const transposeA of [false, true]) {
          for (const transposeB of [false, true]) {
            if (choice === 'tfjs' && (transposeA || transposeB)) continue;
            const factors = () => ({
              a: uniform<tf.Rank.R2>(transposeA ? [k, m] : [m, k], 1),
              b: uniform<tf.Rank.R2>(transposeB ? [n, k] : [k, n], 2),
              transposeA,
              transposeB,
            });
            for (const activation of ['linear', 'relu', 'relu6', 'sigmoid', 'elu'] as Activation[]) {
              for (const withBias of [false, true]) {
                it(`M, K, N = ${m}, ${k}, ${n}; ${transposeA}, ${transposeB}; ${activation}, bias ${withBias}`, () =>
                  expectSameOnWasmAndCpu(() => {
                    const bias = withBias ? tf.mul(uniform<tf.Rank.R1>([n], 3), 5) : undefined;
                    return tf.fused.matMul({...factors(), bias, activation});
                  }));
              }
            }
          }
        }
      }

      if (choice === 'swint') {
        it('a batch', () =>
          expectSameOnWasmAndCpu(() =>
            tf.fused.matMul({
              a: uniform<tf.Rank.R3>([3, 7, 5], 1),
              b: uniform<tf.Rank.R3>([3, 5, 9], 2),
              bias: uniform<tf.Rank.R1>([9], 3),
              activation: 'relu',
            }),
          ));

        it('relu of NaN is NaN, of infinity infinity', () =>
          tf.tidy(() => {
            const {NaN: nan, POSITIVE_INFINITY: infinity} = Number;
            const a = tf.tensor2d([nan, infinity, -infinity, 7, -7], [5, 1]);
            const outcome = (activation: Activation) =>
              Array.from(tf.fused.matMul({a, b: tf.ones([1, 1]) as tf.Tensor2D, activation}).dataSync());
            expect(outcome('relu')).to.deep.equal([nan, infinity, 0, 7, 0]);
            expect(outcome('relu6')).to.deep.equal([nan, 6, 0, 6, 0]);
          }));
      }

      it('leaky relu and prelu', () =>
        expectSameOnWasmAndCpu(() => {
          const [a, b] = [uniform<tf.Rank.R2>([4, 3], 1), uniform<tf.Rank.R2>([3, 5], 2)];
          const preluActivationWeights = uniform<tf.Rank.R1>([5], 3);
          return tf.concat([
            tf.fused.matMul({a, b, activation: 'leakyrelu', leakyreluAlpha: 0.3}),
            tf.fused.matMul({a, b, activation: 'prelu', preluActivationWeights}),
          ]);
        }));

      it('has gradients', () =>
        expectSameOnWasmAndCpu(() => {
          const inputs = [uniform([4, 3], 1), uniform([3, 5], 2), uniform([5], 3)];
          const run = (a: tf.Tensor, b: tf.Tensor, bias: tf.Tensor) =>
            tf.fused.matMul({a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias, activation: 'relu'});
          const grads = tf.grads(run as (...args: tf.Tensor[]) => tf.Tensor)(inputs);
          return tf.concat(grads.map((grad) => tf.reshape(grad, [-1])));
        }));

      it('leaves nothing behind', () => {
        const [a, b, bias] = [
          uniform<tf.Rank.R2>([9, 5], 1),
          uniform<tf.Rank.R2>([5, 7], 2),
          uniform([7], 3),
        ];
        expectNoLeak(() => tf.fused.matMul({a, b, bias, activation: 'relu'}));
        tf.dispose([a, b, bias]);
      });
    });
  },
  {only: ['wasm']},
);

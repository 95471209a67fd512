/** Sum and Mean on wasm against the cpu backend. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {eachBackend} from '../../../helpers/backends.js';
import {expectClose, expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {eachKernelChoice, expectNoLeak, expectSameInNewHeaps} from './kernel_choices.js';

/** Shapes and axes: at the start, in the middle, at the end, apart, all, and long ones of several units. */
const cases: Array<[number[], number[] | number | undefined]> = [
  [[7], 0],
  [[5, 3], 0],
  [[5, 3], 1],
  [[5, 3], undefined],
  [[5, 3], -1],
  [[4, 5, 6], 1],
  [
    [4, 5, 6],
    [1, 2],
  ],
  [
    [4, 5, 6],
    [0, 2],
  ],
  [
    [4, 5, 6],
    [1, 0],
  ],
  [
    [4, 1, 6],
    [0, 2],
  ],
  [
    [2, 7, 9, 3],
    [1, 2],
  ],
  [
    [3, 8, 8, 65],
    [1, 2],
  ],
  [
    [3, 65, 8, 8],
    [2, 3],
  ],
  [[2, 300, 70], 1],
  [[3, 2, 2051], 1],
  [[100003], 0],
  [[33333, 3], 0],
  [[3, 33333], 1],
  [
    [1, 1, 1],
    [0, 1, 2],
  ],
];

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    eachKernelChoice((choice) => {
      for (const [shape, axis] of cases) {
        for (const keepDims of [false, true]) {
          for (const [name, reduce] of [
            ['sum', tf.sum],
            ['mean', tf.mean],
          ] as const) {
            it(`${name} of [${shape}] over ${axis ?? 'all'}${keepDims ? ', kept' : ''}`, () =>
              expectSameOnWasmAndCpu(() => {
                // Above 0, so that the sums are no mere rounding errors.
                const x = tf.add(uniform(shape as [number], 1), 2);
                return reduce(x, axis, keepDims);
              }));
          }
        }
      }

      it('sums of int32 and bool', () =>
        expectSameOnWasmAndCpu(() => {
          const x = tf.range(0, 60, 1, 'int32');
          const some = tf.cast(tf.greater(x, 17), 'int32');
          return tf.concat([tf.sum(tf.reshape(x, [3, 4, 5]), 1), tf.sum(tf.reshape(some, [3, 4, 5]), 1)]);
        }));

      it('a mean has a gradient', () =>
        expectSameOnWasmAndCpu(() =>
          tf.grad((x) => tf.mul(tf.mean(x, [1, 2]), tf.range(0, 6)))(uniform<tf.Rank.R4>([2, 3, 4, 6], 1)),
        ));

      it('nothing of something', () =>
        tf.tidy(() => {
          expect(tf.sum(tf.zeros([3, 0, 2]), 2).shape).to.deep.equal([3, 0]);
        }));

      it('leaves nothing behind', () => {
        const x = uniform<tf.Rank.R3>([4, 50, 6], 1);
        expectNoLeak(() => tf.sum(x, 1));
        expectNoLeak(() => tf.mean(x, [0, 1], true));
        x.dispose();
      });

      if (choice === 'tfjs') {
        return;
      }

      it('many numbers keep their digits', () =>
        tf.tidy(() => {
          const x = tf.fill([1 << 20, 3], 0.1);
          expectClose(tf.mean(x, 0).dataSync(), [0.1, 0.1, 0.1]);
          expectClose(tf.mean(x).dataSync(), [0.1]);
        }));

      it('NaN and infinities come through', () =>
        tf.tidy(() => {
          const {NaN: nan, POSITIVE_INFINITY: infinity} = Number;
          const x = tf.tensor2d([1, nan, 2, infinity, 1, infinity, 3, 1, -infinity], [3, 3]);
          expect(Array.from(tf.sum(x, 0).dataSync())).to.deep.equal([infinity, nan, nan]);
          expect(Array.from(tf.sum(x, 1).dataSync())).to.deep.equal([nan, infinity, -infinity]);
        }));

      it('survives a new heap', () =>
        tf.tidy(() => {
          const x = uniform<tf.Rank.R3>([4, 50, 6], 1);
          expectSameInNewHeaps(() => tf.sum(x, 1), tf.sum(x, 1).dataSync());
        }));
    });
  },
  {only: ['wasm']},
);

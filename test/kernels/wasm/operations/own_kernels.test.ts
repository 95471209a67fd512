/** The kernels under names of our own that the composed versions look for: matrix products and sums over rows. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {matMul2d, sumRows} from '../../../../kernels/composed/mat_mul.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {eachKernelChoice, expectNoLeak} from '../tfjs/kernel_choices.js';

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    it('are there on wasm', () => {
      expect(tf.getKernel('SwintMatrixProduct', 'wasm')).to.not.equal(undefined);
      expect(tf.getKernel('SwintSumRows', 'wasm')).to.not.equal(undefined);
    });

    eachKernelChoice(() => {
      for (const [m, k, n] of [
        [1, 1, 1],
        [3, 5, 4],
        [20, 300, 7],
        [7, 300, 20],
        [300, 8, 9],
        [4, 2100, 9],
        [270, 600, 70],
        [40, 3000, 200],
        [2, 0, 3],
        [0, 2, 3],
      ] as const) {
        for (const transposeA of [false, true]) {
          for (const transposeB of [false, true]) {
            const factors = (): [tf.Tensor2D, tf.Tensor2D] => [
              uniform<tf.Rank.R2>(transposeA ? [k, m] : [m, k], 1),
              uniform<tf.Rank.R2>(transposeB ? [n, k] : [k, n], 2),
            ];
            it(`product M, K, N = ${m}, ${k}, ${n}; transposed ${transposeA}, ${transposeB}`, async () => {
              await expectSameOnWasmAndCpu(() => matMul2d(...factors(), transposeA, transposeB));
              await tf.setBackend('wasm');
              const [a, b] = factors();
              expectNoLeak(() => matMul2d(a, b, transposeA, transposeB));
              tf.dispose([a, b]);
            });
          }
        }
      }

      for (const shape of [
        [1, 1],
        [4, 3],
        [7, 5],
        [1003, 17],
        [20011, 7],
        [9, 3001],
        [5000, 1],
        [0, 4],
        [4, 0],
      ] as Array<[number, number]>) {
        it(`sum over the rows of [${shape}]`, async () => {
          await expectSameOnWasmAndCpu(() => sumRows(uniform<tf.Rank.R2>(shape, 1)));
          await tf.setBackend('wasm');
          const x = uniform<tf.Rank.R2>(shape, 1);
          expectNoLeak(() => sumRows(x));
          x.dispose();
        });
      }

      it('NaN and infinities pass through', () => {
        const x = tf.tensor2d([Number.NaN, Number.POSITIVE_INFINITY, 1, 1, 1, 1, 1, 1, 1, 1], [5, 2]);
        const y = sumRows(x);
        expect(Array.from(y.dataSync())).to.deep.equal([Number.NaN, Number.POSITIVE_INFINITY]);
        tf.dispose([x, y]);
      });
    });
  },
  {only: ['wasm']},
);

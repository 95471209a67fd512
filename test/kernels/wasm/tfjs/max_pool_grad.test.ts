/** The gradient of max pooling on wasm, against tfjs's cpu backend: windows apart, overlapping, over the edges, ties. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {replaceStockKernels, restoreStockKernels} from '../../../../kernels/wasm/tfjs/replacements.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {expectNoLeak} from './kernel_choices.js';

type Case = [
  shape: [number, number, number, number],
  filter: number | [number, number],
  strides: number | [number, number],
  pad: 'same' | 'valid' | number,
];

const cases: Case[] = [
  [[2, 8, 8, 8], 2, 2, 'valid'],
  [[1, 4, 4, 1], 2, 2, 'same'],
  [[3, 7, 5, 6], 2, 2, 'valid'],
  [[3, 7, 5, 6], 2, 2, 'same'],
  [[2, 9, 9, 7], 3, 2, 'same'],
  [[2, 6, 7, 5], 3, 1, 'same'],
  [[2, 6, 7, 5], 3, 1, 1],
  [[1, 9, 6, 3], [3, 2], [1, 3], 'valid'],
  [[2, 8, 8, 4], [8, 8], [8, 8], 'valid'],
  [[5, 1, 1, 9], 1, 1, 'valid'],
  [[40, 16, 16, 24], 2, 2, 'valid'],
];

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    const gradient = (x: tf.Tensor4D, [, filter, strides, pad]: Case) => {
      const pool = (input: tf.Tensor) => tf.maxPool(input as tf.Tensor4D, filter, strides, pad);
      return tf.grad(pool)(x, uniform(pool(x).shape as never, 2));
    };

    // What the stock kernel computes depends on what lay in the heap.
    before(replaceStockKernels);
    after(restoreStockKernels);

    for (const one of cases) {
      it(`[${one[0]}], filter ${one[1]}, strides ${one[2]}, padding ${one[3]}`, async () => {
        await expectSameOnWasmAndCpu(() => gradient(uniform<tf.Rank.R4>(one[0], 1), one));
        await tf.setBackend('wasm');
        const x = uniform<tf.Rank.R4>(one[0], 1);
        expectNoLeak(() => tf.tidy(() => gradient(x, one)));
        x.dispose();
      });
    }

    it('of equal numbers goes to the first', async () => {
      const x = tf.ones<tf.Rank.R4>([1, 4, 4, 5]);
      await expectSameOnWasmAndCpu(() => gradient(tf.ones([1, 4, 4, 5]), [[1, 4, 4, 5], 3, 1, 'same']));
      await tf.setBackend('wasm');
      const dx = tf.grad((input) => tf.maxPool(input as tf.Tensor4D, 2, 2, 'valid'))(x);
      expect(Array.from(tf.slice(dx, [0, 0, 0, 0], [1, 2, 2, 1]).dataSync())).to.deep.equal([1, 0, 0, 0]);
    });

    it('of NaN goes to NaN', () => {
      const x = tf.tensor4d([1, Number.NaN, 2, 3], [1, 2, 2, 1]);
      const y = tf.tensor4d([Number.NaN], [1, 1, 1, 1]);
      const inputs = {dy: tf.ones([1, 1, 1, 1]), input: x, output: y};
      const attrs = {filterSize: 2, strides: 2, pad: 'valid'};
      const dx = tf.engine().runKernel(tf.MaxPoolGrad, inputs, attrs) as tf.Tensor;
      expect(Array.from(dx.dataSync()).reduce((sum, value) => sum + value)).to.equal(1);
    });
  },
  {only: ['wasm']},
);

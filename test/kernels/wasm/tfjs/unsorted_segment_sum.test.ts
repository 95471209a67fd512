/** UnsortedSegmentSum on wasm, and with it the gradient of gather, against the cpu backend. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ShapeError} from '../../../../kernels/common/errors.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    const shapes = [[12], [12, 1], [12, 5], [12, 3, 4], [12, 2, 3, 2]];
    for (const shape of shapes) {
      it(`sums the rows of [${shape}]`, () =>
        expectSameOnWasmAndCpu(() => {
          const ids = tf.tensor1d([3, 0, 3, 1, 6, 6, 6, 0, 2, 3, 1, 1], 'int32');
          return tf.unsortedSegmentSum(uniform(shape, 1), ids, 7);
        }));
    }

    it('leaves out ids that are negative or too large', () =>
      expectSameOnWasmAndCpu(() => {
        const ids = tf.tensor1d([0, -1, 2, 3, 100, -7], 'int32');
        return tf.unsortedSegmentSum(uniform([6, 4], 1), ids, 3);
      }));

    it('gives 0 to a segment without rows', () => {
      const sum = tf.tidy(() =>
        tf.unsortedSegmentSum(tf.tensor1d([1, 2]), tf.tensor1d([2, 2], 'int32'), 4).dataSync(),
      );
      expect(Array.from(sum)).to.deep.equal([0, 0, 3, 0]);
    });

    it('keeps int32 exact', () => {
      const result = tf.tidy(() => {
        const sum = tf.unsortedSegmentSum(
          tf.tensor1d([16777217, 1, -5], 'int32'), // 2^24 + 1 is no float32.
          tf.tensor1d([0, 0, 1], 'int32'),
          2,
        );
        return {dtype: sum.dtype, values: Array.from(sum.dataSync())};
      });
      expect(result).to.deep.equal({dtype: 'int32', values: [16777218, -5]});
    });

    it('refuses ids that do not match the rows', () => {
      const ids = () => tf.zeros([2, 3], 'int32') as tf.Tensor as tf.Tensor1D;
      expect(() => tf.tidy(() => tf.unsortedSegmentSum(tf.ones([2, 3]), ids(), 2))).to.throw(
        ShapeError,
        'got segmentIds [2, 3] and x [2, 3]',
      );
    });

    for (const axis of [0, 1, 2]) {
      it(`is the gradient of gather along axis ${axis}, repeated indices included`, () =>
        expectSameOnWasmAndCpu(() => {
          const indices = tf.tensor1d([2, 0, 2, 1, 2, 0], 'int32');
          return tf.grad((x) => {
            const y = tf.gather(x, indices, axis);
            return tf.sum(tf.mul(y, uniform(y.shape as [number], 2)));
          })(uniform([3, 4, 5], 1));
        }));
    }

    it('leaves nothing behind', () => {
      const step = () =>
        tf.tidy(() => {
          tf.grad((x) => tf.sum(tf.gather(x, tf.tensor1d([1, 1, 0], 'int32'))))(uniform([4, 3], 1));
        });
      step();
      const {numTensors, numBytes} = tf.memory();
      const buffers = tf.engine().backend.numDataIds();
      for (let k = 0; k < 20; k++) {
        step();
      }
      expect(tf.memory().numTensors).to.equal(numTensors);
      expect(tf.memory().numBytes).to.equal(numBytes);
      expect(tf.engine().backend.numDataIds()).to.equal(buffers);
    });
  },
  {only: ['wasm']},
);

/** Reshapes that call nothing: their numbers, their lives beside the tensor they were made of, and TensorFlow's own tensors. */
import '../../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {replaceStockKernels, restoreStockKernels} from '../../../kernels/tensorflow/tfjs/replacements.js';
import {eachBackend} from '../../helpers/backends.js';
import {countCalls, nativeTensors} from './native_calls.js';

eachBackend(
  () => {
    before(replaceStockKernels);
    after(restoreStockKernels);

    const numbers = async (x: tf.Tensor) => Array.from(await x.data());

    it('reshapes call TensorFlow where an operation takes their result, once for each shape', async () => {
      const x = tf.tensor1d([1, 2, 3, 4, 5, 6]);
      const {calls, result} = countCalls(() => {
        const matrix = tf.reshape(tf.reshape(x, [6, 1]), [2, -1]) as tf.Tensor2D;
        return [matrix, tf.add(matrix, 1), tf.mul(matrix, 2), tf.reshape(tf.neg(tf.reshape(x, [3, 2])), [6])];
      });
      expect(Object.fromEntries(calls)).to.deep.equal({Reshape: 2, Add: 1, Mul: 1, Neg: 1});
      expect(result.map(({shape}) => shape)).to.deep.equal([[2, 3], [2, 3], [2, 3], [6]]);
      expect(await Promise.all(result.map(numbers))).to.deep.equal([
        [1, 2, 3, 4, 5, 6],
        [2, 3, 4, 5, 6, 7],
        [2, 4, 6, 8, 10, 12],
        [-1, -2, -3, -4, -5, -6],
      ]);
      tf.dispose([x, result]);
    });

    it('a view and what it was made of outlive each other, and leave no tensor of TensorFlow', async () => {
      const before = [nativeTensors(), tf.memory().numDataBuffers];
      for (const first of [0, 1]) {
        const x = tf.tensor2d([[1, 2]]);
        const both = [x, tf.reshape(x, [2, 1])];
        tf.dispose(both.map((one) => tf.square(one)));
        both[first].dispose();
        const left = tf.square(both[1 - first]);
        expect(await numbers(left)).to.deep.equal([1, 4]);
        tf.dispose([both[1 - first], left]);
      }
      expect([nativeTensors(), tf.memory().numDataBuffers]).to.deep.equal(before);
    });

    it('types other than float32, scalars, no cells, and operations of many inputs', async () => {
      const integers = tf.reshape(tf.tensor1d([1, 2, 3, 4], 'int32'), [2, 2]);
      const truths = tf.reshape(tf.tensor1d([true, false], 'bool'), [2, 1]);
      const sums = tf.add(integers, tf.reshape(tf.scalar(1, 'int32'), [1, 1]));
      expect(await numbers(sums)).to.deep.equal([2, 3, 4, 5]);
      expect(await numbers(tf.logicalNot(truths))).to.deep.equal([0, 1]);
      const empty = tf.add(tf.reshape(tf.zeros([0, 3]), [3, 0, 2]), 1);
      expect(empty.shape).to.deep.equal([3, 0, 2]);
      const joined = tf.concat([tf.reshape(tf.tensor1d([1, 2]), [1, 2]), tf.tensor2d([[3, 4]])]);
      expect(joined.shape).to.deep.equal([2, 2]);
      expect(await numbers(joined)).to.deep.equal([1, 2, 3, 4]);
      const words = tf.reshape(tf.tensor1d(['a', 'b']), [2, 1]);
      expect([words.shape, await words.data()]).to.deep.equal([
        [2, 1],
        ['a', 'b'],
      ]);
    });

    it('another size is refused', () => {
      expect(() => tf.tidy(() => tf.reshape(tf.zeros([2, 3]), [4]))).to.throw();
    });

    it('a view lives on where the stock kernels are back', async () => {
      const y = tf.reshape(tf.tensor1d([1, 2]), [2, 1]);
      restoreStockKernels();
      try {
        expect((tf.concat([y, y], 1) as tf.Tensor).shape).to.deep.equal([2, 2]);
      } finally {
        replaceStockKernels();
      }
    });
  },
  {only: ['tensorflow']},
);

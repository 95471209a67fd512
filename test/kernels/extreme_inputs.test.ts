/** Numbers that are none, in the kernels: what they make infinite or NaN is what the definition makes so, and no more. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {batchStatistics} from '../../kernels/index.js';
import {eachBackend} from '../helpers/backends.js';

eachBackend(() => {
  it('batchStatistics: the mean of a channel with an infinity is that, however its rows are cut', async () => {
    const values = new Float32Array(3 * 500).fill(1);
    values[3 * 100 + 1] = Number.NEGATIVE_INFINITY;
    const x = tf.tensor2d(values, [500, 3]);
    const {mean, variance} = batchStatistics(x, 1);
    expect([...(await mean.data())]).to.deep.equal([1, Number.NEGATIVE_INFINITY, 1]);
    expect([...(await variance.data())]).to.deep.equal([0, Number.NaN, 0]);
    tf.dispose([x, mean, variance]);
  });
});

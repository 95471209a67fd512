/** The derivative of GELU far out: 0 on the left, 1 on the right, NaN at the infinities, where it is infinity times 0. */
import '../../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {gelu} from '../../../kernels/operations/gelu.js';
import {linear} from '../../../kernels/operations/linear.js';
import {eachBackend} from '../../helpers/backends.js';

const FAR = [1e10, 1e20, 1e25, 1e28, 1e30, 3e38];

eachBackend(() => {
  const derivative = async (of: (x: tf.Tensor) => tf.Tensor, at: number[]) => {
    const x = tf.tensor2d(at, [at.length, 1]);
    const dx = tf.grad(of)(x);
    const values = Array.from(await dx.data());
    tf.dispose([x, dx]);
    return values;
  };

  it('is 0 and 1 far out', async () => {
    expect(await derivative((x) => gelu({x}), FAR)).to.deep.equal(FAR.map(() => 1));
    const left = await derivative(
      (x) => gelu({x}),
      FAR.map((z) => -z),
    );
    expect(left.map(Math.abs)).to.deep.equal(FAR.map(() => 0));
  });

  it('is 0 and 1 far out in a linear layer', async () => {
    const weight = tf.tensor2d([1], [1, 1]);
    const of = (x: tf.Tensor) => linear({x, weight}, {activation: 'gelu'});
    const at = [...FAR, ...FAR.map((z) => -z)];
    const found = await derivative(of, at);
    weight.dispose();
    expect(found.map(Math.abs)).to.deep.equal(at.map((z) => (z > 0 ? 1 : 0)));
  });
});

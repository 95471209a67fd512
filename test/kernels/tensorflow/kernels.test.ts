/** The kernels for native TensorFlow against tfjs's cpu backend and the composed versions; skipped where tfjs-node is missing. */
import '../../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {adamUpdateComposed} from '../../../kernels/composed/optimizer.js';
import {adamUpdate} from '../../../kernels/operations/optimizer.js';
import {replaceStockKernels, restoreStockKernels} from '../../../kernels/tensorflow/tfjs/replacements.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectAbsClose} from '../../helpers/compare.js';

eachBackend(
  () => {
    before(replaceStockKernels);
    after(restoreStockKernels);

    /** What is computed here, and on cpu. */
    const both = async (compute: () => tf.Tensor) => {
      const here = tf.tidy(compute);
      const values = await here.data();
      await tf.setBackend('cpu');
      const there = tf.tidy(compute);
      const expected = await there.data();
      await tf.setBackend('tensorflow');
      expect(here.shape).to.deep.equal(there.shape);
      tf.dispose([here, there]);
      return {values, expected};
    };

    it('step is that of cpu, for NaN and infinities too', async () => {
      const numbers = [Number.NaN, -2, -0, 0, 3, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const alpha of [0, 0.5]) {
        const {values, expected} = await both(() => tf.step(tf.tensor1d(numbers), alpha));
        expect(Array.from(values)).to.deep.equal(Array.from(expected));
      }
      const {values, expected} = await both(() => tf.grad((x) => tf.relu(x))(tf.tensor1d(numbers)));
      expect(Array.from(values)).to.deep.equal(Array.from(expected));
    });

    it('a tensor of the same type or shape is the tensor itself, and outlives it', async () => {
      const before = tf.memory();
      for (const copy of [(x: tf.Tensor) => tf.cast(x, 'float32'), (x: tf.Tensor) => tf.reshape(x, [2])]) {
        const x = tf.tensor1d([1.5, 2]);
        const y = copy(x);
        x.dispose();
        expect(Array.from(await y.data())).to.deep.equal([1.5, 2]);
        y.dispose();
      }
      const whole = tf.tidy(() => tf.reshape(tf.cast(tf.tensor1d([1.5, 2]), 'int32'), [2, 1]));
      expect(whole.shape).to.deep.equal([2, 1]);
      expect(Array.from(await whole.data())).to.deep.equal([1, 2]);
      whole.dispose();
      const {numTensors, numDataBuffers} = tf.memory();
      expect({numTensors, numDataBuffers}).to.deep.equal({
        ...{numTensors: before.numTensors, numDataBuffers: before.numDataBuffers},
      });
    });

    for (const [a, b] of [
      [
        [3, 4],
        [4, 5],
      ],
      [
        [1, 3, 4],
        [4, 5],
      ],
      [
        [1, 1, 3, 4],
        [1, 4, 5],
      ],
      [
        [2, 3, 4],
        [4, 5],
      ],
      [
        [2, 3, 4],
        [2, 4, 5],
      ],
    ]) {
      it(`product of [${a}] and [${b}], transposed or not`, async () => {
        for (const [transposeA, transposeB] of [
          [false, false],
          [true, false],
          [false, true],
          [true, true],
        ]) {
          const turned = (shape: number[], turn: boolean) =>
            turn ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
          const {values, expected} = await both(() =>
            tf.matMul(
              tf.randomNormal(turned(a, transposeA), 0, 1, 'float32', 1),
              tf.randomNormal(turned(b, transposeB), 0, 1, 'float32', 2),
              transposeA,
              transposeB,
            ),
          );
          expectAbsClose('y', values, expected, 1e-5);
        }
      });
    }

    it('Adam of variables that are updated together is that of each', async () => {
      const shapes = [[5], [7], [], [3, 4], [2, 4], [0], [5, 2], [5], [200, 100]];
      const decay = shapes.map((_, i) => (i === 7 ? 0.9 : 1));
      const attrs = {beta1: 0.9, beta2: 0.99, rate: 0.01, epsilon: 1e-8};
      const made = (seed: number) =>
        shapes.map((shape, i) => tf.randomUniform(shape, 0.5, 1, 'float32', seed + i));
      const [values, gradients, ms, vs] = [10, 30, 50, 70].map(made);
      const variables = values.map((value, i) => ({value, gradient: gradients[i], m: ms[i], v: vs[i]}));
      const before = tf.memory().numTensors;
      const updated = adamUpdate(variables, {...attrs, decay});
      expect(tf.memory().numTensors).to.equal(before + 3 * shapes.length);
      for (const [i, variable] of variables.entries()) {
        const expected = adamUpdateComposed(variable, {...attrs, decay}, decay[i], (value) =>
          tf.scalar(value),
        );
        for (const [part, one] of expected.entries()) {
          expect(updated[i][part].shape).to.deep.equal(shapes[i]);
          expectAbsClose(`${i}, ${part}`, await updated[i][part].data(), await one.data(), 1e-7);
        }
        tf.dispose(expected);
      }
      tf.dispose([updated, variables.map((one) => Object.values(one))]);
    });
  },
  {only: ['tensorflow']},
);

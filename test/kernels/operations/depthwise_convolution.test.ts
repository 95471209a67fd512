/** depthwiseConvolution beside its numbers, which operations.test.ts checks: NaN, repeatability, and what it costs. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {depthwiseConvolution} from '../../../kernels/index.js';
import {setThreads} from '../../../kernels/wasm/runtime/worker_pool.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectBitEqual} from '../../helpers/compare.js';

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

describe('depthwiseConvolution', () => {
  eachBackend((backend) => {
    it('gives a NaN of x to the cells beside it, and to no other', async () => {
      const [height, width, channels] = [5, 9, 6];
      for (const [row, column] of [
        [0, 0],
        [2, 3],
        [2, 4],
        [4, 8],
      ]) {
        const values = new Float32Array(2 * height * width * channels).fill(1);
        values[(row * width + column) * channels + 5] = Number.NaN;
        const x = tf.tensor4d(values, [2, height, width, channels]);
        const weight = tf.ones([3, 3, channels, 1]) as tf.Tensor4D;
        const y = depthwiseConvolution({x, weight});
        const found: number[] = [];
        for (const [i, value] of (await y.data()).entries()) if (Number.isNaN(value)) found.push(i);
        const expected: number[] = [];
        for (let i = Math.max(0, row - 1); i <= Math.min(height - 1, row + 1); i++) {
          for (let j = Math.max(0, column - 1); j <= Math.min(width - 1, column + 1); j++) {
            expected.push((i * width + j) * channels + 5);
          }
        }
        expect(found).to.deep.equal(expected);
        tf.dispose([x, weight, y]);
      }
    });

    it('of maps that a tap never meets, does not read it', async () => {
      // One row: only the taps of the middle line of the weight see a cell.
      const weight = tf.tensor4d(
        [...Array(3).fill(Number.NaN), 1, 2, 3, ...Array(3).fill(Number.NaN)],
        [3, 3, 1, 1],
      );
      for (const width of [2, 6]) {
        const x = tf.ones([1, 1, width, 1]) as tf.Tensor4D;
        const compute = (one: tf.Tensor) => depthwiseConvolution({x: one as tf.Tensor4D, weight});
        const [y, dx] = [compute(x), tf.grad(compute)(x)];
        expect(Array.from(await y.data())).to.deep.equal([5, ...Array(width - 2).fill(6), 3]);
        expect(Array.from(await dx.data())).to.deep.equal([3, ...Array(width - 2).fill(6), 5]);
        tf.dispose([x, y, dx]);
      }
      weight.dispose();
    });

    it('is the same to the bit from run to run, and with any number of threads', async () => {
      const [x, weight, bias] = [random([5, 33, 17, 20], 1), random([3, 3, 20, 1], 2), random([20], 3)];
      const dy = random([5, 33, 17, 20], 4);
      const once = async () => {
        const compute = (...[x, weight, bias]: tf.Tensor[]) =>
          depthwiseConvolution({x, weight, bias} as never, {residual: true});
        const results = [compute(x, weight, bias), ...tf.grads(compute)([x, weight, bias], dy)];
        const values = await Promise.all(results.map((result) => result.data()));
        tf.dispose(results);
        return values;
      };
      const first = await once();
      try {
        for (const threads of [1, 2]) {
          if (backend === 'wasm') setThreads(threads);
          const again = await once();
          for (const [i, values] of again.entries()) expectBitEqual(`${i}, ${threads}`, values, first[i]);
        }
      } finally {
        if (backend === 'wasm') setThreads(process.env.SWINT_TEST_QUICK ? 1 : 2);
      }
      tf.dispose([x, weight, bias, dy]);
    });

    it('keeps the shape of maps of no cells, and has gradients of zero there', async () => {
      for (const shape of [
        [0, 4, 4, 3],
        [2, 0, 4, 3],
      ]) {
        const x = tf.zeros(shape);
        const weight = tf.ones([3, 3, 3, 1]);
        const compute = (...[x, weight]: tf.Tensor[]) => depthwiseConvolution({x, weight} as never);
        const y = compute(x, weight);
        const [dx, dw] = tf.grads(compute)([x, weight], tf.zeros(shape));
        expect([y.shape, dx.shape]).to.deep.equal([shape, shape]);
        expect(Array.from(await dw.data())).to.deep.equal(Array(27).fill(0));
        tf.dispose([x, weight, y, dx, dw]);
      }
    });
  });

  eachBackend(
    () => {
      it('computes no gradient that nobody asks for', async () => {
        const inputs = {x: random([1, 4, 4, 4], 1), weight: random([3, 3, 4, 1], 2), bias: random([4], 3)};
        const kernelsFor = async (name: keyof typeof inputs) => {
          const {kernels} = await tf.profile(() =>
            tf.grad((one) => depthwiseConvolution({...inputs, [name]: one} as never))(inputs[name]),
          );
          return kernels.map((kernel) => kernel.name).filter((one) => one.startsWith('SwintDepthwise'));
        };
        const forward = 'SwintDepthwiseConvolution';
        expect(await kernelsFor('x')).to.deep.equal([forward, `${forward}GradX`]);
        expect(await kernelsFor('weight')).to.deep.equal([forward, `${forward}GradWeight`]);
        expect(await kernelsFor('bias')).to.deep.equal([forward]);
        tf.dispose(inputs);
      });
    },
    {only: ['wasm', 'webgpu']},
  );
});

/**
 * What the SIMD kernels do with NaN, infinities and denormal numbers, and that they are the same from run to run, see
 * new weights, and keep nothing that they do not say.
 */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {kernelMemory} from '../../../../kernels/index.js';
import {layerNorm} from '../../../../kernels/operations/layer_norm.js';
import {linear} from '../../../../kernels/operations/linear.js';
import {patchMerge} from '../../../../kernels/operations/patch_merge.js';
import {windowAttention} from '../../../../kernels/operations/window_attention.js';
import {ndArray} from '../../../../kernels/reference/array.js';
import {layerNormReference} from '../../../../kernels/reference/layer_norm.js';
import {linearReference} from '../../../../kernels/reference/linear.js';
import {windowAttentionReference} from '../../../../kernels/reference/window_attention.js';
import {freeKernelMemory} from '../../../../kernels/wasm/runtime/kernel_memory.js';
import {setThreads} from '../../../../kernels/wasm/runtime/worker_pool.js';
import {swinT} from '../../../../layers/index.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectAbsClose, expectBitEqual} from '../../../helpers/compare.js';
import {randomArrays} from '../../../helpers/random.js';

const tensorOf = ({shape, data}: {shape: readonly number[]; data: Float64Array}) =>
  tf.tensor(new Float32Array(data), [...shape]);

/** Numbers that are none, or that arithmetic likes to lose; the place they take in an operand. */
const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

const attention = {numHeads: 2, windowSize: [4, 4], shift: [0, 0], padding: 'masked', score: 'dot'} as const;

describe('SIMD kernels, special values and constancy', () => {
  eachBackend(
    () => {
      for (const value of special) {
        for (const activation of ['none', 'gelu'] as const) {
          it(`linear, ${activation}, with ${value} in`, async () => {
            const random = randomArrays(`linear ${value}`);
            const arrays = {x: random([1, 13, 11]), weight: random([11, 17]), bias: random([17])};
            arrays.x.data[5 * 11 + 3] = value;
            const tensors = Object.fromEntries(
              Object.entries(arrays).map(([name, array]) => [name, tensorOf(array)]),
            );
            const y = linear(tensors as never, {activation});
            expectAbsClose('y', await y.data(), linearReference(arrays, {activation}).data, 1e-5);
            tf.dispose([y, tensors]);
          });
        }

        it(`layerNorm with ${value} in`, async () => {
          const random = randomArrays(`layerNorm ${value}`);
          const arrays = {x: random([7, 13]), gamma: random([13]), beta: random([13])};
          arrays.x.data[2 * 13 + 12] = value;
          const y = tf.tidy(() =>
            layerNorm(
              Object.fromEntries(
                Object.entries(arrays).map(([name, array]) => [name, tensorOf(array)]),
              ) as never,
            ),
          );
          expectAbsClose('y', await y.data(), layerNormReference(arrays, {epsilon: 1e-5}).data, 1e-5);
          y.dispose();
        });

        it(`patchMerge with ${value} in`, async () => {
          const x = tf.tensor4d([1, value, 3, 4], [1, 2, 2, 1]);
          const y = patchMerge({x});
          expectBitEqual('y', await y.data(), [1, 3, value, 4]);
          tf.dispose([x, y]);
        });
      }

      it('windowAttention with NaN in one token spoils its window and head, and nothing else', async () => {
        const random = randomArrays('attention');
        const qkv = random([1, 8, 8, 3 * 2 * 5]);
        const table = random([49, 2]);
        qkv.data[(1 * 8 + 2) * 30 + 10 + 1] = Number.NaN; // Key of head 0 at row 1, column 2.
        const attrs = {...attention, scale: 0.4};
        const y = tf.tidy(() =>
          windowAttention({qkv: tensorOf(qkv) as tf.Tensor4D, table: tensorOf(table) as tf.Tensor2D}, attrs),
        );
        const expected = windowAttentionReference({qkv, table}, attrs);
        expect(Array.from(expected.data).some(Number.isFinite)).to.equal(true);
        expectAbsClose('y', await y.data(), expected.data, 1e-5);
        y.dispose();
      });

      it('windowAttention weighs keys evenly where scores are denormal', async () => {
        const random = randomArrays('denormal');
        const qkv = ndArray(
          [1, 4, 4, 30],
          random([480]).data.map((v) => v * 1e-40),
        );
        const table = ndArray([49, 2], new Float64Array(98));
        const y = tf.tidy(() =>
          windowAttention(
            {qkv: tensorOf(qkv) as tf.Tensor4D, table: tensorOf(table) as tf.Tensor2D},
            {...attention, scale: 1},
          ),
        );
        const rounded = ndArray(qkv.shape, new Float32Array(qkv.data));
        const expected = windowAttentionReference({qkv: rounded, table}, {...attention, scale: 1});
        const values = await y.data();
        // A float32 near 1e-40 has 16 bits left.
        expected.data.forEach((value, i) => {
          expect(values[i]).to.be.closeTo(value, 1e-43);
        });
        expect(values.some((value) => value !== 0)).to.equal(true);
        y.dispose();
      });

      it('linear keeps denormal numbers', async () => {
        const x = tf.tensor2d([[1e-40, 2e-40]]);
        const weight = tf.tensor2d([[1], [2]]);
        const y = linear({x, weight});
        expect((await y.data())[0]).to.be.closeTo(5e-40, 1e-44);
        tf.dispose([x, weight, y]);
      });

      it('gives the same bits in every run, on one thread and on two', async () => {
        const layer = swinT({numHeads: 3, windowSize: 7, dataFormat: 'channelsLast', seed: 3});
        const x = tf.randomNormal([2, 21, 21, 48], 0, 1, 'float32', 5);
        tf.dispose(layer.apply(x) as tf.Tensor);
        const weights = layer.weights.map((weight) => weight.read() as tf.Variable);
        const run = async () => {
          const {value, grads} = tf.variableGrads(
            () => tf.sum(tf.square(layer.apply(x) as tf.Tensor)) as tf.Scalar,
            weights,
          );
          const y = layer.apply(x) as tf.Tensor;
          const parts = await Promise.all(Object.values(grads).map((grad) => grad.data()));
          const all = [Array.from(await y.data()), ...parts.map((part) => Array.from(part))].flat();
          tf.dispose([value, grads, y]);
          return all;
        };
        const first = await run();
        for (const threads of [2, 1, 2, 1]) {
          setThreads(threads);
          // The workers of an earlier test, or new ones, may join in at any time; the result must not show it.
          for (let i = 0; i < 3; i++) expectBitEqual(`${threads} threads`, await run(), first);
        }
        setThreads(2);
        layer.dispose();
        x.dispose();
      });

      it('sees a weight that is assigned to between calls, and gives kept weights back with their tensors', async () => {
        freeKernelMemory();
        const x = tf.randomNormal([1, 49, 64]);
        const initial = tf.randomNormal([64, 96]) as tf.Tensor2D;
        const weight = tf.variable(initial);
        initial.dispose();
        const product = async () => {
          const y = linear({x, weight});
          const reference = tf.tidy(() => tf.matMul(tf.reshape(x, [49, 64]), weight));
          expectAbsClose('y', await y.data(), await reference.data(), 1e-4);
          tf.dispose([y, reference]);
        };
        for (let i = 0; i < 3; i++) await product();
        const held = kernelMemory().packedWeights;
        expect(held).to.equal(4 * 64 * 96);
        for (let i = 0; i < 3; i++) {
          const next = tf.mul(weight, -2) as tf.Tensor2D;
          weight.assign(next);
          next.dispose();
          for (let j = 0; j < 3; j++) await product();
          expect(kernelMemory().packedWeights).to.equal(held);
        }
        tf.dispose([x, weight]);
        expect(kernelMemory().packedWeights).to.equal(0);
      });

      it('holds no more scratch memory after many calls than after the first', async () => {
        const layer = swinT({numHeads: 2, windowSize: 4, dataFormat: 'channelsLast'});
        const x = tf.variable(tf.randomNormal([2, 11, 9, 16]));
        const step = () => {
          const y = layer.apply(x) as tf.Tensor;
          const weights = layer.weights.map((weight) => weight.read() as tf.Variable);
          const loss = () => tf.sum(tf.square(layer.apply(x) as tf.Tensor)) as tf.Scalar;
          const {value, grads} = tf.variableGrads(loss, [x, ...weights]);
          tf.dispose([y, value, grads]);
        };
        step();
        step();
        const {scratch} = kernelMemory();
        const {numTensors} = tf.memory();
        expect(scratch).to.be.above(0);
        for (let i = 0; i < 20; i++) step();
        expect(kernelMemory().scratch).to.equal(scratch);
        expect(tf.memory().numTensors).to.equal(numTensors);
        freeKernelMemory();
        expect(kernelMemory()).to.deep.equal({scratch: 0, packedWeights: 0});
        step();
        layer.dispose();
        x.dispose();
      });
    },
    {only: ['wasm']},
  );
});

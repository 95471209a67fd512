import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {layerNorm, linear, type WindowAttentionAttrs, windowAttention} from '../../../kernels/index.js';
import {
  windowAttentionGradReference,
  windowAttentionReference,
} from '../../../kernels/reference/window_attention.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectBitEqual, expectRelativeClose} from '../../helpers/compare.js';
import {randomArrays} from '../../helpers/random.js';
import {atCoreLimits} from './core_limits.js';

const attrs = (numHeads: number, window: number, more: Partial<WindowAttentionAttrs> = {}) =>
  ({
    ...{numHeads, windowSize: [window, window], shift: [0, 0], padding: 'masked', score: 'dot', scale: 0.3},
    ...more,
  }) as WindowAttentionAttrs;

/** Value and gradients against float64. */
async function checkAttention(shape: [number, number, number, number], given: WindowAttentionAttrs) {
  const random = randomArrays(JSON.stringify([shape, given]));
  const [rows, columns] = given.windowSize;
  const qkv = random([shape[0], shape[1], shape[2], 3 * shape[3]]);
  const table = random([(2 * rows - 1) * (2 * columns - 1), given.numHeads]);
  const dy = random(shape);
  const toTensor = ({shape: size, data}: typeof qkv) => tf.tensor(new Float32Array(data), [...size]);
  const [x, t, g] = [qkv, table, dy].map(toTensor) as [tf.Tensor4D, tf.Tensor2D, tf.Tensor4D];
  const attention = (a: tf.Tensor, b: tf.Tensor) =>
    windowAttention({qkv: a as tf.Tensor4D, table: b as tf.Tensor2D}, given);
  const y = attention(x, t);
  expectRelativeClose('y', await y.data(), windowAttentionReference({qkv, table}, given).data, 1e-5, 1);
  const [dx, dt] = tf.grads(attention)([x, t], g);
  const expected = windowAttentionGradReference({qkv, table}, given, dy);
  expectRelativeClose('dqkv', await dx.data(), expected.qkv.data, 1e-4, 1);
  expectRelativeClose('dtable', await dt.data(), expected.table.data, 1e-4, 1);
  tf.dispose([x, t, g, y, dx, dt]);
}

eachBackend(
  () => {
    describe('webgpu kernels at the edges', () => {
      const cases: [string, [number, number, number, number], WindowAttentionAttrs][] = [
        ['one head of 256', [1, 3, 4, 256], attrs(1, 2, {shift: [1, 1]})],
        ['32 heads of 8', [2, 4, 4, 256], attrs(32, 2)],
        ['a map of one row, 33 images', [33, 1, 5, 8], attrs(2, 3, {shift: [1, 1]})],
        ['a window larger than the map', [1, 3, 2, 12], attrs(2, 7, {shift: [3, 3]})],
        ['windows that fill workgroup memory many times over', [1, 16, 16, 64], attrs(1, 16)],
      ];
      for (const [name, shape, given] of cases) it(name, () => checkAttention(shape, given));

      it('more than 65,535 windows', async () => {
        // Windows of one cell: the result is v, whatever the scores; its gradient is that of v.
        const [size, channels] = [260, 4];
        const count = size * size * 3 * channels;
        const values = Float32Array.from({length: count}, (_, i) => Math.sin(i));
        const qkv = tf.tensor4d(values, [1, size, size, 3 * channels]);
        const table = tf.zeros([1, 1]) as tf.Tensor2D;
        const run = (x: tf.Tensor) => windowAttention({qkv: x as tf.Tensor4D, table}, attrs(1, 1));
        const v = tf.slice(qkv, [0, 0, 0, 2 * channels], [1, size, size, channels]);
        expectRelativeClose('y', await run(qkv).data(), await v.data(), 1e-6);
        const dqkv = tf.grad(run)(qkv, v);
        const dv = tf.slice(dqkv, [0, 0, 0, 2 * channels], [1, size, size, channels]);
        expectRelativeClose('dv', await dv.data(), await v.data(), 1e-6);
        const rest = tf.slice(dqkv, [0, 0, 0, 0], [1, size, size, 2 * channels]);
        expect(Math.max(...(await tf.max(tf.abs(rest)).data()))).to.be.below(1e-6);
      });

      it('gives the same bits each time', async () => {
        const x = tf.randomNormal([700, 33], 0, 1, 'float32', 1);
        const weight = tf.randomNormal([33, 29], 0, 1, 'float32', 2) as tf.Tensor2D;
        const gradients = () => tf.grads((a, b) => linear({x: a, weight: b as tf.Tensor2D}))([x, weight]);
        const [first, second] = [gradients(), gradients()];
        for (const i of [0, 1]) expectBitEqual(`${i}`, await second[i].data(), await first[i].data());
      });

      it('computes at core limits, without any feature', () =>
        atCoreLimits(async () => {
          await checkAttention([1, 16, 16, 64], attrs(2, 16, {shift: [8, 8]}));
          await checkAttention([2, 9, 7, 32], attrs(1, 7, {shift: [3, 3]}));
        }));

      it('normalises rows alike with subgroups and without', async function () {
        const {device} = tf.backend() as unknown as {device: GPUDevice};
        if (!device.features.has('subgroups')) {
          console.log('      skipped: the device has no subgroups');
          this.skip();
        }
        const compute = async () => {
          const results: tf.Tensor[] = [];
          for (const [rows, channels] of [
            [5, 6],
            [9, 100],
            [3, 300],
            [130, 32],
          ]) {
            const random = randomArrays(`${channels}`);
            const tensor = (shape: number[]) => tf.tensor(new Float32Array(random(shape).data), shape);
            const [x, gamma, beta, dy] = [[rows, channels], [channels], [channels], [rows, channels]].map(
              tensor,
            );
            const norm = (...[a, b, c]: tf.Tensor[]) =>
              layerNorm({x: a, gamma: b as tf.Tensor1D, beta: c as tf.Tensor1D}, {epsilon: 1e-5});
            results.push(norm(x, gamma, beta), ...tf.grads(norm)([x, gamma, beta], dy));
          }
          return Promise.all(results.map((tensor) => tensor.data()));
        };
        const here = await compute();
        let core = here;
        await atCoreLimits(async () => {
          core = await compute();
        });
        here.forEach((values, i) => {
          expectRelativeClose(`result ${i}`, values, core[i], 1e-5);
        });
      });
    });
  },
  {only: ['webgpu']},
);

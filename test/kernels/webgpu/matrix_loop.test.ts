import * as tf from '@tensorflow/tfjs';
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import {expect} from 'chai';
import {matrixUnits} from '../../../kernels/webgpu/matrix_units.js';
import {deviceOf, output} from '../../../kernels/webgpu/program.js';
import {type Product, product} from '../../../kernels/webgpu/run_product.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectRelativeClose} from '../../helpers/compare.js';
import {randomArrays} from '../../helpers/random.js';

/** The nearest number of 11 significant bits: a 16-bit float, above the subnormal ones. */
function toHalf(value: number): number {
  if (value === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  const scaled = value / unit;
  const rounded = Math.round(scaled);
  const tie = Math.abs(scaled - Math.trunc(scaled)) === 0.5;
  return unit * (tie ? 2 * Math.round(scaled / 2) : rounded);
}

eachBackend(
  () => {
    describe('products on matrix units', () => {
      const backend = () => tf.backend() as unknown as WebGPUBackend;

      before(function () {
        if (matrixUnits(deviceOf(backend()))) return;
        console.log('      skipped: the device has no matrices of subgroups that can be used');
        this.skip();
      });

      /** A times B of factors [m, k] and [k, n], in the given layouts. */
      async function check(m: number, k: number, n: number, more: Partial<Product> = {}): Promise<void> {
        const random = randomArrays(`${m} ${k} ${n}`);
        const a = [...random([m, k]).data];
        const b = [...random([k, n]).data];
        const transposed = (data: readonly number[], rows: number, columns: number) =>
          Array.from({length: rows * columns}, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
        const tensor = (data: readonly number[], shape: [number, number], turn: boolean) =>
          turn
            ? tf.tensor2d(transposed(data, ...shape), [shape[1], shape[0]])
            : tf.tensor2d([...data], shape);
        const left = tensor(a, [m, k], more.layoutA === 'columns');
        const right = tensor(b, [k, n], more.layoutB === 'columns');
        const bias = tf.tensor1d([...random([n]).data]);
        const addend = tf.tensor2d([...random([m, n]).data], [m, n]);
        const c = output(backend(), [m, n]);
        const result = tf.engine().makeTensorFromTensorInfo(c);
        product(backend(), {m, n, k, a: left, b: right, c, bias, addend, halfFactors: true, ...more});
        const [offset, added] = [await bias.data(), await addend.data()];
        const expected = Array.from({length: m * n}, (_, i) => {
          const [row, column] = [Math.floor(i / n), i % n];
          let sum = 0;
          for (let t = 0; t < k; t++) sum += toHalf(a[row * k + t]) * toHalf(b[t * n + column]);
          return sum + offset[column] + added[i];
        });
        expectRelativeClose('c', await result.data(), expected, 1e-6);
        tf.dispose([left, right, bias, addend, result]);
      }

      for (const [m, k, n] of [
        [1, 1, 1],
        [5, 3, 7],
        [33, 40, 31],
        [64, 32, 64],
        [200, 96, 100],
        [300, 50, 33],
        [1100, 36, 130],
      ]) {
        it(`${m}x${k}x${n}: rounds the factors, and adds up in float32`, () => check(m, k, n));
      }

      it('takes factors that lie the other way', async () => {
        await check(70, 45, 66, {layoutB: 'columns'});
        await check(70, 45, 66, {layoutA: 'columns'});
        await check(70, 45, 66, {layoutA: 'columns', layoutB: 'columns'});
      });

      it('is taken for nothing but what may be rounded', async () => {
        let error: unknown;
        await check(33, 40, 31, {halfFactors: false}).catch((thrown) => {
          error = thrown;
        });
        expect(String(error)).to.match(/c/);
      });
    });
  },
  {only: ['webgpu']},
);

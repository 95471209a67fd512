import * as tf from '@tensorflow/tfjs';
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import {expect} from 'chai';
import {matrixUnits} from '../../../../kernels/webgpu/runtime/matrix_units.js';
import {deviceOf, output} from '../../../../kernels/webgpu/runtime/program.js';
import {eachBackend} from '../../../helpers/backends.js';
import {checkProduct, toF16} from '../primitives/check_product.js';

eachBackend(
  () => {
    describe('products on matrix units', () => {
      const backend = () => tf.backend() as unknown as WebGPUBackend;

      before(function () {
        if (matrixUnits(deviceOf(backend()))) return;
        console.log('      skipped: the device has no matrices of subgroups that can be used');
        this.skip();
      });

      for (const [m, k, n] of [
        [1, 1, 1],
        [5, 3, 7],
        [33, 40, 31],
        [64, 32, 64],
        [200, 96, 100],
        [300, 50, 33],
        [1100, 36, 130],
      ] as const) {
        it(`${m}x${k}x${n}: rounds the factors, and adds up in float32`, () =>
          checkProduct([m, k, n], {f16Factors: true}, toF16));
      }

      it('takes factors that lie the other way', async () => {
        const sizes = [70, 45, 66] as const;
        for (const layouts of [
          {layoutB: 'columns'},
          {layoutA: 'columns'},
          {layoutA: 'columns', layoutB: 'columns'},
        ] as const) {
          await checkProduct(sizes, {...layouts, f16Factors: true}, toF16);
        }
      });

      it('brings the rows of a gradient into range, however small they are, and keeps their largest numbers', async () => {
        const maxima = output(backend(), [70]);
        const kept = tf.engine().makeTensorFromTensorInfo(maxima);
        const gradient = {layoutB: 'columns', f16Factors: true, gradient: 'a'} as const;
        await checkProduct([70, 45, 66], {...gradient, maxima}, toF16);
        const found = await kept.data();
        for (const [row, largest] of found.entries()) {
          expect(largest * 10 ** (4 + (row % 8)), `row ${row}`).to.be.within(0.8, 6);
        }
        await checkProduct([300, 64, 128], gradient, toF16);
        kept.dispose();
      });

      it('brings a gradient on the right into range by the largest numbers of its rows', async () => {
        const maxima = tf.tensor1d(Array.from({length: 45}, (_, row) => 10 ** (-4 - (row % 8))));
        const gradient = {layoutA: 'columns', f16Factors: true, gradient: 'b', maxima} as const;
        await checkProduct([70, 45, 66], gradient, toF16);
        maxima.dispose();
      });

      it('is taken for nothing but what may be rounded', async () => {
        await checkProduct([33, 40, 31]);
        let error: unknown;
        await checkProduct([33, 40, 31], {}, toF16).catch((thrown) => {
          error = thrown;
        });
        expect(String(error)).to.match(/relative L2 error/);
      });
    });
  },
  {only: ['webgpu']},
);

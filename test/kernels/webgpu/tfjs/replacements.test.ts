/** Stock kernels of webgpu are replaced on request only, and put back on request. */
import '../../../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {restoreStockKernels} from '../../../../kernels/webgpu/tfjs/replacements.js';
import {setupBackend} from '../../../../src/backends/setup_backend.js';
import {eachBackend} from '../../../helpers/backends.js';

const names = [tf.Conv2D, tf.Conv2DBackpropFilter, tf.Conv2DBackpropInput, tf.FusedConv2D, tf.Transpose];
const registered = () => names.map((name) => tf.getKernel(name, 'webgpu'));

/** Where two lists of kernels differ. */
const changed = (before: tf.KernelConfig[], after: tf.KernelConfig[]) =>
  names.filter((_, index) => before[index] !== after[index]);

eachBackend(
  () => {
    describe('stock kernels of webgpu', () => {
      let stock: tf.KernelConfig[];
      before(() => {
        restoreStockKernels();
        stock = registered();
      });
      after(async () => {
        restoreStockKernels();
        await setupBackend('webgpu');
        restoreStockKernels();
      });

      it('are replaced by setupBackend by default, and restored on request', async () => {
        await setupBackend('webgpu');
        const ours = registered();
        expect(changed(stock, ours)).to.deep.equal(names);
        await setupBackend('webgpu');
        expect(changed(ours, registered())).to.deep.equal([]);
        await setupBackend('webgpu', {kernels: 'tfjs'});
        expect(changed(stock, registered())).to.deep.equal([]);
        await setupBackend('webgpu', {kernels: 'swint'});
        expect(changed(stock, registered())).to.deep.equal(names);
        restoreStockKernels();
        expect(changed(stock, registered())).to.deep.equal([]);
      });

      it('stay where another backend is set up', async () => {
        await setupBackend('cpu');
        expect(changed(stock, registered())).to.deep.equal([]);
        await tf.setBackend('webgpu');
      });
    });
  },
  {only: ['webgpu']},
);

/** Stock kernels are replaced on request only, put back on request, and without a word on the console. */

import '../../../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {replaceStockKernels, restoreStockKernels} from '../../../../kernels/wasm/tfjs/replacements.js';
import {type SetupBackendOptions, setupBackend} from '../../../../src/backends/setup_backend.js';
import {ConfigError} from '../../../../src/errors.js';
import {eachBackend} from '../../../helpers/backends.js';

const names = [
  tf._FusedMatMul,
  tf.BatchMatMul,
  tf.Conv2D,
  tf.Conv2DBackpropInput,
  tf.FusedConv2D,
  tf.Identity,
  tf.Mean,
  tf.Slice,
  tf.SplitV,
  tf.Sum,
  tf.Transpose,
];
const registered = () => names.map((name) => tf.getKernel(name, 'wasm'));

/** Where two lists of kernels differ. */
const changed = (before: tf.KernelConfig[], after: tf.KernelConfig[]) =>
  names.filter((_, index) => before[index] !== after[index]);

eachBackend(
  () => {
    let stock: tf.KernelConfig[];
    const warnings: unknown[][] = [];
    const {warn} = console;
    before(() => {
      restoreStockKernels();
      stock = registered();
    });
    beforeEach(() => {
      warnings.length = 0;
      console.warn = (...message) => warnings.push(message);
    });
    afterEach(async () => {
      console.warn = warn;
      restoreStockKernels();
      expect(warnings).to.deep.equal([]);
      expect(changed(stock, registered())).to.deep.equal([]);
      await tf.setBackend('wasm');
    });

    it('replaces all, once', () => {
      replaceStockKernels();
      const ours = registered();
      expect(changed(stock, ours)).to.deep.equal(names);
      replaceStockKernels();
      expect(changed(ours, registered())).to.deep.equal([]);
    });

    it('restores where nothing was replaced', () => {
      restoreStockKernels();
      restoreStockKernels();
    });

    it('keeps what the stock kernels do when the backend starts', () => {
      replaceStockKernels();
      expect(registered().map(({setupFunc}) => setupFunc)).to.deep.equal(
        stock.map(({setupFunc}) => setupFunc),
      );
    });

    it("leaves a kernel of the application's own in place", () => {
      replaceStockKernels();
      const own = {...stock[0]!};
      const register = (config: tf.KernelConfig) => {
        tf.unregisterKernel(config.kernelName, 'wasm');
        tf.registerKernel(config);
      };
      register(own);
      try {
        restoreStockKernels();
        expect(tf.getKernel(own.kernelName, 'wasm')).to.equal(own);
      } finally {
        register(stock[0]!);
      }
    });

    it('setupBackend replaces by default, and restores on request', async () => {
      await setupBackend('wasm');
      expect(changed(stock, registered())).to.deep.equal(names);
      await setupBackend('wasm', {kernels: 'tfjs'});
      expect(changed(stock, registered())).to.deep.equal([]);
      await setupBackend('wasm', {kernels: 'swint'});
      expect(changed(stock, registered())).to.deep.equal(names);
    });

    it('setupBackend of another backend changes nothing on wasm', async () => {
      await setupBackend('cpu');
      expect(changed(stock, registered())).to.deep.equal([]);
    });

    for (const kernels of ['stock', '', null, 1]) {
      it(`setupBackend refuses kernels ${JSON.stringify(kernels)}`, async () => {
        const error = await setupBackend('wasm', {kernels} as unknown as SetupBackendOptions).then(
          () => undefined,
          (reason: Error) => reason,
        );
        expect(error).to.be.instanceOf(ConfigError);
        expect(error!.message).to.contain("one of 'swint', 'tfjs'").and.to.contain(String(kernels));
        expect(changed(stock, registered())).to.deep.equal([]);
      });
    }
  },
  {only: ['wasm']},
);

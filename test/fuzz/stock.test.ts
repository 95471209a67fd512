/**
 * The stock operations that are replaced, against float64 references: a tenth of the cases that `npm run fuzz` runs, the
 * same ones each time.
 */
import '../../kernels/index.js';
import {expect} from 'chai';
import * as wasm from '../../kernels/wasm/tfjs/replacements.js';
import * as webgpu from '../../kernels/webgpu/tfjs/replacements.js';
import {eachBackend} from '../helpers/backends.js';
import {fuzz} from './check_case.js';
import type {FuzzBackend} from './fuzz_case.js';
import {operations} from './operations.js';

/** Cases of an operation. */
const count = 200;

eachBackend(
  (backend) => {
    const {replaceStockKernels, restoreStockKernels} = {wasm, webgpu}[backend as FuzzBackend];
    before(replaceStockKernels);
    after(restoreStockKernels);

    for (const operation of Object.keys(operations[backend as FuzzBackend])) {
      it(`${operation}, ${count} cases`, async () => {
        const {ran, failures} = await fuzz({backend: backend as FuzzBackend, operation, seed: 1}, {count});
        expect(failures.join('\n')).to.equal('');
        expect(ran).to.equal(count);
      });
    }
  },
  {only: ['wasm', 'webgpu']},
);

eachBackend(
  () => {
    it('finds what is wrong with stock kernels', async () => {
      wasm.restoreStockKernels();
      const {failures} = await fuzz({backend: 'wasm', operation: 'mean', seed: 1}, {count: 200});
      // Means of nothing.
      expect(failures.join('\n'))
        .to.contain('where NaN is right')
        .and.contain('--backend wasm --operation mean --seed 1');
    });
  },
  {only: ['wasm']},
);

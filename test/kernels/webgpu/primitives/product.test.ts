import {expect} from 'chai';
import '../../../../kernels/index.js';
import {chooseTile} from '../../../../kernels/webgpu/primitives/tile_plan.js';
import {eachBackend} from '../../../helpers/backends.js';
import {atCoreLimits} from '../core_limits.js';
import {checkProduct} from './check_product.js';

/** Sizes m, k, n, each with the tile that they take; none is a whole number of tiles. */
const cases = [
  [[2100, 20, 2040], '128x128'],
  [[2047, 9, 2047], '128x128'],
  [[2100, 37, 500], '128x64'],
  [[1030, 50, 530], '64x64'],
  [[200, 40, 100], '32x32'],
  [[8200, 21, 31], '64x32'],
  [[20_000, 18, 16], '128x16'],
  [[8500, 7, 13], '64x16'],
  [[1, 1, 1], '64x16'],
] as const;

const layouts = [
  {},
  {layoutB: 'columns'},
  {layoutA: 'columns'},
  {layoutA: 'columns', layoutB: 'columns'},
] as const;

eachBackend(
  () => {
    describe('products of matrices', () => {
      for (const [sizes, name] of cases) {
        it(`${sizes.join(' x ')}, in tiles of ${name}, in all layouts`, async () => {
          const {tileRows, tileColumns} = chooseTile(sizes[0], sizes[2], 1);
          expect(`${tileRows}x${tileColumns}`).to.equal(name);
          for (const layout of layouts) await checkProduct(sizes, layout);
        });
      }

      it('in large tiles at core limits', () => atCoreLimits(() => checkProduct([2100, 20, 2040])));
    });
  },
  {only: ['webgpu']},
);

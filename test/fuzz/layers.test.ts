/**
 * Random SwinT layers, blocks, patch merging, batch norm, GELU and maxima over maps with the gradients of everything against the float64 references,
 * and all of them on extreme inputs: a tenth of the cases that `npm run fuzz -- --layers` runs, the same ones each time, on one
 * thread and on two; on webgpu what takes half a minute of a core, since a software driver compiles shaders for seconds a case.
 */
import '../../kernels/index.js';
import {expect} from 'chai';
import {type NdArray, ndArray} from '../../kernels/reference/array.js';
import * as wasm from '../../kernels/wasm/tfjs/replacements.js';
import * as webgpu from '../../kernels/webgpu/tfjs/replacements.js';
import {eachBackend} from '../helpers/backends.js';
import {wrongWithLayer} from './check_layer.js';
import {misplacedNaN} from './extremes.js';
import type {FuzzBackend} from './fuzz_case.js';
import {drawLayerCase, fuzzLayer, layerNames} from './fuzz_layers.js';
import type {LayerCase} from './layer_case.js';

/** Cases of each layer. */
const counts: Record<FuzzBackend, Record<string, number>> = {
  wasm: Object.fromEntries(layerNames.map((name) => [name, 200])),
  webgpu: {
    swinT: 1,
    swinBlock: 2,
    patchMerging: 10,
    batchNormalization: 60,
    gelu: 60,
    globalMaxPooling: 60,
    extremes: 2,
  },
};

eachBackend(
  (backend) => {
    // Gradients of max pooling by the stock kernel of wasm depend on what lay in the heap.
    const {replaceStockKernels, restoreStockKernels} = {wasm, webgpu}[backend as FuzzBackend];
    before(replaceStockKernels);
    after(restoreStockKernels);

    for (const layer of layerNames) {
      const count = counts[backend as FuzzBackend][layer];
      it(`${layer}, ${count} cases`, async () => {
        const name = {backend: backend as FuzzBackend, layer, seed: 1};
        const {ran, failures, illConditioned} = await fuzzLayer(name, {count});
        expect(failures.join('\n')).to.equal('');
        expect(ran).to.equal(count);
        expect(illConditioned, 'cases that could not be judged').to.be.at.most(count / 8);
      });
    }
  },
  {only: ['wasm', 'webgpu']},
);

eachBackend(
  () => {
    const settings = {backend: 'wasm', threads: [1]} as const;

    /** The same case, expecting one number of one result to be off by a ten-thousandth: the composed version is wrong too. */
    function spoilt(one: LayerCase, name: string): LayerCase {
      const off = (array: NdArray, what: string) => {
        if (what === name) array.data[0] += 1e-4 * Math.hypot(1, ...array.data);
        return array;
      };
      return {
        ...one,
        reference: (...given) => {
          const {y, back, moved} = one.reference(...given);
          for (const [weight, array] of Object.entries(moved ?? {})) off(array, `moved ${weight}`);
          return {
            y: off(y, 'y'),
            back: (dy, gradients) => {
              const dx = off(back(dy, gradients), 'dx');
              for (const [weight, array] of Object.entries(gradients)) off(array, `d ${weight}`);
              return dx;
            },
            moved,
          };
        },
      };
    }

    it('finds a result, gradients and moved weights that are off by a ten-thousandth, in the composed version too', async () => {
      const block = drawLayerCase({backend: 'wasm', layer: 'swinBlock', seed: 1, index: 0});
      const cases = Array.from({length: 20}, (_, index) =>
        drawLayerCase({backend: 'wasm', layer: 'batchNormalization', seed: 1, index}),
      );
      const norm = cases.find(({training}) => training) as LayerCase;
      const spoiled = [
        [block, 'y'],
        [block, 'dx'],
        [block, 'd norm1.weight'],
        [norm, 'moved moving_mean'],
      ] as const;
      for (const [one, name] of spoiled) {
        const {wrong} = await wrongWithLayer(spoilt(one, name), settings);
        expect(wrong, name).to.match(/relative L2 error 0.000/);
        expect(await wrongWithLayer(one, settings)).to.deep.equal({leftOut: []});
      }
    });

    it('finds NaN where there should be none, and none where there should be', () => {
      const [number, none] = [1, Number.NaN].map((value) => ({y: ndArray([2], [0, value])}));
      expect(misplacedNaN(none, number, number)).to.contain('y at 1: NaN');
      expect(misplacedNaN(number, none, none)).to.contain('y at 1: 1');
      expect(misplacedNaN(number, number, none)).to.equal(undefined);
    });
  },
  {only: ['wasm']},
);

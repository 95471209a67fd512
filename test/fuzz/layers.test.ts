/**
 * Random blocks, depthwise convolutions, patch merging and batch norm with all gradients against the float64 references, on
 * one thread and on two; and random SwinT layers on inputs from 1e-30 to 1e30, NaN and infinities: NaN where the composed version on cpu has it.
 */
import '../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {setThreads} from '../../kernels/wasm/runtime/worker_pool.js';
import {swinT} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';
import {checkOperation, GPU_TOLERANCE} from '../kernels/operations/check.js';
import {Draw, tensorOf} from './draw.js';
import {drawBatchNorm, drawBlock, drawDepthwise, drawMerging} from './generators/blocks.js';

const generators = {
  blocks: drawBlock,
  'depthwise convolutions': drawDepthwise,
  'patch merging': drawMerging,
  'batch norm': drawBatchNorm,
};

/** What a SwinT layer makes of a map, and the gradient of its sum for the map: where they are NaN. */
async function notNumbers(layer: tf.layers.Layer, x: tf.Tensor): Promise<boolean[]> {
  const results = tf.tidy(() => {
    const {value, grad} = tf.valueAndGrad((map) => layer.apply(map) as tf.Tensor)(x);
    return [value, grad];
  });
  const values = await Promise.all(results.map((one) => one.data()));
  tf.dispose(results);
  return values.flatMap((numbers) => Array.from(numbers, Number.isNaN));
}

eachBackend(
  (backend) => {
    const count = backend === 'wasm' ? 60 : 2;
    for (const [name, generate] of Object.entries(generators)) {
      it(`${name}, ${count} cases`, async () => {
        for (let i = 0; i < count; i++) {
          setThreads(1 + (i % 2));
          const one = generate(new Draw(`${name} ${i}`));
          try {
            await checkOperation(one, GPU_TOLERANCE);
          } catch (error) {
            throw new Error(`case ${i}, ${one.name}: ${(error as Error).message}`, {cause: error});
          }
        }
      });
    }

    it('SwinT on extreme inputs has NaN where the composed version has it', async () => {
      for (let i = 0; i < (backend === 'wasm' ? 20 : 2); i++) {
        const draw = new Draw(`extremes ${i}`);
        setThreads(1 + (i % 2));
        const scale = draw.pick([1e-30, 1e-10, 1, 1e10]);
        const map = draw.array([2, 4, draw.integer(2, 7), draw.integer(2, 7)], 'float32', scale);
        const special = draw.pick([undefined, Number.NaN, Infinity, -Infinity]);
        if (special !== undefined) map.data[draw.integer(0, map.data.length - 1)] = special;
        const variant = draw.pick(['v1', 'v2', 'miziha'] as const);
        await tf.setBackend('cpu');
        const layer = swinT({numHeads: 2, windowSize: 3, variant, downsample: draw.chance(0.5)});
        const x = tensorOf(map);
        const expected = await notNumbers(layer, x);
        await tf.setBackend(backend);
        const found = await notNumbers(layer, x);
        expect(found, `case ${i}: ${variant} times ${scale} with ${special}`).to.deep.equal(expected);
        x.dispose();
        layer.dispose();
      }
    });
  },
  {only: ['wasm', 'webgpu']},
);

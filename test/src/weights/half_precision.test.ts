/** Weights saved as float16: half of the bytes, and logits that differ by less than a thousandth. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../../architectures/index.js';
import {swinFromCheckpoint} from '../../../src/weights/from_checkpoint.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectAbsClose} from '../../helpers/compare.js';

describe('weights saved as float16', () => {
  before(() => tf.setBackend('cpu'));

  for (const variant of ['v1', 'v2'] as const) {
    it(`${variant}: half of the bytes, logits within 1e-3`, async () => {
      // Kernels of deviation 0.02, as Swin's are before training and about as large after it.
      const model = swinTransformer({
        ...{
          variant,
          imageSize: 32,
          patchSize: 2,
          windowSize: 4,
          embedDim: 48,
          depths: [2, 2],
          numHeads: [3, 6],
        },
        ...{numClasses: 10, dropPath: 0, seed: 3},
      });
      // A head that has learned: its logits are not as near to 0 as those of a new one.
      const head = model.getLayer('head');
      const [, bias] = head.getWeights();
      head.setWeights([tf.randomNormal([96, 10], 0, 0.3, 'float32', 5), bias]);
      const [whole, half] = [await saveWeights(model), await saveWeights(model, {dtype: 'float16'})];
      expect(half.length / whole.length).to.be.within(0.5, 0.56);
      const {model: loaded} = await swinFromCheckpoint(half);
      const images = tf.randomNormal([2, 3, 32, 32], 0, 1, 'float32', 4);
      const [expected, actual] = [model, loaded].map((one) => (one.predict(images) as tf.Tensor).dataSync());
      expect(Math.max(...expected.map(Math.abs))).to.be.above(0.2);
      expectAbsClose('logits', actual, expected, 1e-3);
      for (const one of [model, loaded]) one.dispose();
      images.dispose();
    });
  }
});

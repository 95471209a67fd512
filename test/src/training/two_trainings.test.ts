/** Two networks in one process: used in turn, and trained at once. Each gives what it gives alone, to the last bit. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {train} from '../../../src/training/train.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectBitEqual} from '../../helpers/compare.js';
import {colourSplit} from './colour_squares.js';
import {droppingModel, weightsOf} from './small_networks.js';

const SPLIT = colourSplit(16, 5);

/** Trains a network and gives its losses and weights. */
async function trained(seed: number): Promise<Float32Array[]> {
  const model = droppingModel(seed);
  const losses: number[] = [];
  try {
    await train(model, SPLIT, {
      ...{epochs: 1, batchSize: 8, learningRate: 0.02, seed},
      onBatch: ({loss}) => void losses.push(loss),
    });
    return [Float32Array.from(losses), ...(await weightsOf(model))];
  } finally {
    model.dispose();
  }
}

function expectSame(actual: Float32Array[], expected: Float32Array[]): void {
  expect(actual.length).to.equal(expected.length);
  for (const [i, values] of actual.entries()) expectBitEqual(`${i}`, values, expected[i]);
}

eachBackend(
  () => {
    describe('two networks', () => {
      it('trained at once become what each becomes alone', async () => {
        const alone = [await trained(1), await trained(20)];
        const together = await Promise.all([trained(1), trained(20)]);
        for (const [i, one] of together.entries()) expectSame(one, alone[i]);
        expect(alone[0][1]).to.not.deep.equal(alone[1][1]);
      });

      it('used in turn predict what each predicts alone, and leave no tensor', async () => {
        const models = [droppingModel(1), droppingModel(20, 4)];
        const images = tf.randomNormal<tf.Rank.R4>([3, 3, 4, 4], 0, 1, 'float32', 7);
        const predict = async (model: tf.LayersModel) => {
          const logits = model.predict(images) as tf.Tensor;
          const values = (await logits.data()).slice() as Float32Array;
          logits.dispose();
          return values;
        };
        const alone: Float32Array[] = [];
        for (const model of models) alone.push(await predict(model));
        const before = tf.memory().numTensors;
        for (let turn = 0; turn < 3; turn++) {
          const inTurn = [await predict(models[0]), await predict(models[1])];
          expectSame(inTurn, alone);
          expectSame(await Promise.all(models.map(predict)), alone);
        }
        expect(tf.memory().numTensors).to.equal(before);
        images.dispose();
        for (const model of models) model.dispose();
      });
    });
  },
  {only: ['wasm', 'webgpu']},
);

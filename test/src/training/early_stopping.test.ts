import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {freezeStages, swinTransformer} from '../../../architectures/index.js';
import {ConfigError} from '../../../src/errors.js';
import {evaluate} from '../../../src/training/evaluate.js';
import {train} from '../../../src/training/train.js';
import {errorOf} from '../data/memory_dataset.js';
import {colourSplit, colourSquares} from './colour_squares.js';

function smallModel(): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.batchNormalization({inputShape: [4, 4, 3], momentum: 0.5}),
      tf.layers.flatten(),
      tf.layers.dense({units: 3, kernelInitializer: tf.initializers.glorotUniform({seed: 1})}),
    ],
  });
}

async function weightsOf(model: tf.LayersModel): Promise<number[][]> {
  const all: number[][] = [];
  for (const weight of model.getWeights()) all.push([...(await weight.data())]);
  return all;
}

/** Learns for one epoch, stands still for one and is ruined after: steps of 3 per epoch, a rate far too high from the third. */
const ruin = {
  ...{
    epochs: 20,
    batchSize: 16,
    dataFormat: 'channelsLast' as const,
    mean: [0.4, 0.4, 0.4],
    std: [0.2, 0.2, 0.2],
  },
  schedule: (step: number) => (step < 3 ? 0.05 : step < 6 ? 0 : 30),
};

describe('early stopping', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  it('stops after so many epochs without a better one, with the weights of the best', async () => {
    const model = smallModel();
    const split = colourSplit();
    const seen: number[][][] = [];
    const history = await train(model, split, {
      ...ruin,
      patience: 3,
      onEpoch: async () => {
        seen.push(await weightsOf(model));
      },
    });
    const {epochs, bestEpoch} = history;
    const accuracies = epochs.map(({testAccuracy}) => testAccuracy!);
    expect(history.stopped).to.equal('early');
    expect(bestEpoch).to.equal(accuracies.indexOf(Math.max(...accuracies)) + 1);
    expect(epochs).to.have.length(bestEpoch! + 3);
    expect(history.restoredEpoch).to.equal(bestEpoch);
    // All of them: moving statistics too, which no gradient moves.
    expect(await weightsOf(model)).to.deep.equal(seen[bestEpoch! - 1]);
    expect(seen.at(-1)).not.to.deep.equal(seen[bestEpoch! - 1]);
    const {mean, std, dataFormat} = ruin;
    const again = await evaluate(model, split.test, {mean, std, dataFormat});
    expect(history.evaluation!.accuracy)
      .to.equal(again.accuracy)
      .and.to.equal(Math.max(...accuracies));
    expect(history.evaluation!.loss).to.equal(again.loss);
    model.dispose();
  });

  it('leaves the last weights where told to, and restores without patience', async () => {
    const last = smallModel();
    let weights: number[][] = [];
    const kept = await train(last, colourSplit(), {
      ...ruin,
      patience: 2,
      restoreBest: false,
      onEpoch: async () => {
        weights = await weightsOf(last);
      },
    });
    expect(kept.stopped).to.equal('early');
    expect(kept.restoredEpoch).to.equal(null);
    expect(await weightsOf(last)).to.deep.equal(weights);
    expect(kept.evaluation!.loss).to.equal(kept.epochs.at(-1)!.testLoss);

    const restored = await train(smallModel(), colourSplit(), {...ruin, epochs: 4, restoreBest: true});
    expect(restored.stopped).to.equal('finished');
    expect(restored.restoredEpoch).to.equal(restored.bestEpoch).and.to.be.below(4);
    const plain = await train(smallModel(), colourSplit(), {...ruin, epochs: 4});
    expect([plain.bestEpoch, plain.restoredEpoch]).to.deep.equal([restored.bestEpoch, null]);
  });

  it('runs to the end while it gets better, and has nothing to restore then', async () => {
    const model = smallModel();
    const history = await train(model, colourSplit(), {
      ...ruin,
      schedule: () => 0.002,
      epochs: 2,
      patience: 5,
    });
    expect(history.epochs[1]!.testAccuracy).to.be.above(history.epochs[0]!.testAccuracy!);
    expect([history.stopped, history.bestEpoch, history.restoredEpoch]).to.deep.equal(['finished', 2, null]);
    model.dispose();
  });

  it('restores the best epoch when stopped in a later one', async () => {
    const model = smallModel();
    const controller = new AbortController();
    const history = await train(model, colourSplit(), {
      ...ruin,
      restoreBest: true,
      signal: controller.signal,
      onBatch: ({epoch}) => epoch === 4 && controller.abort(),
    });
    expect(history.stopped).to.equal('aborted');
    expect(history.restoredEpoch).to.equal(history.bestEpoch).and.to.be.below(4);
    model.dispose();
    const never = await train(smallModel(), colourSplit(), {
      signal: AbortSignal.abort(),
      patience: 1,
      ...ruin,
    });
    expect([never.bestEpoch, never.restoredEpoch, never.evaluation]).to.deep.equal([null, null, null]);
  });

  it('holds no tensor from epoch to epoch', async () => {
    const model = smallModel();
    const before = tf.memory();
    const during: number[] = [];
    await train(model, colourSplit(), {
      ...ruin,
      patience: 4,
      onEpoch: () => {
        during.push(tf.memory().numTensors);
      },
    });
    expect(during.length).to.be.above(4);
    expect(new Set(during).size).to.equal(1);
    expect(tf.memory().numTensors).to.equal(before.numTensors);
    expect(tf.memory().numBytes).to.equal(before.numBytes);
    model.dispose();
  });

  for (const patience of [0, 1.5, -1]) {
    it(`refuses a patience of ${patience}`, async () => {
      const error = await errorOf(() => train(smallModel(), colourSplit(), {...ruin, patience}));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.contain(`patience must be a whole number from 1; got ${patience}`);
    });
  }
});

describe('training a Swin Transformer whose first stage is frozen', () => {
  it('takes no step there, decay included, and trains the rest', async () => {
    await tf.setBackend('cpu');
    const model = swinTransformer({
      ...{imageSize: 4, patchSize: 1, embedDim: 8, depths: [2, 2], numHeads: [1, 2], windowSize: 2},
      ...{numClasses: 3, seed: 1},
    });
    freezeStages(model, 1);
    const before = await weightsOf(model);
    const one = colourSquares('few', 12, 1);
    await train(
      model,
      {train: one, test: one},
      {epochs: 1, batchSize: 6, learningRate: 0.01, weightDecay: 0.5},
    );
    const after = await weightsOf(model);
    const frozen = model.weights.map(({originalName}) => /^(patch_embed|layers\.0)/.test(originalName));
    expect(frozen.filter(Boolean).length).to.be.above(20);
    expect(frozen.filter((is) => !is).length).to.be.above(20);
    // getWeights lists trainable weights first, as model.weights does.
    for (const [i, {originalName}] of model.weights.entries()) {
      const same = after[i]!.every((value, at) => value === before[i]![at]);
      expect(same, originalName).to.equal(frozen[i]);
    }
    model.dispose();
  });
});

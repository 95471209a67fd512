import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {Muon} from '../../../src/training/muon.js';
import {recipeOptimizer, withRecipe} from '../../../src/training/recipes.js';
import {type TrainOptions, train} from '../../../src/training/train.js';
import {errorOf} from '../data/memory_dataset.js';
import {colourSplit} from './colour_squares.js';

/** @param first name of the first layer, a convolution that could be whitened. */
function network(first = 'stem'): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{name: first, kernelSize: 2, filters: 24, inputShape: [4, 4, 3], trainable: false},
        kernelInitializer: tf.initializers.zeros(),
      }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({units: 3}),
    ],
  });
}

describe('recipes', () => {
  const models: tf.Sequential[] = [];
  const made = (first?: string) => {
    models.push(network(first));
    return models.at(-1)!;
  };

  before(async () => {
    await tf.setBackend('cpu');
  });
  afterEach(() => {
    for (const model of models.splice(0)) model.dispose();
  });

  it('fill in what is left out, undefined included, and nothing else', () => {
    const given = {recipe: 'small-images', epochs: 20, batchSize: 64, flip: undefined} as const;
    const filled = withRecipe<TrainOptions>('train', made(), given);
    expect(filled).to.include({batchSize: 64, epochs: 20, flip: 'alternating', paddingMode: 'reflect'});
    expect(filled).to.include({cropPadding: 2, labelSmoothing: 0.1, testViews: 6, whitening: false});
    expect(filled).to.include({schedule: 'triangular', learningRate: 0.15, warmupEpochs: 0});
    const optimizer = recipeOptimizer({...filled, weightDecay: 0.01}) as Muon;
    expect(optimizer).to.be.instanceOf(Muon);
    expect(optimizer).to.include({
      learningRate: 0.15,
      momentum: 0.6,
      newtonSchulzSteps: 3,
      normalizeFilters: true,
      weightDecay: 0.01,
    });
    expect(optimizer.adamw).to.include({rateRatio: 1 / 15, weightDecay: 0.01});
    expect(recipeOptimizer({learningRate: 0.05})).to.equal(undefined);
    const own = {cropPadding: 0, labelSmoothing: 0, testViews: 2, whitening: false, warmupEpochs: 1} as const;
    expect(withRecipe<TrainOptions>('train', made('whiten'), {...given, ...own})).to.include(own);
    const options: TrainOptions = {epochs: 3};
    expect(withRecipe('train', made(), options)).to.equal(options);
  });

  it('whiten where the network has the layer, and mirror no test image where none is to be learned', () => {
    const filled = withRecipe<TrainOptions>('train', made('whiten'), {recipe: 'small-images', flip: false});
    expect(filled).to.include({whitening: true, flip: false, testViews: 1});
  });

  it("leave the rate to an optimizer of the caller's, and the warm-up to a schedule", () => {
    const optimizer = tf.train.sgd(0.1);
    const filled = withRecipe<TrainOptions>('train', made(), {
      recipe: 'small-images',
      optimizer,
      schedule: () => 0.1,
    });
    expect(filled).to.not.have.any.keys('learningRate', 'warmupEpochs');
    expect(filled.optimizer).to.equal(optimizer);
    optimizer.dispose();
  });

  it('train, set the whitened filters, and leave no state of their optimizer', async () => {
    const model = made('whiten');
    const held = tf.memory().numTensors;
    const rates: (number | null)[] = [];
    const history = await train(model, colourSplit(), {
      ...{recipe: 'small-images', epochs: 12, batchSize: 16, dataFormat: 'channelsLast'},
      onBatch: ({learningRate}) => rates.push(learningRate),
    });
    expect(tf.memory().numTensors).to.equal(held);
    expect(rates[0]).to.equal(0.15);
    expect(rates[20]! - rates[19]!).to.be.closeTo(rates[35]! - rates[34]!, 1e-9);
    expect(history.testViews).to.equal(6);
    expect(history.epochs[11].trainLoss).to.be.below(history.epochs[0].trainLoss);
    const kernel = await model.getLayer('whiten').getWeights()[0].data();
    expect(kernel.some((value) => value !== 0)).to.equal(true);
  });

  it('are refused where they are unknown', async () => {
    const error = await errorOf(() => train(made(), colourSplit(), {recipe: 'small' as 'small-images'}));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.equal("train: recipe must be one of 'small-images'; got 'small'.");
  });
});

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {resetClassifier, swinTransformer} from '../../../architectures/index.js';
import {imagenetLabels} from '../../../src/data/imagenet_labels.js';
import {IMAGENET_MEAN, IMAGENET_STD, preprocess} from '../../../src/data/preprocess.js';
import {resizeImage} from '../../../src/data/resize.js';
import type {RgbImage} from '../../../src/data/rgb_image.js';
import {ConfigError, DataError, SwintError} from '../../../src/errors.js';
import {classifierMetadata, describeClassifier} from '../../../src/inference/classifier_metadata.js';
import {type ClassifyOptions, classify} from '../../../src/inference/classify.js';
import {train} from '../../../src/training/train.js';
import {eachBackend} from '../../helpers/backends.js';
import {savedAndLoaded} from '../../helpers/models.js';
import {errorOf} from '../data/memory_dataset.js';
import {colourSplit} from '../training/colour_squares.js';

type Head = 'linear' | 'softmax' | 'sigmoid' | 'relu';

/** Logits are 8 times the means of red, green and blue. */
function colourModel(activation: Head = 'linear', inputShape = [3, 4, 4]): tf.Sequential {
  const dataFormat = inputShape[0] === 3 ? 'channelsFirst' : 'channelsLast';
  const model = tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({inputShape, dataFormat}),
      tf.layers.dense({units: 3, useBias: false, activation}),
    ],
  });
  const kernel = tf.mul(tf.eye(3), 8);
  model.layers[1]!.setWeights([kernel]);
  kernel.dispose();
  return model;
}

/** An image of one colour. */
function plain(colour: readonly number[], width = 4, height = width): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set(colour, 3 * i);
  return {data, width, height};
}

const unscaled = {mean: [0, 0, 0], std: [1, 1, 1]};
const colour = [51, 255, 102]; // 0.2, 1, 0.4
const powers = [1.6, 8, 3.2].map(Math.exp);
const total = powers.reduce((a, b) => a + b);

describe('classify', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  eachBackend(() => {
    it('gives the softmax of the logits, most probable first, with the names given', async () => {
      const model = colourModel();
      const options = {...unscaled, labels: ['red', 'green', 'blue']};
      const result = await classify(model, plain(colour), options);
      expect(result.map(({index, label}) => [index, label])).to.deep.equal([
        [1, 'green'],
        [2, 'blue'],
        [0, 'red'],
      ]);
      for (const {index, probability} of result)
        expect(probability).to.be.closeTo(powers[index]! / total, 1e-5);
      const [first, ...none] = await classify(model, plain(colour), {...options, topK: 1});
      expect(first).to.deep.equal(result[0]);
      expect(none).to.deep.equal([]);
      model.dispose();
    });
  });

  it('takes several images in batches, in their order, and keeps no tensor', async () => {
    const model = colourModel();
    const images = [0, 1, 2, 1, 0].map((k) => plain([0, 1, 2].map((c) => (c === k ? 255 : 0))));
    const before = tf.memory().numTensors;
    for (const batchSize of [undefined, 1, 2]) {
      const results = await classify(model, images, {...unscaled, topK: 1, batchSize});
      expect(results.map(([best]) => best!.label)).to.deep.equal(['0', '1', '2', '1', '0']);
    }
    expect(await classify(model, [], unscaled)).to.deep.equal([]);
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });

  for (const activation of ['softmax', 'sigmoid'] as const) {
    it(`takes the outputs of a head with ${activation} as they are`, async () => {
      const model = colourModel(activation);
      const values = activation === 'softmax' ? powers.map((p) => p / total) : powers.map((p) => p / (1 + p));
      for (const {index, probability} of await classify(model, plain(colour), unscaled)) {
        expect(probability).to.be.closeTo(values[index]!, 1e-6);
      }
      model.dispose();
    });
  }

  it('finds the activation in a layer of its own and in a model within the model', async () => {
    const ends = [tf.layers.softmax(), tf.layers.activation({activation: 'softmax'}), colourModel('softmax')];
    for (const end of ends) {
      const model = tf.sequential();
      if (end instanceof tf.LayersModel)
        model.add(tf.layers.activation({activation: 'linear', inputShape: [3, 4, 4]}));
      else for (const layer of colourModel().layers) model.add(layer);
      model.add(end);
      const [best] = await classify(model, plain(colour), unscaled);
      expect(best!.probability).to.be.closeTo(powers[1]! / total, 1e-6);
    }
  });

  it('prepares images as preprocess does, ImageNet by default, in the order that the model takes', async () => {
    const image = {
      data: Uint8Array.from({length: 30 * 20 * 3}, (_, i) => (i * 37) % 256),
      width: 30,
      height: 20,
    };
    for (const inputShape of [
      [3, 8, 8],
      [8, 8, 3],
    ]) {
      const dataFormat = inputShape[0] === 3 ? 'channelsFirst' : 'channelsLast';
      for (const options of [
        {},
        {cropFraction: 0.5, interpolation: 'bilinear', mean: [0.5, 0.5, 0.5]} as const,
      ]) {
        const model = colourModel('sigmoid', inputShape);
        const x = await preprocess(image, {imageSize: 8, dataFormat, ...options});
        const expected = await (model.predict(x) as tf.Tensor).data();
        for (const {index, probability} of await classify(model, image, options)) {
          expect(probability).to.be.closeTo(expected[index]!, 1e-6);
        }
      }
    }
  });

  it('has the names of ImageNet for 1000 outputs, numbers for others, else those of the model', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.globalAveragePooling2d({inputShape: [3, 4, 4], dataFormat: 'channelsFirst'}),
        tf.layers.dense({units: 1000, kernelInitializer: 'zeros', biasInitializer: 'zeros'}),
      ],
    });
    const image = plain([1, 2, 3]);
    const even = await classify(model, image);
    expect(even.map(({label}) => label)).to.deep.equal(imagenetLabels.slice(0, 5));
    expect(even[0]!.probability).to.be.closeTo(1e-3, 1e-9);
    const own = Array.from({length: 1000}, (_, i) => `own ${i}`);
    describeClassifier(model, {classNames: own});
    expect((await classify(model, image))[3]!.label).to.equal('own 3');
    const given = own.map((name) => `given ${name}`);
    expect((await classify(model, image, {labels: given}))[0]!.label).to.equal('given own 0');
    expect((await classify(colourModel(), image)).map(({label}) => label).sort()).to.deep.equal([
      '0',
      '1',
      '2',
    ]);
  });

  it('knows classes and preparation of a model that was trained here, saved and loaded', async () => {
    const model = colourModel();
    const split = colourSplit();
    const {mean, std} = await train(model, split, {epochs: 2, batchSize: 16, learningRate: 0.1});
    const loaded = await savedAndLoaded(model);
    expect(classifierMetadata(loaded)).to.deep.equal({
      classNames: ['red', 'green', 'blue'],
      ...{mean, std, dataFormat: 'channelsFirst', imageSize: [4, 4]},
      ...{cropFraction: 1, cropMode: 'squash', interpolation: 'bilinear'},
    });
    const image = {data: Uint8Array.from({length: 9 * 5 * 3}, (_, i) => (i * 29) % 256), width: 9, height: 5};
    const pixels = resizeImage(image.data, [5, 9], [4, 4]);
    const x = tf.tidy(() => {
      const bytes = tf.div(tf.tensor(pixels, [1, 4, 4, 3], 'float32'), 255);
      return tf.transpose(tf.div(tf.sub(bytes, mean), std), [0, 3, 1, 2]);
    });
    const expected = await tf.softmax(model.predict(x) as tf.Tensor).data();
    for (const {index, label, probability} of await classify(loaded, image)) {
      expect(label).to.equal(split.train.classNames[index]);
      expect(probability).to.be.closeTo(expected[index]!, 1e-5);
    }
    // What is given comes before what the model says of itself.
    const [odd] = await classify(loaded, image, {
      mean: IMAGENET_MEAN,
      std: IMAGENET_STD,
      labels: ['a', 'b', 'c'],
    });
    expect(odd!.label).to.match(/^[abc]$/);
    expect(odd!.probability).not.to.be.closeTo(Math.max(...expected), 1e-4);
  });

  it('takes the size that a Swin Transformer is meant for, with another head too', async () => {
    const model = swinTransformer({
      ...{imageSize: 24, embedDim: 8, depths: [2], numHeads: [1], windowSize: 3, numClasses: 7, seed: 1},
    });
    const image = {
      data: Uint8Array.from({length: 40 * 40 * 3}, (_, i) => (i * 41) % 256),
      width: 40,
      height: 40,
    };
    const x = await preprocess(image, {imageSize: 24});
    for (const classifier of [model, resetClassifier(model, 4, {seed: 3})]) {
      const [best] = await classify(classifier, image);
      const expected = await tf.softmax(classifier.predict(x) as tf.Tensor).data();
      expect(best!.probability).to.be.closeTo(Math.max(...expected), 1e-6);
    }
    describeClassifier(model, {classNames: ['a', 'b', 'c', 'd', 'e', 'f', 'g'], mean: [0, 0, 0]});
    expect(classifierMetadata(resetClassifier(model, 4))).to.deep.equal({
      imageSize: [24, 24],
      mean: [0, 0, 0],
    });
  });

  const wrong: [string, () => tf.LayersModel, ClassifyOptions, RegExp][] = [
    [
      'too few labels',
      colourModel,
      {labels: ['a', 'b']},
      /labels must be one for each of the 3 classes; got 2\./,
    ],
    [
      'more classes than there are',
      colourModel,
      {topK: 4},
      /topK must be a whole number from 1 to 3; got 4 \(the model has 3 classes\)/,
    ],
    ['no class', colourModel, {topK: 0}, /topK must be .*; got 0/],
    ['half an image', colourModel, {batchSize: 0.5}, /batchSize must be a whole number from 1; got 0.5/],
    ['a size the model does not take', colourModel, {imageSize: 8}, /what the model takes, 4x4; got 8x8/],
    [
      'the wrong order',
      colourModel,
      {dataFormat: 'channelsLast'},
      /must take RGB images.*got \[\*, 3, 4, 4\] in channelsLast/,
    ],
    ['a head from which nothing follows', () => colourModel('relu'), {}, /must end with logits.*; got relu/],
    [
      'maps',
      () => tf.sequential({layers: [tf.layers.conv2d({inputShape: [4, 4, 3], filters: 2, kernelSize: 1})]}),
      {},
      /one value per class for each image, \[B, K\]; got \[\*, 4, 4, 2\]/,
    ],
    [
      'grey images',
      () => tf.sequential({layers: [tf.layers.flatten({inputShape: [4, 4, 1]})]}),
      {},
      /must take RGB images.*got \[\*, 4, 4, 1\]/,
    ],
    [
      'two outputs',
      () => {
        const input = tf.input({shape: [3, 4, 4]});
        const flat = () => tf.layers.flatten().apply(input) as tf.SymbolicTensor;
        return tf.model({inputs: input, outputs: [flat(), flat()]});
      },
      {},
      /one input and one output; got 1 and 2/,
    ],
    [
      'any size where none is known',
      () => colourModel('linear', [3, null, null] as unknown as number[]),
      {},
      /imageSize must be given for a model that takes images of any size; got none/,
    ],
    [
      'names of a former head',
      () => {
        const model = colourModel();
        describeClassifier(model, {classNames: ['a', 'b']});
        return model;
      },
      {},
      /got 2 in the metadata of the model/,
    ],
  ];
  for (const [what, model, options, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const error = await errorOf(() => classify(model(), plain(colour), options));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message)
        .to.match(/^classify: /)
        .and.match(message);
    });
  }

  it('says which image of several is none', async () => {
    const bad = {data: new Uint8Array(0), width: 0, height: 0};
    const error = await errorOf(() => classify(colourModel(), [plain(colour), bad], unscaled));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(/^classify\(image 1\): an image must have at least one pixel.*for 0x0/);
  });

  it('refuses outputs that are not finite, and keeps no tensor', async () => {
    const model = colourModel();
    const kernel = tf.fill([3, 3], Number.NaN);
    model.layers[1]!.setWeights([kernel]);
    const before = tf.memory().numTensors;
    const error = await errorOf(() => classify(model, plain(colour), unscaled));
    expect(error).to.be.instanceOf(SwintError);
    expect(error.message).to.match(/outputs must be finite; got NaN/);
    expect(tf.memory().numTensors).to.equal(before);
  });
});

import {readFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinUNet} from '../../../architectures/index.js';
import type {PixelImage} from '../../../src/data/segmentation_dataset.js';
import {ConfigError, DataError, ShapeError, SwintError} from '../../../src/errors.js';
import {encodePng} from '../../../src/node/image_file.js';
import {predictSegmentation as predictFile} from '../../../src/node/predict_segmentation.js';
import {evaluateSegmentation} from '../../../src/training/evaluate_segmentation.js';
import {
  type PredictSegmentationOptions,
  predictSegmentation,
} from '../../../src/training/predict_segmentation.js';
import {axisTiles} from '../../../src/training/tiles.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectAbsClose} from '../../helpers/compare.js';
import {errorOf} from '../data/memory_dataset.js';
import {memoryMasks} from '../data/memory_masks.js';
import {put, temporaryFolder} from '../node/temporary_folder.js';

const [image] = await Promise.all([memoryMasks({sizes: [[37, 21]]}).read(0)]);
const scaling = {mean: [0.5, 0.4, 0.3], std: [0.25, 0.5, 0.75]};

/** Maps [B, H, W, C] to the mean of each image and channel, at every pixel; writes down what it was called with. */
class TileMean extends tf.layers.Layer {
  static readonly className = 'TileMean';
  readonly calls: number[][] = [];
  override computeOutputShape(shape: tf.Shape): tf.Shape {
    return shape;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs;
    this.calls.push(x.shape);
    return tf.add(tf.mul(x, 0), tf.mean(x, [1, 2], true));
  }
}

function meanModel(): {model: tf.LayersModel; layer: TileMean} {
  const layer = new TileMean();
  const input = tf.input({shape: [null, null, 3]});
  return {model: tf.model({inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor}), layer};
}

const pointwise = (dataFormat: 'channelsFirst' | 'channelsLast') =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [null, null, 3] as unknown as number[],
        filters: 4,
        kernelSize: 1,
        dataFormat,
        kernelInitializer: tf.initializers.randomNormal({seed: 2}),
      }),
    ],
  });

describe('axisTiles', () => {
  it('covers the axis with tiles that overlap at least as asked for, the last one at its end', () => {
    expect(axisTiles(10, 4, 0.25).starts).to.deep.equal([0, 3, 6]);
    expect(axisTiles(11, 4, 0.25).starts).to.deep.equal([0, 3, 6, 7]);
    expect(axisTiles(12, 4, 0).starts).to.deep.equal([0, 4, 8]);
    expect(axisTiles(9, 4, 0.99).starts).to.deep.equal([0, 1, 2, 3, 4, 5]);
    for (const total of axisTiles(1000, 64, 0.5).total) expect(total).to.be.above(0);
  });

  it('has one tile of the whole axis where that is not longer, which counts fully', () => {
    const {length, starts, weights, total} = axisTiles(5, 8, 0.25);
    expect([length, starts]).to.deep.equal([5, [0]]);
    expect([...weights, ...total]).to.deep.equal(new Array(10).fill(1));
  });

  it('weighs the cells of a tile by a Gaussian around its middle', () => {
    const {weights} = axisTiles(100, 16, 0.5);
    expect(weights[7]).to.be.closeTo(Math.exp(-((0.5 / 2) ** 2) / 2), 1e-12);
    expect(weights[0]).to.be.closeTo(Math.exp(-((7.5 / 2) ** 2) / 2), 1e-12);
    expect(weights[0]).to.equal(weights[15]);
  });
});

describe('predictSegmentation', () => {
  const folder = temporaryFolder();
  eachBackend(
    () => {
      it('is the plain prediction where one tile holds the image, of any size', async () => {
        const model = swinUNet({
          ...{numClasses: 3, embedDim: 16, depths: [2, 2], numHeads: [1, 2], windowSize: 4, seed: 1},
          convolutions: [8],
        });
        const {data, height, width} = image;
        const plain = tf.tidy(() => {
          const pixels = tf.div(tf.tensor3d(data, [height, width, 3]), 255);
          const normal = tf.div(tf.sub(pixels, scaling.mean), scaling.std);
          const logits = model.predict(tf.expandDims(tf.transpose(normal, [2, 0, 1]), 0)) as tf.Tensor;
          const last = tf.transpose(logits, [0, 2, 3, 1]);
          return [tf.softmax(last), tf.argMax(last, -1)];
        });
        const result = await predictSegmentation(model, image, {...scaling, probabilities: true});
        expect([result.height, result.width]).to.deep.equal([height, width]);
        expectAbsClose('probabilities', result.probabilities!, await plain[0]!.data(), 1e-6);
        expect([...result.mask]).to.deep.equal([...(await plain[1]!.data())]);
        tf.dispose(plain);
        model.dispose();
      });
    },
    {only: ['wasm']},
  );

  before(() => tf.setBackend('cpu'));

  it('does not depend on tiles and batches where the network sees single pixels', async () => {
    const model = pointwise('channelsLast');
    const options = {...scaling, dataFormat: 'channelsLast', probabilities: true} as const;
    const whole = await predictSegmentation(model, image, options);
    const sets: Partial<PredictSegmentationOptions>[] = [
      {tile: 8},
      {tile: [16, 5], overlap: 0, batchSize: 3},
      {tile: [40, 6], overlap: 0.9, batchSize: 50},
    ];
    for (const tiles of sets) {
      const tiled = await predictSegmentation(model, image, {...options, ...tiles});
      expectAbsClose('probabilities', tiled.probabilities!, whole.probabilities!, 1e-5);
      expect(tiled.mask).to.deep.equal(whole.mask);
    }
    model.dispose();
  });

  it('blends the logits of tiles with their weights', async () => {
    const {model} = meanModel();
    const [tile, overlap] = [[12, 9], 0.5] as const;
    const {data, height, width} = image;
    const expected = new Float64Array(height * width * 3);
    const [rows, columns] = [axisTiles(height, 12, overlap), axisTiles(width, 9, overlap)];
    for (const top of rows.starts) {
      for (const left of columns.starts) {
        for (let c = 0; c < 3; c++) {
          let mean = 0;
          for (let y = 0; y < 12; y++)
            for (let x = 0; x < 9; x++) mean += data[((top + y) * width + left + x) * 3 + c]! / 255 / 108;
          for (let y = 0; y < 12; y++)
            for (let x = 0; x < 9; x++) {
              const share =
                (rows.weights[y]! * columns.weights[x]!) / (rows.total[top + y]! * columns.total[left + x]!);
              expected[((top + y) * width + left + x) * 3 + c]! += share * mean;
            }
        }
      }
    }
    const softmax = tf.tidy(() => tf.softmax(tf.tensor2d(Float32Array.from(expected), [height * width, 3])));
    const options = {tile, overlap, batchSize: 4, dataFormat: 'channelsLast', probabilities: true} as const;
    const {probabilities} = await predictSegmentation(model, image, options);
    expectAbsClose('probabilities', probabilities!, await softmax.data(), 1e-6);
    softmax.dispose();
    model.dispose();
  });

  it('never gives the model more than a batch of tiles, and keeps no tensor', async () => {
    const {model, layer} = meanModel();
    layer.calls.length = 0;
    const before = tf.memory().numTensors;
    await predictSegmentation(model, image, {tile: 10, overlap: 0, batchSize: 5, dataFormat: 'channelsLast'});
    expect(layer.calls).to.deep.equal([
      [5, 10, 10, 3],
      [5, 10, 10, 3],
      [2, 10, 10, 3],
    ]);
    expect(tf.memory().numTensors).to.equal(before);
    model.dispose();
  });

  it('evaluates a data set image by image', async () => {
    const {model} = meanModel();
    const masks = memoryMasks({
      sizes: [
        [12, 9],
        [7, 20],
      ],
      ignoreIndex: 255,
    });
    const sizes: number[][] = [];
    const result = await evaluateSegmentation(model, masks, {
      dataFormat: 'channelsLast',
      onImage: ({index, mask, scores}) => {
        sizes.push([index, mask.length]);
        expect(scores.iou).to.have.length(3);
      },
    });
    expect(sizes).to.deep.equal([
      [0, 108],
      [1, 140],
    ]);
    // What lies within the outermost pixels.
    expect(result.confusion.flat().reduce((a, b) => a + b, 0)).to.equal(10 * 7 + 5 * 18);
    const error = await errorOf(() =>
      evaluateSegmentation(model, {...masks, classNames: ['a', 'b']}, {dataFormat: 'channelsLast'}),
    );
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(/evaluateSegmentation\(masks\): .* per pixel and class, \[B, H, W, 2\]/);
    model.dispose();
  });

  it('takes RGBA bytes, as those of an ImageData, and tensors where the model takes three channels', async () => {
    const {model} = meanModel();
    const options = {dataFormat: 'channelsLast', probabilities: true} as const;
    const expected = await predictSegmentation(model, image, options);
    const data = new Uint8ClampedArray(4 * 37 * 21).fill(255);
    for (let i = 0; i < 37 * 21; i++) data.set(image.data.subarray(3 * i, 3 * i + 3), 4 * i);
    expect(await predictSegmentation(model, {data, height: 37, width: 21}, options)).to.deep.equal(expected);
    const tensor = tf.tensor3d(image.data, [37, 21, 3], 'int32');
    expect(await predictSegmentation(model, tensor, options)).to.deep.equal(expected);
    const path = folder('image.png');
    await put(path, encodePng(image.data, 21, 37));
    for (const source of [path, await readFile(path)]) {
      expect(await predictFile(model, source, options)).to.deep.equal(expected);
    }
    expect(await predictFile(model, tensor, options)).to.deep.equal(expected);
    tensor.dispose();
    for (const none of [undefined, null, 'image.png', {}]) {
      const error = await errorOf(() => predictSegmentation(model, none as never, options));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.match(/^predictSegmentation: an image must be/);
    }
    model.dispose();
  });

  it('takes images of any size for a model of one size, smaller ones too', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          ...{inputShape: [16, 32, 3], filters: 4, kernelSize: 1},
          kernelInitializer: tf.initializers.randomNormal({seed: 2}),
        }),
      ],
    });
    const any = pointwise('channelsLast');
    any.setWeights(model.getWeights());
    const options = {dataFormat: 'channelsLast', probabilities: true} as const;
    for (const [height, width] of [
      [37, 21],
      [8, 9],
      [5, 40],
    ]) {
      const [one] = await Promise.all([memoryMasks({sizes: [[height, width]]}).read(0)]);
      const result = await predictSegmentation(model, one, options);
      const expected = await predictSegmentation(any, one, options);
      expect([result.height, result.width]).to.deep.equal([height, width]);
      expect(result.mask).to.deep.equal(expected.mask);
      expectAbsClose('probabilities', result.probabilities!, expected.probabilities!, 1e-5);
    }
    model.dispose();
    any.dispose();
  });

  const two: PixelImage = {data: new Uint8ClampedArray(2 * 37 * 21), height: 37, width: 21};
  const wrong: [string, PixelImage, PredictSegmentationOptions, typeof SwintError, RegExp][] = [
    [
      'bytes of another image',
      {...image, width: 20},
      {},
      ShapeError,
      /37x20 must have a whole number of bytes/,
    ],
    [
      'two channels',
      two,
      {},
      ConfigError,
      /must take images \[37, 21, 2\] in channelsLast; got \[\*, \*, 3\]/,
    ],
    ['another data format', image, {dataFormat: 'channelsFirst'}, ConfigError, /in channelsFirst/],
    [
      'no tile',
      image,
      {tile: 0},
      ConfigError,
      /tile must be a whole number from 1 or two of them, \[rows, columns\]; got 0/,
    ],
    [
      'half a tile',
      image,
      {tile: [8, 1.5]},
      ConfigError,
      /tile must be a whole number from 1 .*; got \[8, 1.5\]/,
    ],
    ['full overlap', image, {overlap: 1}, ConfigError, /overlap must be a number in \[0, 1\); got 1/],
    ['no batch', image, {batchSize: 0}, ConfigError, /batchSize must be a whole number from 1; got 0/],
    [
      'two means',
      image,
      {mean: [0, 0]},
      ConfigError,
      /mean must be 3 numbers, one per channel, each a finite number/,
    ],
  ];
  for (const [what, source, options, kind, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const {model} = meanModel();
      const error = await errorOf(() =>
        predictSegmentation(model, source, {dataFormat: 'channelsLast', ...options}),
      );
      expect(error).to.be.instanceOf(kind);
      expect(error.message).to.match(message);
      model.dispose();
    });
  }

  it('refuses tiles that a model of one size does not take', async () => {
    const model = tf.sequential({
      layers: [tf.layers.conv2d({inputShape: [16, 16, 3], filters: 2, kernelSize: 1})],
    });
    const options = {dataFormat: 'channelsLast', tile: 16} as const;
    expect((await predictSegmentation(model, image, options)).mask).to.have.length(37 * 21);
    const error = await errorOf(() => predictSegmentation(model, image, {...options, tile: 20}));
    expect(error.message).to.match(/must take images \[20, 20, 3\] in channelsLast; got \[16, 16, 3\]/);
    model.dispose();
  });

  it('refuses a classifier, and logits of another size', async () => {
    const classifier = tf.sequential({
      layers: [tf.layers.globalAveragePooling2d({inputShape: [null, null, 3] as unknown as number[]})],
    });
    const strided = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [null, null, 3] as unknown as number[],
          filters: 2,
          kernelSize: 1,
          strides: 2,
        }),
      ],
    });
    for (const [model, message] of [
      [classifier, /a logit per pixel and class, \[B, H, W, K\]/],
      [strided, /logits for 37x21 pixels and 2 classes; got 418 numbers for 1 of them/],
    ] as const) {
      const error = await errorOf(() => predictSegmentation(model, image, {dataFormat: 'channelsLast'}));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(message);
      model.dispose();
    }
  });

  it('refuses logits that are not finite', async () => {
    const model = pointwise('channelsLast');
    const weights = model.getWeights().map((weight) => tf.fill(weight.shape, Number.NaN));
    model.setWeights(weights);
    tf.dispose(weights);
    const error = await errorOf(() => predictSegmentation(model, image, {dataFormat: 'channelsLast'}));
    expect(error).to.be.instanceOf(SwintError);
    expect(error.message).to.match(/logits must be finite; got NaN/);
    model.dispose();
  });
});

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import type {ImageDataset} from '../../../src/data/dataset.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {train} from '../../../src/training/train.js';
import {errorOf, memoryDataset} from '../data/memory_dataset.js';

const [H, W] = [6, 5];
const EPSILON = 5e-4;

/** Neighbouring pixels are alike, and so are the channels, so that the patches are far from white. */
const smoothByte = (index: number, at: number) => {
  const [c, cell] = [at % 3, Math.floor(at / 3)];
  const [y, x] = [Math.floor(cell / W), cell % W];
  const wave = Math.sin(index * 1.3 + 0.5 * y + 0.3 * x * (index % 3)) + 0.2 * Math.sin(17 * index + 5 * at);
  return Math.round(128 + 70 * wave + 9 * c * Math.cos(index));
};

function dataset(bad: number[] = []): ImageDataset {
  const labels = Array.from({length: 30}, (_, i) => i % 3);
  return memoryDataset({labels, height: H, width: W, byte: smoothByte, bad});
}

function network({size = 2, filters = 24, name = 'whiten', inputShape = [H, W, 3]} = {}): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({name, kernelSize: size, filters, inputShape, trainable: false, useBias: false}),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({units: 3}),
    ],
  });
}

const common = {
  epochs: 1,
  batchSize: 8,
  dataFormat: 'channelsLast',
  mean: [0.5, 0.45, 0.4],
  std: [0.2, 0.3, 0.25],
};

/** Covariance of the normalised patches, by its definition: the mean of (p - mean)(p - mean)^T. */
async function patchCovariance(data: ImageDataset, size: number, images: number[]): Promise<number[][]> {
  const patches: number[][] = [];
  for (const index of images) {
    const bytes = await data.read(index);
    for (let y = 0; y + size <= H; y++) {
      for (let x = 0; x + size <= W; x++) {
        const patch: number[] = [];
        for (let dy = 0; dy < size; dy++) {
          for (let dx = 0; dx < size; dx++) {
            for (let c = 0; c < 3; c++) {
              const byte = bytes[((y + dy) * W + x + dx) * 3 + c];
              patch.push((byte / 255 - common.mean[c]) / common.std[c]);
            }
          }
        }
        patches.push(patch);
      }
    }
  }
  const n = patches[0].length;
  const means = patches[0].map((_, i) => patches.reduce((sum, patch) => sum + patch[i], 0) / patches.length);
  return Array.from({length: n}, (_, i) =>
    Array.from(
      {length: n},
      (_, j) =>
        patches.reduce((sum, patch) => sum + (patch[i] - means[i]) * (patch[j] - means[j]), 0) /
        patches.length,
    ),
  );
}

/** K^T S K: the covariance of what the filters give. */
function outputCovariance(covariance: number[][], kernel: Float32Array, filters: number): number[][] {
  const n = covariance.length;
  const half = covariance.map((row) =>
    Array.from({length: filters}, (_, f) => row.reduce((sum, s, j) => sum + s * kernel[j * filters + f], 0)),
  );
  return Array.from({length: filters}, (_, f) =>
    Array.from({length: filters}, (_, g) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += kernel[i * filters + f] * half[i][g];
      return sum;
    }),
  );
}

describe('whitening', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  for (const {size, filters} of [
    {size: 2, filters: 24},
    {size: 3, filters: 54},
  ]) {
    it(`makes ${size}x${size} patches of the training images uncorrelated, and keeps the filters`, async () => {
      const model = network({size, filters});
      const data = {train: dataset(), test: dataset()};
      await train(model, data, {...common, dataFormat: 'channelsLast', whitening: true});
      const kernel = (await model.getLayer('whiten').getWeights()[0].data()) as Float32Array;
      const covariance = await patchCovariance(data.train, size, [...Array(30).keys()]);
      const outputs = outputCovariance(covariance, kernel, filters);
      const n = filters / 2;
      let total = 0;
      for (let f = 0; f < n; f++) {
        // Of an eigenvalue v, v / (v + eps) is left; the filter's length is 1 / sqrt(v + eps).
        let square = 0;
        for (let i = 0; i < n; i++) {
          square += kernel[i * filters + f] ** 2;
          expect(kernel[i * filters + n + f]).to.equal(-kernel[i * filters + f]);
        }
        const value = 1 / square - EPSILON;
        total += value;
        expect(outputs[f][f]).to.be.closeTo(value / (value + EPSILON), 1e-4);
        for (let g = 0; g < f; g++) expect(outputs[f][g]).to.be.closeTo(0, 1e-4);
      }
      // The eigenvalues are all of them: their sum is the trace.
      const trace = covariance.reduce((sum, row, i) => sum + row[i], 0);
      expect(total / trace).to.be.closeTo(1, 1e-4);
      expect(outputs[0][0]).to.be.above(0.99);
      model.dispose();
    });
  }

  it('leaves out images that cannot be read, and tells of them by their index in the data set', async () => {
    const model = network();
    const bad = dataset([4, 21]);
    const told = new Set<number>();
    await train(
      model,
      {train: bad, test: dataset()},
      {
        ...{...common, dataFormat: 'channelsLast', whitening: true, badImages: 'skip'},
        onBadImage: (_, index) => told.add(index),
      },
    );
    expect([...told].sort((a, b) => a - b)).to.deep.equal([4, 21]);
    const kernel = (await model.getLayer('whiten').getWeights()[0].data()) as Float32Array;
    const images = [...Array(30).keys()].filter((index) => index !== 4 && index !== 21);
    const outputs = outputCovariance(await patchCovariance(bad, 2, images), kernel, 24);
    for (let f = 1; f < 12; f++) expect(outputs[f][0]).to.be.closeTo(0, 1e-4);
    const failing = await errorOf(() =>
      train(model, {train: bad, test: dataset()}, {...common, dataFormat: 'channelsLast', whitening: true}),
    );
    expect(failing).to.be.instanceOf(DataError);
    model.dispose();
  });

  it('refuses a model without such a layer, before any image is read', async () => {
    let reads = 0;
    const read = (index: number) => {
      reads++;
      return dataset().read(index);
    };
    const data = {...dataset(), read};
    const cases: [tf.Sequential, RegExp][] = [
      [
        network({name: 'stem'}),
        /a model that has a convolution named 'whiten'; got one that begins with stem/,
      ],
      [network({filters: 12}), /channels with 24 filters, .*; got Conv2D with weights \[2, 2, 3, 12\]/],
      [
        tf.sequential({
          layers: [tf.layers.flatten({name: 'whiten', inputShape: [H, W, 3]}), tf.layers.dense({units: 3})],
        }),
        /with 2 kh kw 3 filters, .*; got Flatten with weights none/,
      ],
    ];
    for (const [model, message] of cases) {
      const {mean: _, ...measured} = common;
      const error = await errorOf(() =>
        train(model, {train: data, test: data}, {...measured, dataFormat: 'channelsLast', whitening: true}),
      );
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message)
        .to.match(/^train: /)
        .and.match(message);
      model.dispose();
    }
    expect(reads).to.equal(0);
  });

  it('ends with the signal while the images are read', async () => {
    const model = network();
    const controller = new AbortController();
    const read = async (index: number) => {
      if (index === 20) controller.abort();
      return dataset().read(index);
    };
    const history = await train(
      model,
      {train: {...dataset(), read}, test: dataset()},
      {...common, dataFormat: 'channelsLast', whitening: true, signal: controller.signal},
    );
    expect([history.stopped, history.steps, history.evaluation]).to.deep.equal(['aborted', 0, null]);
    model.dispose();
  });
});

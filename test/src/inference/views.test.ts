import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import type {ImageDataset} from '../../../src/data/dataset.js';
import {ConfigError} from '../../../src/errors.js';
import {classify} from '../../../src/inference/classify.js';
import {evaluate} from '../../../src/training/evaluate.js';
import {eachBackend} from '../../helpers/backends.js';
import {errorOf} from '../data/memory_dataset.js';

const [H, W, CLASSES] = [4, 5, 3];

/** Byte of the image in a row, column and channel. */
const byteOf = (index: number, y: number, x: number, c: number) =>
  (index * 71 + y * 53 + x * 29 + c * 97 + x * y * 13) % 256;

/** Weight of a class for a row, column and channel: none like another, so that every cell of a view counts. */
const weightOf = (k: number, y: number, x: number, c: number) =>
  Math.sin(1 + k * 7 + y * 3.1 + x * 1.7 + c * 0.6);

const dataset: ImageDataset = {
  name: 'pixels',
  size: 5,
  height: H,
  width: W,
  channels: 3,
  classNames: ['a', 'b', 'c'],
  label: (index) => index % CLASSES,
  read: async (index) =>
    Uint8Array.from({length: H * W * 3}, (_, at) => {
      const cell = Math.floor(at / 3);
      return byteOf(index, Math.floor(cell / W), cell % W, at % 3);
    }),
};

function linearModel(
  dataFormat: 'channelsFirst' | 'channelsLast',
  activation: 'linear' | 'softmax' = 'linear',
) {
  const first = dataFormat === 'channelsFirst';
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: first ? [3, H, W] : [H, W, 3]}),
      tf.layers.dense({units: CLASSES, useBias: false, activation}),
    ],
  });
  const rows: number[][] = [];
  for (let at = 0; at < H * W * 3; at++) {
    const [c, cell] = first ? [Math.floor(at / (H * W)), at % (H * W)] : [at % 3, Math.floor(at / 3)];
    rows.push(Array.from({length: CLASSES}, (_, k) => weightOf(k, Math.floor(cell / W), cell % W, c)));
  }
  const kernel = tf.tensor2d(rows);
  model.layers[1].setWeights([kernel]);
  kernel.dispose();
  return model;
}

const reflected = (i: number, size: number) => (i < 0 ? -i : i < size ? i : 2 * size - 2 - i);

/** Logits of each view of an image, in float64. */
function viewLogits(index: number, views: number): number[][] {
  const shifts = views === 6 ? [0, -1, 1] : [0];
  const mirrors = views === 1 ? [false] : [false, true];
  const all: number[][] = [];
  for (const shift of shifts) {
    for (const mirror of mirrors) {
      const logits = new Array<number>(CLASSES).fill(0);
      for (let y = 0; y < H; y++) {
        for (let x = 0; x < W; x++) {
          const column = reflected(x + shift, W);
          for (let c = 0; c < 3; c++) {
            const from = mirror ? W - 1 - column : column;
            const value = byteOf(index, reflected(y + shift, H), from, c) / 255;
            for (let k = 0; k < CLASSES; k++) logits[k] += value * weightOf(k, y, x, c);
          }
        }
      }
      all.push(logits);
    }
  }
  return all;
}

const mean = (rows: number[][]) =>
  rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);

function softmax(logits: number[]): number[] {
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  return logits.map((logit) => Math.exp(logit) / sum);
}

describe('views of an image', () => {
  eachBackend(() => {
    for (const dataFormat of ['channelsFirst', 'channelsLast'] as const) {
      it(`evaluate, ${dataFormat}: the mean of the logits, as in plain arithmetic`, async () => {
        const model = linearModel(dataFormat);
        const seen: number[] = [];
        for (const views of [1, 2, 6] as const) {
          const {loss, predictions} = await evaluate(model, dataset, {dataFormat, views, batchSize: 2});
          let expected = 0;
          for (let index = 0; index < dataset.size; index++) {
            const logits = mean(viewLogits(index, views));
            expected -= Math.log(softmax(logits)[index % CLASSES]) / dataset.size;
            expect(predictions[index]).to.equal(logits.indexOf(Math.max(...logits)));
          }
          expect(loss).to.be.closeTo(expected, 1e-5 * expected);
          seen.push(loss);
        }
        expect(new Set(seen).size).to.equal(3);
        model.dispose();
      });
    }

    it('classify: the softmax of the mean of the logits, or the mean of the probabilities', async () => {
      const image = {data: await dataset.read(1), width: W, height: H};
      const config = {mean: [0, 0, 0], std: [1, 1, 1], cropFraction: 1} as const;
      for (const activation of ['linear', 'softmax'] as const) {
        const model = linearModel('channelsLast', activation);
        const held = tf.memory().numTensors;
        for (const views of [1, 2, 6] as const) {
          const rows = viewLogits(1, views);
          const expected = activation === 'linear' ? softmax(mean(rows)) : mean(rows.map(softmax));
          for (const {index, probability} of await classify(model, image, {...config, views})) {
            expect(probability).to.be.closeTo(expected[index], 1e-5);
          }
        }
        expect(tf.memory().numTensors).to.equal(held);
        model.dispose();
      }
    });
  });

  it('refuses other numbers of views, and shifts of images that are one pixel high', async () => {
    await tf.setBackend('cpu');
    const model = linearModel('channelsLast');
    for (const views of [0, 3, '2', null]) {
      const error = await errorOf(() =>
        evaluate(model, dataset, {dataFormat: 'channelsLast', views: views as 2}),
      );
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(/^evaluate\(pixels\): views must be one of 1, 2, 6; got /);
    }
    const image = {data: new Uint8Array(3 * W), width: W, height: 1};
    const flat = tf.sequential({
      layers: [tf.layers.flatten({inputShape: [1, W, 3]}), tf.layers.dense({units: 2})],
    });
    const error = await errorOf(() => classify(flat, image, {views: 6}));
    expect(error).to.be.instanceOf(ConfigError);
    expect(error.message).to.match(
      /^classify: views 6 must be of images of at least 2x2 pixels, .*; got 1x5/,
    );
    expect(await classify(flat, image, {views: 2})).to.have.length(2);
    model.dispose();
    flat.dispose();
  });
});

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {type Batch, type BatchesArgs, batches} from '../../../src/data/batches.js';
import type {ImageDataset} from '../../../src/data/dataset.js';
import {channelStatistics} from '../../../src/data/normalise.js';
import {subset} from '../../../src/data/subset.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {errorOf, memoryDataset} from './memory_dataset.js';

interface ReadBatch {
  indices: number[];
  labels: number[];
  shape: number[];
  /** Values image by image. */
  images: number[][];
}

/** All batches as plain numbers; disposes the tensors. */
async function collect(dataset: ImageDataset, args: BatchesArgs): Promise<ReadBatch[]> {
  const result: ReadBatch[] = [];
  for await (const {images, labels, indices} of batches(dataset, args)) {
    expect([images.dtype, labels.dtype]).to.deep.equal(['float32', 'int32']);
    const values = Array.from(images.dataSync());
    const volume = values.length / indices.length;
    result.push({
      indices,
      labels: Array.from(labels.dataSync()),
      shape: images.shape,
      images: indices.map((_, k) => values.slice(k * volume, (k + 1) * volume)),
    });
    tf.dispose([images, labels]);
  }
  return result;
}

const order = (read: ReadBatch[]) => read.flatMap(({indices}) => indices);

describe('batches', () => {
  const data = memoryDataset({labels: Array.from({length: 23}, (_, i) => i % 4), height: 4, width: 5});

  before(async () => {
    await tf.setBackend('cpu');
  });

  it('goes through the data in order, with labels, and a smaller last batch', async () => {
    const read = await collect(data, {batchSize: 5});
    expect(read.map(({indices}) => indices.length)).to.deep.equal([5, 5, 5, 5, 3]);
    expect(order(read)).to.deep.equal(Array.from({length: 23}, (_, i) => i));
    for (const {indices, labels} of read) expect(labels).to.deep.equal(indices.map((i) => i % 4));
    const whole = await collect(data, {batchSize: 5, dropRemainder: true});
    expect(whole.map(({indices}) => indices.length)).to.deep.equal([5, 5, 5, 5]);
  });

  it('names the image of a label that is no class, of an image that is none, or of the wrong bytes', async () => {
    for (const wrong of [4, -1, 0.5, Number.NaN, null, undefined, '1']) {
      const label = (index: number) => (index === 7 ? (wrong as number) : index % 4);
      const error = await errorOf(() => collect({...data, label}, {batchSize: 5}));
      expect(error, String(wrong)).to.be.instanceOf(DataError);
      expect(error.message).to.match(
        /^memory: the label of image 7 must be a whole number from 0 to 3, .*; got /,
      );
      expect(() => subset({...data, label}, {limit: 5})).to.throw(DataError, /label of image 7/);
    }
    for (const wrong of [null, undefined, new Uint8Array(59), new Array(60).fill(0)]) {
      const read = async (index: number) => (index === 7 ? (wrong as Uint8Array) : data.read(index));
      for (const use of [
        () => collect({...data, read}, {batchSize: 5}),
        () => channelStatistics({...data, read}),
      ]) {
        const error = await errorOf(use);
        expect(error, String(wrong)).to.be.instanceOf(DataError);
        expect(error.message).to.match(/^memory: image 7 must have 60 bytes \(4x5x3\); got /);
      }
    }
  });

  it('ends with the reason of a signal while a read does not settle', async () => {
    const controller = new AbortController();
    const read = (index: number) => (index === 7 ? new Promise<Uint8Array>(() => {}) : data.read(index));
    setTimeout(() => controller.abort(new Error('enough')), 20);
    const {signal} = controller;
    const error = await errorOf(() => collect({...data, read}, {batchSize: 5, signal}));
    expect(error.message).to.equal('enough');
    expect((await errorOf(() => channelStatistics({...data, read}, {signal}))).message).to.equal('enough');
  });

  it('normalises into either data format', async () => {
    const mean = [0.1, 0.2, 0.3];
    const std = [0.5, 0.25, 2];
    const [first] = await collect(data, {batchSize: 2, mean, std});
    const [last] = await collect(data, {batchSize: 2, mean, std, dataFormat: 'channelsLast'});
    expect(first!.shape).to.deep.equal([2, 3, 4, 5]);
    expect(last!.shape).to.deep.equal([2, 4, 5, 3]);
    const bytes = await data.read(1);
    for (let cell = 0; cell < 20; cell++) {
      for (let c = 0; c < 3; c++) {
        const value = (bytes[3 * cell + c]! / 255 - mean[c]!) / std[c]!;
        expect(first!.images[1]![20 * c + cell]).to.be.closeTo(value, 1e-6);
        expect(last!.images[1]![3 * cell + c]).to.be.closeTo(value, 1e-6);
      }
    }
    const [plain] = await collect(data, {batchSize: 1});
    expect(plain!.images[0]![1]).to.be.closeTo((await data.read(0))[3]! / 255, 1e-7);
  });

  it('shuffles: a permutation, the same for a seed and epoch, another for another', async () => {
    const shuffledOrder = async (seed: number, epoch: number) =>
      order(await collect(data, {batchSize: 4, shuffle: true, seed, epoch}));
    const one = await shuffledOrder(1, 0);
    expect([...one].sort((a, b) => a - b)).to.deep.equal(Array.from({length: 23}, (_, i) => i));
    expect(await shuffledOrder(1, 0)).to.deep.equal(one);
    expect(await shuffledOrder(1, 1)).not.to.deep.equal(one);
    expect(await shuffledOrder(2, 0)).not.to.deep.equal(one);
  });

  it('augments an image by seed, epoch and index alone', async () => {
    const images = async (args: Omit<BatchesArgs, 'flip' | 'cropPadding'>) => {
      const read = await collect(data, {...args, flip: true, cropPadding: 2});
      const byIndex: number[][] = [];
      for (const batch of read) {
        for (const [k, index] of batch.indices.entries()) byIndex[index] = batch.images[k]!;
      }
      return byIndex;
    };
    const one = await images({batchSize: 4, seed: 1, epoch: 2});
    expect(await images({batchSize: 7, seed: 1, epoch: 2, shuffle: true, prefetch: 0})).to.deep.equal(one);
    expect(await images({batchSize: 4, seed: 1, epoch: 3})).not.to.deep.equal(one);
    expect(await images({batchSize: 4, seed: 2, epoch: 2})).not.to.deep.equal(one);
    const plain = (await collect(data, {batchSize: 4})).flatMap((batch) => batch.images);
    expect(plain).not.to.deep.equal(one);
  });

  it('reads the next batches before the current one is consumed, and no more than asked', async () => {
    for (const prefetch of [0, 1, 3]) {
      let reads = 0;
      const counted = memoryDataset({
        labels: new Array<number>(40).fill(0),
        onRead: () => reads++,
      });
      const loop = batches(counted, {batchSize: 4, prefetch});
      const {value} = await loop.next();
      tf.dispose([value!.images, value!.labels]);
      expect(reads).to.equal(4 * (1 + prefetch));
      await loop.return();
    }
  });

  it('lets the event loop run once per batch', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    let last = -1;
    try {
      for await (const {images, labels} of batches(data, {batchSize: 5})) {
        tf.dispose([images, labels]);
        const until = performance.now() + 5; // a computation that blocks
        while (performance.now() < until);
        expect(turns).to.be.above(last);
        last = turns;
      }
    } finally {
      clearInterval(timer);
    }
  });

  it('leaves no tensor behind, also when the loop is left early or fails', async () => {
    const held = tf.memory().numTensors;
    for await (const {images, labels} of batches(data, {batchSize: 2})) {
      tf.dispose([images, labels]);
      break;
    }
    const bad = memoryDataset({labels: [0, 0, 0, 0, 0], bad: [3]});
    await errorOf(() => collect(bad, {batchSize: 2}));
    await new Promise((resolve) => setTimeout(resolve, 20)); // what was read ahead has come in
    expect(tf.memory().numTensors).to.equal(held);
    await collect(data, {batchSize: 3, flip: true});
    expect(tf.memory().numTensors).to.equal(held);
  });

  describe('with images that cannot be read', () => {
    const bad = memoryDataset({labels: [0, 1, 2, 0, 1, 2, 0], bad: [1, 4, 5]});

    it("'fail' ends the loop with the image's error, after the batches before it", async () => {
      let handed = 0;
      const error = await errorOf(async () => {
        for await (const {images, labels} of batches(bad, {batchSize: 1})) {
          tf.dispose([images, labels]);
          handed++;
        }
      });
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.match(/image 1 is damaged/);
      expect(handed).to.equal(1);
    });

    it("'skip' leaves them out and reports each once; no empty batch", async () => {
      const told: number[] = [];
      const read = await collect(bad, {
        batchSize: 2,
        badImages: 'skip',
        onBadImage: (error, index) => {
          expect(error).to.be.instanceOf(DataError);
          told.push(index);
        },
      });
      expect(told).to.deep.equal([1, 4, 5]);
      expect(read.map(({indices}) => indices)).to.deep.equal([[0], [2, 3], [6]]);
      expect(read.map(({labels}) => labels)).to.deep.equal([[0], [2, 0], [0]]);
      expect(read.map(({shape}) => shape[0])).to.deep.equal([1, 2, 1]);
      const [, second] = read;
      expect(second!.images[0]![0]).to.be.closeTo((await bad.read(2))[0]! / 255, 1e-7);
    });

    it("'skip' without anybody to tell is refused, and never hides another error", async () => {
      expect(() => batches(bad, {batchSize: 2, badImages: 'skip'})).to.throw(ConfigError, /onBadImage/);
      const broken: ImageDataset = {
        ...bad,
        read: () => Promise.reject(new TypeError('a fault in a program')),
      };
      const args: BatchesArgs = {batchSize: 2, badImages: 'skip', onBadImage: () => {}};
      expect(await errorOf(() => collect(broken, args))).to.be.instanceOf(TypeError);
    });

    it('an image of another size is one of them', async () => {
      const odd: ImageDataset = {...data, read: async () => new Uint8Array(7)};
      const error = await errorOf(() => collect(odd, {batchSize: 2}));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.match(/60 bytes.*got 7/);
    });
  });

  it('refuses unusable options at once', () => {
    const refused: [Partial<BatchesArgs>, RegExp][] = [
      [{batchSize: 0}, /batchSize/],
      [{epoch: -1}, /epoch/],
      [{prefetch: 1.5}, /prefetch/],
      [{cropPadding: 4}, /cropPadding/],
      [{paddingMode: 'wrap' as 'zero'}, /paddingMode/],
      [{mean: [0, 0]}, /mean/],
      [{std: [0, 1, 1]}, /std/],
      [{dataFormat: 'NHWC' as 'channelsLast'}, /dataFormat/],
      [{badImages: 'ignore' as 'skip'}, /badImages/],
    ];
    for (const [args, message] of refused) {
      expect(() => batches(data, {batchSize: 2, ...args})).to.throw(ConfigError, message);
    }
  });

  it('hands over batches of the declared type', async () => {
    const {value} = await batches(data, {batchSize: 2}).next();
    const batch: Batch = value!;
    expect(batch.images.rank).to.equal(4);
    tf.dispose([batch.images, batch.labels]);
  });
});

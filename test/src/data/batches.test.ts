import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {type Batch, type BatchesArgs, batches} from '../../../src/data/batches.js';
import type {ImageDataset} from '../../../src/data/dataset.js';
import {channelStatistics} from '../../../src/data/normalise.js';
import {resizeImage} from '../../../src/data/resize.js';
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

  it('flips alternately: any two epochs show every image in both directions', async () => {
    const [plain, even, odd] = await Promise.all(
      [
        {flip: false, epoch: 0},
        {flip: 'alternating', epoch: 4},
        {flip: 'alternating', epoch: 5},
      ].map(
        async (args) => (await collect(data, {batchSize: 23, ...(args as Partial<BatchesArgs>)}))[0]!.images,
      ),
    );
    const isPlain = (image: number[], index: number) =>
      image.every((value, at) => value === plain![index]![at]);
    const inEven = even!.map(isPlain);
    expect(odd!.map(isPlain)).to.deep.equal(inEven.map((one) => !one));
    expect(new Set(inEven).size).to.equal(2);
  });

  it('mixes the images of a batch after all other changes, and says with what', async () => {
    for (const args of [{mixup: 1}, {cutmix: 1}]) {
      const common = {batchSize: 10, seed: 3, epoch: 1, cropPadding: 1, shuffle: true};
      const plain = await collect(data, common);
      const twice = [];
      for (let run = 0; run < 2; run++) {
        const seen: {mix: Batch['mix']; values: number[]; labels: number[]}[] = [];
        for await (const {images, labels, mix} of batches(data, {...common, ...args, prefetch: run * 3})) {
          seen.push({mix, values: Array.from(images.dataSync()), labels: Array.from(labels.dataSync())});
          tf.dispose([images, labels]);
        }
        twice.push(seen);
      }
      expect(twice[1]).to.deep.equal(twice[0]);
      for (const [b, {mix, values, labels}] of twice[0]!.entries()) {
        const {images} = plain[b]!;
        expect(labels).to.deep.equal(plain[b]!.labels);
        const total = (all: number[]) => all.reduce((sum, value) => sum + value, 0);
        // Whatever moves from one image to another stays in the batch only for mixup; every value is between both images'.
        for (const [place, partner] of mix!.partners.entries()) {
          const volume = images[0]!.length;
          for (let at = 0; at < volume; at++) {
            const [own, other] = [images[place]![at]!, images[partner]![at]!];
            const value = values[place * volume + at]!;
            if ('mixup' in args)
              expect(value).to.be.closeTo(mix!.share * own + (1 - mix!.share) * other, 1e-6);
            else expect([own, other]).to.include(value);
          }
        }
        if ('mixup' in args) expect(total(values)).to.be.closeTo(total(images.flat()), 1e-3);
      }
      expect(twice[0]![0]!.mix).not.to.deep.equal(twice[0]![1]!.mix);
    }
  });

  it('erases by seed, epoch and index alone, and leaves flips and crops as they are without it', async () => {
    const large = memoryDataset({labels: new Array<number>(12).fill(0), height: 16, width: 16});
    const images = async (args: Partial<BatchesArgs>) =>
      (await collect(large, {batchSize: 4, flip: true, cropPadding: 2, ...args})).flatMap(
        (batch) => batch.images,
      );
    const plain = await images({});
    const erased = await images({randomErasing: 0.5});
    expect(await images({randomErasing: 0.5, batchSize: 5, prefetch: 0})).to.deep.equal(erased);
    const same = erased.filter((image, index) => image.every((value, at) => value === plain[index]![at]));
    expect(same.length).to.be.within(1, 11);
    const mean = [0.5, 0.25, 0.75];
    const filled = await images({randomErasing: {probability: 1, fill: 'mean'}, mean});
    const untouched = await images({mean});
    for (const [index, image] of filled.entries()) {
      const changed = image.filter((value, at) => value !== untouched[index]![at]);
      expect(changed.length).to.be.above(0);
      for (const value of changed) expect(Math.abs(value)).to.be.below(0.501 / 255);
    }
  });

  it('resizes each batch to the size that is asked for it, whatever the number of channels', async () => {
    for (const channels of [3, 1]) {
      const bytes = Uint8Array.from({length: 8 * 6 * channels}, (_, at) => (at * 37) % 256);
      const set: ImageDataset = {
        ...memoryDataset({labels: [0, 0, 0, 0, 0], height: 8, width: 6}),
        channels,
        read: async () => bytes,
      };
      const sizeOf = (b: number): [number, number] => (b < 2 ? [4, 3] : [8, 6]);
      const read = await collect(set, {batchSize: 2, sizeOf, dataFormat: 'channelsLast'});
      expect(read.map(({shape}) => shape)).to.deep.equal([
        [2, 4, 3, channels],
        [2, 4, 3, channels],
        [1, 8, 6, channels],
      ]);
      for (let c = 0; c < channels; c++) {
        const plane = Uint8Array.from(
          {length: 8 * 6 * 3},
          (_, at) => bytes[Math.floor(at / 3) * channels + c]!,
        );
        const half = resizeImage(plane, [8, 6], [4, 3]);
        const found = read[0]!.images[1]!.filter((_, at) => at % channels === c);
        for (const [cell, value] of found.entries()) expect(value).to.be.closeTo(half[3 * cell]! / 255, 1e-6);
      }
    }
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
      [{flip: 'always' as 'alternating'}, /flip/],
      [{flip: 1 as unknown as boolean}, /flip/],
      [{randomErasing: 2}, /randomErasing/],
      [{mixup: -1}, /mixup/],
      [{cutmix: Infinity}, /cutmix/],
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

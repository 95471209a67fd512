import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {type CropBatchesArgs, cropBatches} from '../../../src/data/crop_batches.js';
import type {SegmentationDataset} from '../../../src/data/segmentation_dataset.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {errorOf} from './memory_dataset.js';
import {memoryMasks} from './memory_masks.js';

interface ReadBatch {
  indices: number[];
  shapes: number[][];
  images: number[];
  labels: number[];
}

/** The first batches of the stream, as arrays. */
async function first(
  dataset: SegmentationDataset,
  args: CropBatchesArgs,
  count: number,
): Promise<ReadBatch[]> {
  const result: ReadBatch[] = [];
  for await (const {images, labels, indices} of cropBatches(dataset, args)) {
    result.push({
      indices,
      shapes: [images.shape, labels.shape],
      images: [...(await images.data())],
      labels: [...(await labels.data())],
    });
    tf.dispose([images, labels]);
    if (result.length === count) break;
  }
  return result;
}

describe('cropBatches', () => {
  const six = memoryMasks({sizes: Array.from({length: 6}, (_, i) => [10 + i, 12] as const)});
  const args = {batchSize: 4, cropSize: 8, flip: true, rotate: true, seed: 3};

  before(() => tf.setBackend('cpu'));

  it('keeps every pixel with its class in crops, flips and turns', async () => {
    const levels = [128, 200, 60];
    const seen = new Set<number>();
    for (const batch of await first(six, args, 3)) {
      expect(batch.shapes).to.deep.equal([
        [4, 3, 8, 8],
        [4, 8, 8],
      ]);
      for (const [i, label] of batch.labels.entries()) {
        const [image, pixel] = [Math.floor(i / 64), i % 64];
        expect(batch.images[image * 192 + pixel]! * 255).to.be.closeTo(levels[label]!, 15.01);
        seen.add(label);
      }
    }
    expect(seen.size).to.equal(3);
  });

  it('names an image that is none, of the wrong bytes or with a class that is none', async () => {
    const whole = await six.read(3);
    const mask = whole.mask.slice();
    mask[13] = 3;
    for (const [wrong, message] of [
      [null, /^masks: image3 must be \{data, mask, height, width\}; got null/],
      [{...whole, data: whole.data.subarray(3)}, /image3 must have 468 bytes .* got 465 and 156/],
      [{...whole, mask: whole.mask.subarray(1)}, /image3 must have .* got 468 and 155/],
      [{...whole, mask}, /image3 must have classes from 0 to 2 in its mask; got 3 at row 1, column 1/],
    ] as const) {
      const read = async (index: number) => (index === 3 ? (wrong as typeof whole) : six.read(index));
      const error = await errorOf(() => first({...six, read}, args, 3));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.match(message);
    }
    await first({...six, ignoreIndex: 3, read: async () => ({...whole, mask})}, args, 1);
  });

  it('ends with the reason of a signal while a read does not settle', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 20);
    const stuck = {...six, read: () => new Promise<never>(() => {})};
    expect((await errorOf(() => first(stuck, {...args, signal: controller.signal}, 1))).message).to.equal(
      'enough',
    );
  });

  it('goes through every image before any comes again, in an order of its own each time', async () => {
    const order = (await first(six, {...args, batchSize: 4}, 3)).flatMap(({indices}) => indices);
    const passes = [order.slice(0, 6), order.slice(6)];
    for (const pass of passes) expect(pass.slice().sort()).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(passes[0]).not.to.deep.equal(passes[1]);
  });

  it('is decided by its seed, whatever the batch size', async () => {
    const three = await first(six, {...args, batchSize: 3}, 4);
    const four = await first(six, args, 3);
    const flat = (batches: ReadBatch[]) => batches.flatMap(({images}) => images);
    expect(flat(three)).to.deep.equal(flat(four));
    expect(flat(await first(six, {...args, seed: 4}, 3))).not.to.deep.equal(flat(four));
  });

  it('has another view of an image in each pass', async () => {
    const one = memoryMasks({sizes: [[20, 20]]});
    const [a, b] = await first(one, {...args, batchSize: 1}, 2);
    expect(a!.images).not.to.deep.equal(b!.images);
  });

  it('normalises, and puts the channels last where asked for', async () => {
    const [batch] = await first(
      six,
      {...args, mean: [0.5, 0.5, 0.5], std: [0.25, 0.5, 1], dataFormat: 'channelsLast'},
      1,
    );
    const [plain] = await first(six, args, 1);
    expect(batch!.shapes[0]).to.deep.equal([4, 8, 8, 3]);
    for (const [c, std] of [0.25, 0.5, 1].entries()) {
      expect(batch!.images[c]).to.be.closeTo((plain!.images[c * 64]! - 0.5) / std, 1e-6);
    }
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await first(six, args, 2);
    expect(tf.memory().numTensors).to.equal(before);
  });

  it('takes whole images of one size', async () => {
    const same = memoryMasks({
      sizes: [
        [6, 9],
        [6, 9],
      ],
    });
    const [batch] = await first(same, {batchSize: 2}, 1);
    expect(batch!.shapes[0]).to.deep.equal([2, 3, 6, 9]);
  });

  const faulty: [string, Partial<CropBatchesArgs>, typeof ConfigError | typeof DataError, RegExp][] = [
    ['no batch', {batchSize: 0}, ConfigError, /batchSize must be a whole number from 1; got 0/],
    ['half a pixel', {cropSize: 2.5}, ConfigError, /cropSize must be a whole number .* got 2.5/],
    [
      'a std of 0',
      {std: [1, 0, 1]},
      ConfigError,
      /std must be 3 numbers, one per channel, each a number above 0/,
    ],
    [
      'a crop larger than an image',
      {cropSize: 11},
      DataError,
      /masks: image0 must be at least as large as cropSize, 11; got 10x12/,
    ],
    [
      'whole images of several sizes',
      {cropSize: undefined, rotate: false},
      DataError,
      /must have one size; got image\d of \d+x12 and image\d of \d+x12 \(set cropSize\)/,
    ],
    [
      'oblong images to be turned',
      {cropSize: undefined},
      DataError,
      /image\d must be square to be turned by 90 degrees; got \d+x12/,
    ],
  ];
  for (const [what, changes, kind, message] of faulty) {
    it(`refuses ${what}`, async () => {
      const error = await errorOf(() =>
        first(six, {...args, ...changes, batchSize: changes.batchSize ?? 6}, 1),
      );
      expect(error).to.be.instanceOf(kind);
      expect(error.message).to.match(message);
    });
  }

  it('refuses an empty data set', async () => {
    const error = await errorOf(() => first(memoryMasks({sizes: []}), args, 1));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.contain('at least one image; got none');
  });
});

import {mkdir, symlink} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {batches} from '../../../src/data/batches.js';
import type {ImageDataset} from '../../../src/data/dataset.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {type DecoderChoice, imageDecoder} from '../../../src/node/image_file.js';
import {imageFolder} from '../../../src/node/image_folder.js';
import {errorOf} from '../data/memory_dataset.js';
import {jpegOf, pngOf, put, temporaryFolder} from './temporary_folder.js';

/** The first byte of each image: tests make images of one colour, so it says which image it is. */
async function firstBytes(dataset: ImageDataset): Promise<number[]> {
  return Promise.all(Array.from({length: dataset.size}, async (_, i) => (await dataset.read(i))[0]!));
}

function countByClass(dataset: ImageDataset): number[] {
  const counts = dataset.classNames.map(() => 0);
  for (let i = 0; i < dataset.size; i++) counts[dataset.label(i)]!++;
  return counts;
}

describe('imageFolder', () => {
  const path = temporaryFolder();

  before(async () => {
    // Class folders without train and test: red value = number of the image.
    for (let n = 0; n < 30; n++) {
      const name = n < 20 ? 'b_twenty' : 'a_ten';
      await put(path('flat', name, `${n}.png`), pngOf([n, 0, 0]));
    }
    await put(path('flat', 'b_twenty', 'notes.txt'), 'not an image');
    await put(path('flat', 'b_twenty', '._0.png'), 'left by an archiver');
    await put(path('flat', '.hidden', 'x.png'), pngOf([1, 1, 1]));
    for (const [part, value] of [
      ['train', 10],
      ['val', 20],
    ] as const) {
      await put(path('parts', part, 'cat', '1.PNG'), pngOf([value, 0, 0], 6, 4));
      await put(path('parts', part, 'dog', '1.jpeg'), jpegOf([value + 1, 100, 0], 12, 8));
      await put(path('parts', part, 'dog', '2.jpg'), jpegOf([value + 2, 100, 0], 12, 8));
    }
  });

  it('splits class folders by seed, the same share of every class, no image in both', async () => {
    const {train, test} = await imageFolder(path('flat'), {testFraction: 0.3, seed: 1});
    expect(train.classNames).to.deep.equal(['a_ten', 'b_twenty']);
    expect([countByClass(train), countByClass(test)]).to.deep.equal([
      [7, 14],
      [3, 6],
    ]);
    const [inTrain, inTest] = [await firstBytes(train), await firstBytes(test)];
    expect([...inTrain, ...inTest].sort((a, b) => a - b)).to.deep.equal(
      Array.from({length: 30}, (_, i) => i),
    );
    inTest.forEach((value, i) => {
      expect(test.label(i)).to.equal(value < 20 ? 1 : 0);
    });
    const again = await imageFolder(path('flat'), {testFraction: 0.3, seed: 1});
    expect(await firstBytes(again.test)).to.deep.equal(inTest);
    const other = await imageFolder(path('flat'), {testFraction: 0.3, seed: 2});
    expect(await firstBytes(other.test)).not.to.deep.equal(inTest);
  });

  it('takes train/ and test/ or val/ as they are, resizing to the usual size or as told', async () => {
    const {train, test} = await imageFolder(path('parts'));
    expect([train.size, test.size, train.height, train.width]).to.deep.equal([3, 3, 8, 12]);
    expect((await train.read(0)).length).to.equal(8 * 12 * 3);
    expect((await firstBytes(test)).map((v) => Math.round(v / 10))).to.deep.equal([2, 2, 2]);
    const square = await imageFolder(path('parts'), {imageSize: 5});
    expect([square.test.height, square.test.width]).to.deep.equal([5, 5]);
    const oblong = await imageFolder(path('parts'), {imageSize: [3, 9]});
    const pixels = await oblong.train.read(0);
    expect(pixels.length).to.equal(3 * 9 * 3);
    expect([...pixels.subarray(0, 3)]).to.deep.equal([10, 0, 0]);
  });

  it('makes large images small, the median of their sizes in proportion, whichever comes first', async () => {
    await put(path('photos', 'cat', '0.png'), pngOf([1, 1, 1], 4));
    for (const n of [1, 2, 3]) await put(path('photos', 'cat', `${n}.png`), pngOf([1, 1, 1], 400, 300));
    const {train} = await imageFolder(path('photos'), {testFraction: 0.1});
    expect([train.height, train.width]).to.deep.equal([48, 64]);
  });

  it('counts and names the images that nothing decodes, and takes what sharp decodes', async () => {
    const told: string[] = [];
    const onLeftOut = (message: string) => void told.push(message);
    for (const n of [1, 2]) await put(path('mixed', 'cat', `${n}.png`), pngOf([1, 1, 1]));
    await put(path('mixed', 'cat', '3.WebP'), 'read later');
    await put(path('mixed', 'cat', '4.heic'), 'never read');
    await put(path('mixed', 'cat', 'notes.txt'), 'no image');
    const plain = await imageFolder(path('mixed'), {decoder: 'plain', onLeftOut});
    expect(plain.train.size + plain.test.size).to.equal(2);
    expect(told.splice(0)[0]).to.match(
      /: 2 image files are left out, .*3\.WebP, .*4\.heic \(npm install sharp, or convert/,
    );
    if ((await imageDecoder()) !== 'sharp') return;
    const all = await imageFolder(path('mixed'), {imageSize: 8, onLeftOut});
    expect(all.train.size + all.test.size).to.equal(3);
    expect(told[0]).to.match(/: 1 image file is left out, .*4\.heic \(convert/);
  });

  it('keeps the classes asked for, in that order, and balanced limits', async () => {
    const one = await imageFolder(path('flat'), {classNames: ['b_twenty', 'a_ten'], limit: 6, testLimit: 2});
    expect(one.train.classNames).to.deep.equal(['b_twenty', 'a_ten']);
    expect([countByClass(one.train), countByClass(one.test)]).to.deep.equal([
      [3, 3],
      [1, 1],
    ]);
  });

  it('caches decoded images up to the limit, and reads concurrently', async () => {
    const {train} = await imageFolder(path('flat'), {cacheBytes: 3 * 8 * 8 * 3});
    const [one, two] = await Promise.all([train.read(0), train.read(0)]);
    expect(one).to.deep.equal(two);
    const first = await Promise.all(Array.from({length: 10}, (_, i) => train.read(i)));
    let held = 0;
    for (let i = 0; i < 10; i++) {
      const again = await train.read(i);
      expect(again).to.deep.equal(first[i]);
      if (again === first[i]) held++;
    }
    expect(held).to.be.within(2, 3);
  });

  it('follows links to folders', async () => {
    await put(path('linked', 'own', '1.png'), pngOf([1, 1, 1]));
    await put(path('linked', 'own', '2.png'), pngOf([2, 1, 1]));
    await symlink(path('flat', 'a_ten'), path('linked', 'other'));
    const {train} = await imageFolder(path('linked'));
    expect(train.classNames).to.deep.equal(['other', 'own']);
  });

  describe('refuses', () => {
    const refused: [string, () => Promise<void>, RegExp][] = [
      ['missing', async () => {}, /must be a readable folder.*ENOENT/],
      ['empty', async () => void (await mkdir(path('empty'))), /it is empty/],
      ['loose', () => put(path('loose', 'a.png'), pngOf([1, 1, 1])), /one folder per class; got 1 images/],
      ['text', () => put(path('text', 'a.txt'), 'a'), /must hold one folder per class; got no folder/],
      [
        'imageless',
        async () => {
          await put(path('imageless', 'cat', 'a.txt'), 'a');
          await mkdir(path('imageless', 'dog'));
        },
        /got no image in any of 2 folders.*cat, dog/,
      ],
      [
        'one_empty',
        async () => {
          await put(path('one_empty', 'cat', 'a.png'), pngOf([1, 1, 1]));
          await mkdir(path('one_empty', 'dog'));
        },
        /at least one .*got none in .*one_empty.dog/,
      ],
      [
        'single',
        () => put(path('single', 'cat', 'a.png'), pngOf([1, 1, 1])),
        /at least 2 images to be split; got 1 in .*cat/,
      ],
      ['untested', () => put(path('untested', 'train', 'cat', 'a.png'), pngOf([1, 1, 1])), /test\/ or val\//],
      [
        'classless',
        async () => {
          await put(path('classless', 'train', 'cat', 'a.png'), pngOf([1, 1, 1]));
          await mkdir(path('classless', 'test'));
        },
        /classless.test must hold one folder per class/,
      ],
      [
        'unequal',
        async () => {
          for (const file of ['train/cat', 'train/dog', 'test/cat', 'test/cow']) {
            await put(path('unequal', ...file.split('/'), 'a.png'), pngOf([1, 1, 1]));
          }
        },
        /only in one of them: dog, cow/,
      ],
      [
        'damaged_all',
        async () => {
          for (const file of ['a', 'b']) await put(path('damaged_all', 'cat', `${file}.png`), 'damaged');
        },
        /decodeImage\(.*damaged_all.*must be JPEG or PNG/,
      ],
    ];
    for (const [name, make, message] of refused) {
      it(`a folder like "${name}"`, async () => {
        await make();
        const error = await errorOf(() => imageFolder(path(name)));
        expect(error).to.be.instanceOf(DataError);
        expect(error.message).to.match(message);
      });
    }

    it('class names without a folder, and unusable options', async () => {
      const error = await errorOf(() => imageFolder(path('flat'), {classNames: ['a_ten', 'cow']}));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.match(/missing: cow/);
      for (const args of [
        {testFraction: 1},
        {imageSize: 0},
        {cacheBytes: -1},
        {classNames: []},
        {limit: 0},
      ]) {
        expect(await errorOf(() => imageFolder(path('flat'), args))).to.be.instanceOf(ConfigError);
      }
    });
  });

  describe('with a truncated JPEG among good images', () => {
    const decoders: DecoderChoice[] = ['plain'];

    before(async () => {
      if ((await imageDecoder()) === 'sharp') decoders.push('sharp');
      await tf.setBackend('cpu');
      for (let n = 0; n < 6; n++) {
        const whole = jpegOf([n * 40, 90, 30], 16);
        const bytes = n === 0 || n === 3 ? whole.subarray(0, whole.length - (n === 0 ? 2 : 30)) : whole;
        await put(path('truncated', 'train', 'cat', `${n}.jpg`), bytes);
        await put(path('truncated', 'test', 'cat', `${n}.jpg`), whole);
      }
    });

    it("'fail' ends the loop with a DataError that names the file", async () => {
      for (const decoder of decoders) {
        const {train} = await imageFolder(path('truncated'), {decoder});
        expect(train.height).to.equal(16); // the size comes from the first image that is whole
        const error = await errorOf(async () => {
          for await (const {images, labels} of batches(train, {batchSize: 3})) tf.dispose([images, labels]);
        });
        expect(error).to.be.instanceOf(DataError);
        expect(error.message).to.match(/train.cat.0\.jpg.*must be complete/);
      }
    });

    it("'skip' leaves it out and reports it", async () => {
      for (const decoder of decoders) {
        const {train} = await imageFolder(path('truncated'), {decoder});
        const told: string[] = [];
        const read: number[] = [];
        const onBadImage = (error: DataError, index: number) => told.push(`${index} ${error.message}`);
        for await (const batch of batches(train, {batchSize: 4, badImages: 'skip', onBadImage})) {
          read.push(...batch.indices);
          tf.dispose([batch.images, batch.labels]);
        }
        expect(read).to.deep.equal([1, 2, 4, 5]);
        expect(told).to.have.length(2);
        expect(told[0]).to.match(/^0 .*0\.jpg/);
        expect(told[1]).to.match(/^3 .*3\.jpg/);
      }
    });
  });
});

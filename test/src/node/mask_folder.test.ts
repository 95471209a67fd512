import {expect} from 'chai';
import {PNG} from 'pngjs';
import {ConfigError, DataError} from '../../../src/errors.js';
import {encodePng} from '../../../src/node/image_file.js';
import {type MaskFolderArgs, maskFolder} from '../../../src/node/mask_folder.js';
import {errorOf} from '../data/memory_dataset.js';
import {jpegOf, pngOf, put, temporaryFolder} from './temporary_folder.js';

/** A PNG of grey values, [height, width]. */
function greyPng(values: readonly number[], width: number): Uint8Array {
  const rgb = Uint8Array.from(values.flatMap((value) => [value, value, value]));
  return encodePng(rgb, width, values.length / width);
}

describe('maskFolder', () => {
  const path = temporaryFolder();
  const classes = ['line', 'cell'];
  const open = (folder: string, args: Partial<MaskFolderArgs> = {}) =>
    maskFolder(path(folder), {classes, ...args});
  const failure = async (folder: string, args: Partial<MaskFolderArgs> = {}) => {
    const error = await errorOf(() => open(folder, args));
    expect(error).to.be.instanceOf(DataError);
    return error.message;
  };

  /** Ten images of 3x2, image n filled with n; its mask has a pixel of value 200 at place n mod 6, the rest is 30. */
  before(async () => {
    for (let n = 0; n < 10; n++) {
      const mask = [30, 30, 30, 30, 30, 30];
      mask[n % 6] = 200;
      await put(
        path('ten', 'image', n === 3 ? '3.JPG' : `${n}.png`),
        n === 3 ? jpegOf([3, 3, 3], 3, 2) : pngOf([n, n, n], 3, 2),
      );
      await put(path('ten', 'label', `${n}.png`), greyPng(mask, 3));
    }
    await put(path('ten', 'label', '._1.png'), 'left by an archiver');
    await put(path('ten', 'label', 'notes.txt'), 'not a mask');
  });

  it('pairs images and masks by name, and takes the masks’ grey values from dark to light as classes', async () => {
    const {train, test} = await open('ten', {test: ['2', '7']});
    expect([train.size, test.size, test.channels, test.ignoreIndex]).to.deep.equal([8, 2, 3, undefined]);
    expect(test.classNames).to.deep.equal(classes);
    expect([test.imageName(0), test.imageName(1)]).to.deep.equal(['2', '7']);
    const seven = await test.read(1);
    expect([seven.height, seven.width]).to.deep.equal([2, 3]);
    expect([...seven.data]).to.deep.equal(new Array(18).fill(7));
    expect([...seven.mask]).to.deep.equal([0, 1, 0, 0, 0, 0]);
    const names = Array.from({length: 8}, (_, i) => train.imageName(i));
    expect(names).to.deep.equal(['0', '1', '3', '4', '5', '6', '8', '9']);
    expect([...(await train.read(2)).mask]).to.deep.equal([0, 0, 0, 1, 0, 0]);
  });

  it('holds out a share by seed', async () => {
    const namesOf = async (seed: number) => {
      const {train, test} = await open('ten', {test: 0.3, seed});
      expect([train.size, test.size]).to.deep.equal([7, 3]);
      return [0, 1, 2].map((i) => test.imageName(i));
    };
    const first = await namesOf(1);
    expect(await namesOf(1)).to.deep.equal(first);
    expect(await namesOf(2)).not.to.deep.equal(first);
  });

  it('reads the same bytes whether or not they are cached', async () => {
    const [cached, plain] = [await open('ten', {test: 0.2}), await open('ten', {test: 0.2, cacheBytes: 0})];
    const first = await cached.train.read(0);
    expect((await cached.train.read(0)).data.buffer).to.equal(first.data.buffer);
    expect(await plain.train.read(0)).to.deep.equal(first);
    expect((await plain.train.read(0)).data.buffer).not.to.equal((await plain.train.read(0)).data.buffer);
  });

  it('takes colours of a palette, a value to ignore, other folders and suffixes', async () => {
    const rgb = Uint8Array.from([255, 0, 0, 0, 0, 255, 9, 9, 9, 255, 0, 0]);
    for (const name of ['a', 'b']) {
      await put(path('palette', 'photos', `${name}.jpg`), jpegOf([50, 60, 70], 2, 2));
      await put(path('palette', 'masks', `${name}_mask.png`), encodePng(rgb, 2, 2));
    }
    const {test} = await open('palette', {
      values: [
        [0, 0, 255],
        [255, 0, 0],
      ],
      ...{ignore: 9, images: 'photos', masks: 'masks', maskSuffix: '_mask', test: ['b']},
    });
    expect(test.ignoreIndex).to.equal(255);
    expect([...(await test.read(0)).mask]).to.deep.equal([1, 0, 255, 1]);
  });

  it('names a mask whose value is no class, with the place', async () => {
    const {test} = await open('ten', {values: [30, 255], test: ['4']});
    const error = await errorOf(() => test.read(0));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(
      /maskFolder\(.*label.4\.png\): .* values 30, 255; got 200 in row 1, column 1/,
    );
  });

  it('names a mask of another size than its image', async () => {
    await put(path('sizes', 'image', 'a.png'), pngOf([1, 1, 1], 4, 4));
    await put(path('sizes', 'label', 'a.png'), greyPng([0, 255, 0, 255, 0, 255], 3));
    await put(path('sizes', 'image', 'b.png'), pngOf([1, 1, 1], 4, 4));
    await put(path('sizes', 'label', 'b.png'), pngOf([0, 0, 0], 4, 4));
    const {test} = await open('sizes', {test: ['a']});
    const error = await errorOf(() => test.read(0));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(/got 2x3 in .*label.a\.png and 4x4 in .*image.a\.png/);
  });

  it('names images without a mask and masks without an image', async () => {
    await put(path('lonely', 'image', 'a.png'), pngOf([1, 1, 1]));
    await put(path('lonely', 'image', 'b.png'), pngOf([1, 1, 1]));
    await put(path('lonely', 'label', 'a.png'), pngOf([0, 0, 0]));
    expect(await failure('lonely')).to.match(/every image must have a PNG mask .* got none for 1: .*b\.png/);
    await put(path('lonely', 'label', 'b.png'), pngOf([0, 0, 0]));
    await put(path('lonely', 'label', 'c.png'), pngOf([0, 0, 0]));
    expect(await failure('lonely')).to.match(/every mask must have an image .* got none for 1: .*c\.png/);
  });

  it('names folders that are missing or empty, and names that come twice', async () => {
    expect(await failure('nowhere')).to.match(/image must be a readable folder/);
    await put(path('bare', 'image', 'a.png'), pngOf([1, 1, 1]));
    await put(path('bare', 'label', 'a.jpg'), jpegOf([1, 1, 1]));
    expect(await failure('bare')).to.match(/label must hold PNG files; got none among 1 files/);
    await put(path('bare', 'image', 'a.jpg'), jpegOf([1, 1, 1]));
    expect(await failure('bare')).to.match(
      /names must differ without their extensions; got .*a\.jpg and a\.png/,
    );
  });

  it('names what does not fit the classes', async () => {
    expect(await failure('ten', {classes: ['a', 'b', 'c']})).to.match(
      /per class, 3; got 30, 200 \(give the values/,
    );
    await put(path('many', 'image', 'a.png'), pngOf([1, 1, 1], 3, 1));
    await put(path('many', 'label', 'a.png'), greyPng([0, 1, 2], 3));
    expect(await failure('many')).to.match(/per class, 2; got .* up to .*a\.png/);
    await put(path('coloured', 'image', 'a.png'), pngOf([1, 1, 1]));
    await put(path('coloured', 'label', 'a.png'), pngOf([7, 8, 9]));
    expect(await failure('coloured')).to.match(
      /masks of colours must come with values; got \[7,8,9\] in .*a\.png/,
    );
  });

  it('names a damaged mask, and one of 16 bits', async () => {
    await put(path('damaged', 'image', 'a.png'), pngOf([1, 1, 1]));
    await put(path('damaged', 'label', 'a.png'), pngOf([0, 0, 0]).subarray(0, 60));
    expect(await failure('damaged')).to.match(/label.a\.png\): the PNG must be complete/);
    const deep = new PNG({width: 2, height: 1, bitDepth: 16, colorType: 0, inputColorType: 0});
    deep.data = Buffer.from(new Uint16Array([1, 2]).buffer);
    const bytes = PNG.sync.write(deep, {bitDepth: 16, colorType: 0, inputColorType: 0, inputHasAlpha: false});
    await put(path('deep', 'image', 'a.png'), pngOf([1, 1, 1], 2, 1));
    await put(path('deep', 'label', 'a.png'), bytes);
    expect(await failure('deep')).to.match(
      /label.a\.png\): a mask must have 8 bits or fewer per value; got 16/,
    );
  });

  it('names test images that do not exist, and sets that would be empty', async () => {
    expect(await failure('ten', {test: ['2', '11', 'x']})).to.match(/among the images; got no image 11, x/);
    expect(await failure('ten', {test: []})).to.match(/to train and to test with; got 10 and 0/);
  });

  const faulty: [string, Partial<MaskFolderArgs>, RegExp][] = [
    ['one class', {classes: ['a']}, /classes must be 2 to 255 different names; got \[a\]/],
    ['a class twice', {classes: ['a', 'a']}, /different names; got \[a,a\]/],
    ['too few values', {values: [1]}, /values must be one per class, 2; got 1/],
    ['a value twice', {values: [7, [7, 7, 7]]}, /a value of its own; got 7 twice/],
    ['a value that is no byte', {values: [0, 256]}, /must be a byte, or three for a colour; got 256/],
    ['a value to ignore without the others', {ignore: 3}, /ignore must come with values/],
    ['all images to test with', {test: 1}, /names or a number in \(0, 1\); got 1/],
    ['a negative cache', {cacheBytes: -1}, /cacheBytes must be a number from 0, or Infinity; got -1/],
  ];
  for (const [what, args, message] of faulty) {
    it(`refuses ${what}`, async () => {
      const error = await errorOf(() => open('ten', args));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.match(message);
    });
  }

  it('refuses an index that is none', async () => {
    const {test} = await open('ten');
    expect(await errorOf(() => test.read(2))).to.be.instanceOf(DataError);
    expect(() => test.imageName(-1)).to.throw(DataError, /index must be a whole number/);
  });
});

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {preprocess} from '../../../src/data/preprocess.js';
import {resizeImage} from '../../../src/data/resize.js';
import type {RgbImage} from '../../../src/data/rgb_image.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectRelativeClose} from '../../helpers/compare.js';
import {goldenFiles, readGolden} from '../../helpers/golden.js';
import {errorOf} from './memory_dataset.js';

/** An image whose bytes are a pattern without symmetry. */
function pattern(height: number, width: number): RgbImage {
  return {
    data: Uint8Array.from({length: height * width * 3}, (_, i) => (i * 37 + (i >> 5)) % 256),
    width,
    height,
  };
}

/** No scaling but byte / 255. */
const plain = {mean: [0, 0, 0], std: [1, 1, 1]};

async function bytesOf(tensor: tf.Tensor): Promise<Uint8Array> {
  const bytes = Uint8Array.from(await tensor.data(), (value) => Math.round(value * 255));
  tensor.dispose();
  return bytes;
}

describe('preprocess', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  eachBackend((backend) => {
    it('gives what torchvision gives for the steps of timm', async () => {
      const files = goldenFiles('preprocessing_').filter((name) => !name.includes('resize'));
      expect(files).to.have.length(4);
      for (const file of files) {
        const {config, tensors} = readGolden(file);
        const [height, width] = tensors.input!.shape as [number, number];
        const image = {data: Uint8Array.from(tensors.input!.data), width, height};
        const {imageSize, cropFraction} = config as {imageSize: number; cropFraction: number};
        const result = await preprocess(image, {imageSize, cropFraction});
        expect(result.shape).to.deep.equal([1, 3, imageSize, imageSize]);
        expectRelativeClose(`${backend} ${file}`, await result.data(), tensors.output!.data, 1e-6);
        result.dispose();
      }
    });
  });

  it('is for images of 224 unless told otherwise, resized to 248; those of 384 keep everything', async () => {
    const image = pattern(248, 300);
    const result = await preprocess(image, plain);
    expect(result.shape).to.deep.equal([1, 3, 224, 224]);
    const channelsLast = await preprocess(image, {...plain, dataFormat: 'channelsLast'});
    expect(channelsLast.shape).to.deep.equal([1, 224, 224, 3]);
    expect(await bytesOf(tf.transpose(channelsLast, [0, 3, 1, 2]))).to.deep.equal(await bytesOf(result));
    // 248 rows stay as they are: cell (0, 0) is the image's cell (12, 38).
    const at = (12 * 300 + 38) * 3;
    const pixels = await bytesOf(channelsLast);
    expect([...pixels.subarray(0, 9)]).to.deep.equal([...image.data.subarray(at, at + 9)]);

    const large = pattern(384, 384);
    const whole = await preprocess(large, {...plain, imageSize: 384, dataFormat: 'channelsLast'});
    expect(await bytesOf(whole)).to.deep.equal(large.data);
  });

  it('takes the size before the crop as a fraction', async () => {
    for (const [size, before, margin] of [
      [224, 232, 4],
      [64, 93, 14],
    ] as const) {
      const image = pattern(before, before);
      const config = {
        ...plain,
        imageSize: size,
        cropFraction: size / before,
        dataFormat: 'channelsLast',
      } as const;
      const cropped = await bytesOf(await preprocess(image, config));
      const at = (margin * before + margin) * 3;
      expect([...cropped.subarray(0, 6)]).to.deep.equal([...image.data.subarray(at, at + 6)]);
    }
  });

  it('squashes where told to, as image folders are read', async () => {
    const image = pattern(20, 31);
    const options = {...plain, imageSize: [8, 12] as const, dataFormat: 'channelsLast'} as const;
    const squashed = await preprocess(image, {
      ...options,
      cropFraction: 1,
      cropMode: 'squash',
      interpolation: 'bilinear',
    });
    expect(await bytesOf(squashed)).to.deep.equal(resizeImage(image.data, [20, 31], [8, 12]));
  });

  it('covers a target of other proportions', async () => {
    for (const [height, width] of [
      [100, 10],
      [10, 100],
      [1, 5000],
    ] as const) {
      const result = await preprocess(pattern(height, width), {imageSize: [16, 24]});
      expect(result.shape).to.deep.equal([1, 3, 16, 24]);
      expect(Math.max(...(await result.data())) > Math.min(...(await result.data()))).to.equal(true);
      result.dispose();
    }
  });

  it('leaves no tensor but its result', async () => {
    const before = tf.memory().numTensors;
    const result = await preprocess(pattern(9, 9), {imageSize: 4});
    expect(tf.memory().numTensors).to.equal(before + 1);
    result.dispose();
    await errorOf(() => preprocess(pattern(9, 9), {imageSize: 0}));
    expect(tf.memory().numTensors).to.equal(before);
  });

  const unusable: [string, object, RegExp][] = [
    [
      'no size',
      {imageSize: 0},
      /imageSize must be a whole number from 1 or two of them, \[rows, columns\]; got 0/,
    ],
    ['half a size', {imageSize: [8, 2.5]}, /imageSize must be .*; got \[8, 2.5\]/],
    ['a crop of nothing', {cropFraction: 0}, /cropFraction must be a number in \(0, 1\]; got 0/],
    ['a crop beyond the image', {cropFraction: 1.1}, /cropFraction must be .*; got 1.1/],
    ['an unknown crop', {cropMode: 'border'}, /cropMode must be one of 'center', 'squash'; got 'border'/],
    ['an unknown interpolation', {interpolation: 'nearest'}, /interpolation must be .*; got 'nearest'/],
    ['one mean', {mean: [0.5]}, /mean must be 3 numbers, one per channel, each a finite number; got \[0.5\]/],
    ['a std of 0', {std: [1, 0, 1]}, /std must be 3 numbers, one per channel, each a number above 0/],
    ['an unknown order', {dataFormat: 'NCHW'}, /dataFormat must be .*; got 'NCHW'/],
  ];
  for (const [what, config, message] of unusable) {
    it(`refuses ${what}`, async () => {
      const error = await errorOf(() => preprocess(pattern(9, 9), config));
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message)
        .to.match(/^preprocess: /)
        .and.match(message);
    });
  }

  it('says in its own name what is no image', async () => {
    const error = await errorOf(() => preprocess('photo.jpg' as unknown as RgbImage));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(/^preprocess: an image must be .*; got a text .*tfjs-swint\/node/);
  });
});

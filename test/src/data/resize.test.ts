import {expect} from 'chai';
import {type Interpolation, resizeAndCrop, resizeImage} from '../../../src/data/resize.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {readGolden} from '../../helpers/golden.js';

/** An RGB image whose three channels all have these values. */
function grey(values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((v) => [v, v, v]));
}

/** The first channel of an RGB image. */
function red(pixels: Uint8Array): number[] {
  return Array.from(pixels).filter((_, at) => at % 3 === 0);
}

describe('resizeImage', () => {
  it('leaves an image of the right size as it is, in a new array', () => {
    const image = Uint8Array.from({length: 5 * 4 * 3}, (_, i) => i * 3);
    const same = resizeImage(image, [5, 4], [5, 4]);
    expect(same).to.deep.equal(image);
    expect(same).not.to.equal(image);
  });

  it('keeps a constant image constant, up and down, each channel its own', () => {
    const image = Uint8Array.from({length: 7 * 9 * 3}, (_, i) => [255, 0, 131][i % 3]!);
    for (const [H, W] of [
      [3, 2],
      [20, 31],
      [1, 1],
      [7, 40],
    ] as const) {
      const result = resizeImage(image, [7, 9], [H, W]);
      expect(result).to.have.length(H * W * 3);
      result.forEach((v, i) => {
        expect(v).to.equal([255, 0, 131][i % 3]);
      });
    }
  });

  it('enlarges with half-pixel centres', () => {
    // Centres of the 4 cells lie at -0.25, 0.25, 0.75, 1.25 of the 2: the outermost have one neighbour only.
    expect(red(resizeImage(grey([0, 100]), [1, 2], [1, 4]))).to.deep.equal([0, 25, 75, 100]);
    expect(red(resizeImage(grey([0, 100]), [2, 1], [4, 1]))).to.deep.equal([0, 25, 75, 100]);
  });

  it('shrinks by a weighted mean of all pixels under the widened triangle', () => {
    // 4 -> 2: weights 3/8, 3/8, 1/8 at the border (renormalised to 3/7, 3/7, 1/7).
    const expected = [(3 * 10 + 3 * 50 + 90) / 7, (50 + 3 * 90 + 3 * 200) / 7].map((v) => Math.round(v));
    expect(red(resizeImage(grey([10, 50, 90, 200]), [1, 4], [1, 2]))).to.deep.equal(expected);
    // A checkerboard becomes grey rather than one of its colours.
    const board = grey(Array.from({length: 256}, (_, i) => ((i + (i >> 4)) % 2) * 255));
    for (const v of resizeImage(board, [16, 16], [4, 4])) expect(v).to.be.within(126, 129);
  });

  it('gives the very bytes of Pillow, bilinear and bicubic, up and down, beyond black and white', () => {
    const {tensors} = readGolden('preprocessing_resize.safetensors');
    const {input, ...results} = tensors;
    const [h, w] = input!.shape as [number, number];
    const pixels = Uint8Array.from(input!.data);
    expect(Object.keys(results)).to.have.length(12);
    for (const [name, expected] of Object.entries(results)) {
      const [interpolation] = name.split('.') as [Interpolation];
      const [H, W] = expected.shape as [number, number];
      const result = resizeImage(pixels, [h, w], [H, W], interpolation);
      expect(result, name).to.deep.equal(Uint8Array.from(expected.data));
    }
  });

  it('computes a part of the resized image alike, of an image that would be huge too', () => {
    const image = Uint8Array.from({length: 20 * 14 * 3}, (_, i) => (i * 37) % 256);
    const whole = resizeImage(image, [20, 14], [31, 9], 'bicubic');
    const crop = {top: 4, left: 2, height: 11, width: 5};
    const part = resizeAndCrop(image, [20, 14], [31, 9], crop, 'bicubic');
    for (let y = 0; y < 11; y++) {
      const row = whole.subarray(((y + 4) * 9 + 2) * 3, ((y + 4) * 9 + 7) * 3);
      expect(part.subarray(y * 15, (y + 1) * 15)).to.deep.equal(row);
    }
    const huge = resizeAndCrop(
      grey([7]),
      [1, 1],
      [1e9, 1e9],
      {top: 5e8, left: 0, height: 2, width: 2},
      'bilinear',
    );
    expect(Array.from(huge)).to.deep.equal(new Array(12).fill(7));
  });

  it('refuses wrong sizes and an unknown interpolation', () => {
    expect(() => resizeImage(grey([1, 2]), [2, 2], [1, 1])).to.throw(DataError, /12 RGB bytes; got 6/);
    expect(() => resizeImage(grey([1]), [1, 1], [0, 1])).to.throw(ConfigError);
    expect(() => resizeImage(grey([1]), [1, 1], [1, 1], 'lanczos' as 'bicubic')).to.throw(
      ConfigError,
      /one of 'bilinear', 'bicubic'; got 'lanczos'/,
    );
  });
});

import {expect} from 'chai';
import type {RgbImage} from '../../../src/data/rgb_image.js';
import {ConfigError, ShapeError} from '../../../src/errors.js';
import * as browser from '../../../src/index.js';
import {
  classColor,
  ERROR_COLORS,
  overlayErrors,
  overlayMask,
  sideBySide,
} from '../../../src/inference/overlay.js';
import {decodeImage} from '../../../src/node/image_file.js';
import {overlayPng} from '../../../src/node/overlay.js';

/** Grey 100, 4x3. */
const image: RgbImage = {data: new Uint8Array(36).fill(100), width: 4, height: 3};
const pixel = ({data}: RgbImage, i: number) => [...data.subarray(3 * i, 3 * i + 3)];
const grey = [100, 100, 100];

describe('overlayMask', () => {
  it('mixes the colour of each class into the image, and leaves the background', () => {
    const colors = [null, [200, 0, 50], [0, 0, 0]] as const;
    const result = overlayMask(image, [0, 1, 2, 0, ...new Array(8).fill(0)], {colors, opacity: 0.25});
    expect([result.width, result.height]).to.deep.equal([4, 3]);
    expect([0, 1, 2, 3].map((i) => pixel(result, i))).to.deep.equal([
      grey,
      [125, 75, 88],
      [75, 75, 75],
      grey,
    ]);
    expect(pixel(image, 1)).to.deep.equal(grey);
  });

  it('has distinct colours for seven classes besides the background, whichever that is', () => {
    const colors = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => classColor(index, 3));
    expect(colors[3]).to.equal(null);
    expect(new Set(colors.map(String)).size).to.equal(8);
    const mask = [0, 1, 2, 3, 4, 5, 6, 7, 3, 3, 3, 3];
    const result = overlayMask(image, mask, {background: 3, opacity: 1});
    for (const [i, index] of mask.entries()) {
      expect(pixel(result, i)).to.deep.equal(classColor(index, 3) ?? grey);
    }
  });

  it('draws the border of an area in full where asked for', () => {
    // A ring of class 1 around pixel 5, and pixels on the image's edge that have neighbours of their own class only.
    const mask = [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1];
    const result = overlayMask(image, mask, {colors: [null, [0, 0, 0]], outline: true});
    const full = mask.map((_, i) => i).filter((i) => pixel(result, i)[0] === 0);
    expect(full).to.deep.equal([1, 4, 6, 9]);
    expect(pixel(result, 0)).to.deep.equal([50, 50, 50]);
  });

  it('takes the RGBA bytes of an ImageData, composited on white', () => {
    const data = new Uint8ClampedArray(48).fill(100);
    for (let i = 0; i < 12; i++) data[4 * i + 3] = i === 0 ? 0 : 255;
    const result = overlayMask({data, width: 4, height: 3}, new Array(12).fill(0));
    expect(pixel(result, 0)).to.deep.equal([255, 255, 255]);
    expect(pixel(result, 1)).to.deep.equal(grey);
    expect(data[0]).to.equal(100);
  });

  it('is in the entry for browsers, with what belongs to it', () => {
    const expected = {classColor, ERROR_COLORS, overlayErrors, overlayMask, sideBySide};
    expect(browser).to.include(expected);
    expect(browser).not.to.have.property('overlayPng');
  });

  it('is a PNG', async () => {
    const mask = new Array(12).fill(1);
    const decoded = await decodeImage(overlayPng(image, mask), {decoder: 'plain'});
    expect(decoded.data).to.deep.equal(overlayMask(image, mask).data);
  });

  it('refuses what does not fit', () => {
    expect(() => overlayMask(image, [1, 2])).to.throw(
      ShapeError,
      /36 RGB bytes and 12 pixels .* got 36 and 2/,
    );
    const grey = {...image, data: new Uint8Array(12)};
    expect(() => overlayPng(grey, new Array(12).fill(0))).to.throw(ShapeError, /got 12 and 12/);
    expect(() => overlayMask(image, new Array(12).fill(0), {opacity: 2})).to.throw(
      ConfigError,
      /opacity .* got 2/,
    );
  });
});

describe('overlayErrors', () => {
  it('tells hits, false alarms, misses and confusions apart', () => {
    const truth = [1, 1, 1, 0, 0, 9, ...new Array(6).fill(0)];
    const predicted = [1, 2, 0, 1, 0, 1, ...new Array(6).fill(0)];
    const result = overlayErrors(image, truth, predicted, {opacity: 1, ignoreIndex: 9});
    const {hit, confusion, miss, falseAlarm} = ERROR_COLORS;
    const expected = [hit, confusion, miss, falseAlarm, grey, grey];
    expect([0, 1, 2, 3, 4, 5].map((i) => pixel(result, i))).to.deep.equal(expected);
  });

  it('takes another class as the background', () => {
    const all = (value: number) => new Array<number>(12).fill(value);
    expect(pixel(overlayErrors(image, all(1), all(1), {background: 1}), 0)).to.deep.equal(grey);
    const result = overlayErrors(image, all(0), all(1), {background: 1, opacity: 1});
    expect(pixel(result, 0)).to.deep.equal(ERROR_COLORS.miss);
    expect(() => overlayErrors(image, all(0), [1])).to.throw(ShapeError, /got 36 and 12 and 1/);
  });
});

describe('sideBySide', () => {
  it('puts images next to each other with white in between', () => {
    const one: RgbImage = {data: Uint8Array.from([1, 1, 1, 2, 2, 2]), width: 1, height: 2};
    const two: RgbImage = {data: new Uint8Array(12).fill(7), width: 2, height: 2};
    const result = sideBySide([one, two], 1);
    expect([result.width, result.height]).to.deep.equal([4, 2]);
    const reds = [...result.data].filter((_, at) => at % 3 === 0);
    expect(reds).to.deep.equal([1, 255, 7, 7, 2, 255, 7, 7]);
    expect(() => sideBySide([one, image])).to.throw(ShapeError, /images of one height; got \[2,3\]/);
    expect(() => sideBySide([])).to.throw(ShapeError);
  });
});

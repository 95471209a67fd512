import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {type ImageInput, rgbImage} from '../../../src/data/image_input.js';
import {DataError, ShapeError} from '../../../src/errors.js';
import {eachBackend} from '../../helpers/backends.js';
import {errorOf} from './memory_dataset.js';

describe('rgbImage', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  it('takes RGB bytes as they are, clamped arrays too', async () => {
    const data = Uint8Array.from([1, 2, 3, 4, 5, 6]);
    expect(await rgbImage('test', {data, width: 2, height: 1})).to.deep.equal({data, width: 2, height: 1});
    const within = new Uint8ClampedArray([9, 9, 1, 2, 3, 4, 5, 6]).subarray(2);
    expect(await rgbImage('test', {data: within, width: 1, height: 2})).to.deep.equal({
      data,
      width: 1,
      height: 2,
    });
  });

  it('composites transparent pixels on white', async () => {
    const data = new Uint8ClampedArray([255, 0, 0, 255, 0, 0, 0, 0, 100, 0, 0, 128]);
    const {data: rgb} = await rgbImage('test', {data, width: 3, height: 1});
    expect([...rgb]).to.deep.equal([255, 0, 0, 255, 255, 255, 177, 127, 127]);
  });

  eachBackend(() => {
    it('reads tensors of bytes, int32 and float32, and keeps them', async () => {
      for (const dtype of ['int32', 'float32'] as const) {
        const tensor = tf.tensor3d([0, 128, 255, 1, 2, 3], [2, 1, 3], dtype);
        const {data, width, height} = await rgbImage('test', tensor);
        expect([[...data], width, height]).to.deep.equal([[0, 128, 255, 1, 2, 3], 1, 2]);
        expect(tensor.isDisposed).to.equal(false);
        tensor.dispose();
      }
    });
  });

  const bytes = (length: number, width: number, height: number) => ({
    data: new Uint8Array(length),
    width,
    height,
  });
  const unusable: [string, () => unknown, RegExp][] = [
    ['an image without pixels', () => bytes(0, 0, 0), /at least one pixel .*; got 0 bytes for 0x0/],
    ['no rows', () => bytes(0, 4, 0), /at least one pixel .*; got 0 bytes for 0x4/],
    [
      'grey',
      () => bytes(4, 2, 2),
      /3 \(RGB\) or 4 \(RGBA\) bytes for each; got 4 bytes for 2x2 .*repeat grey/,
    ],
    ['too few bytes', () => bytes(11, 2, 2), /got 11 bytes for 2x2/],
    ['half a pixel', () => bytes(6, 0.5, 4), /got 6 bytes for 4x0.5/],
    ['no size', () => ({data: new Uint8Array(12)}), /got 12 bytes for undefinedxundefined/],
    [
      'floats',
      () => ({data: new Float32Array(12), width: 2, height: 2}),
      /got an object of the class Object/,
    ],
    ['a text', () => 'photo.jpg', /got a text .*paths and the bytes of files: tfjs-swint\/node/],
    ['the bytes of a file', () => new Uint8Array(8), /got an object of the class Uint8Array/],
    ['nothing', () => undefined, /got undefined/],
    ['null', () => null, /got null/],
  ];
  for (const [what, image, message] of unusable) {
    it(`refuses ${what}`, async () => {
      const error = await errorOf(() => rgbImage('who', image() as ImageInput));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message)
        .to.match(/^who: an image must /)
        .and.match(message);
    });
  }

  it('refuses tensors of other shapes and of values that are no bytes', async () => {
    for (const shape of [
      [2, 2],
      [2, 2, 1],
      [1, 2, 2, 3],
      [3, 2, 2],
    ] as number[][]) {
      const error = await errorOf(() => rgbImage('who', tf.zeros(shape as [number, number, number])));
      expect(error).to.be.instanceOf(ShapeError);
      expect(error.message).to.contain(`must be [height, width, 3]; got [${shape.join(', ')}]`);
    }
    for (const value of [0.5, -1, 256, Number.NaN]) {
      const error = await errorOf(() => rgbImage('who', tf.tensor3d([0, 1, value], [1, 1, 3])));
      expect(error).to.be.instanceOf(DataError);
      expect(error.message).to.contain(`whole numbers from 0 to 255; got ${value}`);
    }
  });
});

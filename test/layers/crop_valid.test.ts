import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, type CropValidArgs, cropValid, ShapeError} from '../../layers/index.js';
import {expectBitEqual} from '../helpers/compare.js';
import {savedAndLoaded} from '../helpers/models.js';

/** Shape of a convolution of ours with padding 'same', and of tfjs's without padding. */
const halved = (size: number, stride: number) => Math.ceil(size / stride);
const validShape = (shape: number[], kernelSize: [number, number], strides: number) =>
  tf.layers.conv2d({filters: 3, kernelSize, strides, padding: 'valid'}).computeOutputShape(shape) as number[];

describe('cropValid', () => {
  it("leaves the shape of tfjs's convolution without padding, for every kernel, stride and parity", () => {
    for (const strides of [1, 2]) {
      for (const kernelSize of [
        [1, 1],
        [2, 3],
        [3, 3],
        [4, 5],
        [7, 2],
      ] as [number, number][]) {
        for (const [height, width] of [
          [8, 8],
          [9, 8],
          [7, 11],
        ]) {
          const input = tf.zeros([2, height, width, 5]);
          const map = tf.zeros([2, halved(height, strides), halved(width, strides), 3]);
          const layer = cropValid({kernelSize, strides, dataFormat: 'channelsLast'});
          const y = layer.apply([map, input]) as tf.Tensor;
          const expected = validShape(input.shape, kernelSize, strides);
          expect(y.shape, `${kernelSize} / ${strides} on ${height}x${width}`).to.deep.equal(expected);
          expect(layer.computeOutputShape([map.shape, input.shape])).to.deep.equal(expected);
        }
      }
    }
  });

  it('takes the cells in the middle, the odd one from the end, in both data formats', () => {
    const x = tf.reshape(tf.range(0, 36), [1, 6, 6, 1]);
    const last = cropValid({kernelSize: [4, 3], dataFormat: 'channelsLast'}).apply([x, x]) as tf.Tensor;
    expectBitEqual('y', last.dataSync(), [7, 8, 9, 10, 13, 14, 15, 16, 19, 20, 21, 22]);
    const first = tf.transpose(x, [0, 3, 1, 2]);
    const y = cropValid({kernelSize: [4, 3]}).apply([first, first]) as tf.Tensor;
    expect(y.shape).to.deep.equal([1, 1, 3, 4]);
    expectBitEqual('y', y.dataSync(), last.dataSync());
  });

  it('leaves unknown sizes unknown, saves and loads', async () => {
    const image = tf.input({shape: [2, null, null] as never});
    const layer = cropValid({kernelSize: 4, strides: 2});
    const pooled = tf.layers
      .averagePooling2d({poolSize: 1, strides: 2, padding: 'same', dataFormat: 'channelsFirst'})
      .apply(image) as tf.SymbolicTensor;
    const model = tf.model({inputs: image, outputs: layer.apply([pooled, image]) as tf.SymbolicTensor});
    expect(model.outputs[0].shape).to.deep.equal([null, 2, null, null]);
    const loaded = await savedAndLoaded(model);
    for (const [size, expected] of [
      [8, 3],
      [9, 3],
      [10, 4],
    ]) {
      const x = tf.randomNormal([1, 2, size, size]);
      const y = loaded.predict(x) as tf.Tensor;
      expect(y.shape).to.deep.equal([1, 2, expected, expected]);
      expectBitEqual('y', y.dataSync(), (model.predict(x) as tf.Tensor).dataSync());
    }
  });

  it('refuses arguments and maps that cannot be', () => {
    const [small, map] = [tf.zeros([1, 2, 2, 2]), tf.zeros([1, 2, 6, 6])];
    expect(() => cropValid({} as CropValidArgs)).to.throw(
      ConfigError,
      /kernelSize must be a whole number from 1/,
    );
    expect(() => cropValid({kernelSize: 3, strides: 0})).to.throw(ConfigError, /strides must be .* got 0/);
    expect(() => cropValid({kernelSize: 3}).apply(map)).to.throw(ShapeError, /two maps \[B, C, H, W\]/);
    expect(() => cropValid({kernelSize: 3}).apply([small, map])).to.throw(
      ShapeError,
      /kernel \[3, 3\] and strides \[1, 1\] over its input; got \[1, 2, 2, 2\] and \[1, 2, 6, 6\]/,
    );
    expect(() => cropValid({kernelSize: 3}).apply([small, small])).to.throw(ShapeError, /over its input/);
  });
});

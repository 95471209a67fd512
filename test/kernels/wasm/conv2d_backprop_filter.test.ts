/** Conv2DBackpropFilter on wasm, and with it the whole gradient of conv2d, against the cpu backend. */

import '../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {BackendError} from '../../../kernels/errors.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from './against_cpu.js';
import {convolutionCases} from './convolution_cases.js';

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    describe('gradients of conv2d', () => {
      for (const {name, input, filter, out, strides, pad} of convolutionCases(30, 9)) {
        const filterShape: [number, number, number, number] = [...filter, input[3], out];
        // A weight per output cell, so that no two cells of dy are alike.
        const loss = (x: tf.Tensor4D, w: tf.Tensor4D) => {
          const y = tf.conv2d(x, w, strides, pad);
          return tf.sum(tf.mul(y, uniform<tf.Rank.R4>(y.shape, 3))) as tf.Scalar;
        };

        it(`filter: ${name}`, () =>
          expectSameOnWasmAndCpu(() => {
            const x = uniform<tf.Rank.R4>(input, 1);
            return tf.grad((w) => loss(x, w as tf.Tensor4D))(uniform<tf.Rank.R4>(filterShape, 2));
          }));

        it(`input: ${name}`, () =>
          expectSameOnWasmAndCpu(() => {
            const w = uniform<tf.Rank.R4>(filterShape, 2);
            return tf.grad((x) => loss(x as tf.Tensor4D, w))(uniform<tf.Rank.R4>(input, 1));
          }));
      }
    });

    const backprop = (dataFormat: 'NHWC' | 'NCHW') =>
      tf
        .engine()
        .runKernel(
          tf.Conv2DBackpropFilter,
          {x: uniform<tf.Rank.R4>([2, 9, 9, 5], 1), dy: uniform<tf.Rank.R4>([2, 9, 9, 4], 2)},
          {
            strides: [1, 1],
            pad: 'same',
            dataFormat,
            dimRoundingMode: undefined,
            filterShape: [3, 3, 5, 4],
          } as unknown as tf.NamedAttrMap,
        ) as tf.Tensor;

    it('gives 0 for an empty batch', () => {
      const sum = tf.tidy(() => {
        const dw = tf
          .engine()
          .runKernel(
            tf.Conv2DBackpropFilter,
            {x: tf.zeros([0, 8, 8, 3]), dy: tf.zeros([0, 8, 8, 4])},
            {strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 3, 4]},
          ) as tf.Tensor;
        return tf.sum(tf.abs(dw)).dataSync()[0];
      });
      expect(sum).to.equal(0);
    });

    it('leaves nothing behind but its result', () => {
      tf.tidy(() => backprop('NHWC'));
      const before = tf.memory();
      const buffers = tf.engine().backend.numDataIds();
      for (let k = 0; k < 20; k++) {
        tf.tidy(() => {
          backprop('NHWC');
        });
      }
      expect(tf.memory().numTensors).to.equal(before.numTensors);
      expect(tf.memory().numBytes).to.equal(before.numBytes);
      expect(tf.engine().backend.numDataIds()).to.equal(buffers);
    });

    it('refuses NCHW, as conv2d on wasm does', () => {
      const before = tf.memory().numTensors;
      expect(() => tf.tidy(() => backprop('NCHW'))).to.throw(BackendError, 'NHWC; got NCHW');
      expect(tf.memory().numTensors).to.equal(before);
    });
  },
  {only: ['wasm']},
);

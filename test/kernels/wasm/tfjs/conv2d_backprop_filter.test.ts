/** Conv2DBackpropFilter on wasm, and with it the whole gradient of conv2d, against the cpu backend. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {BackendError} from '../../../../kernels/common/errors.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
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

    type Shape4D = [number, number, number, number];

    for (const [input, filter, strides] of [
      [[2, 24, 24, 50], [3, 3, 50, 40], 1],
      [[1, 7, 7, 30], [3, 3, 30, 250], 1],
      [[3, 41, 40, 9], [5, 5, 9, 33], 2],
      [[2, 65, 64, 3], [7, 7, 3, 24], 3],
      [[2, 64, 64, 1], [3, 3, 1, 3], 1],
      [[6, 28, 28, 11], [1, 1, 11, 13], 1],
    ] as Array<[Shape4D, Shape4D, number]>) {
      it(`filter in many units: ${input}, filter ${filter}, stride ${strides}`, () =>
        expectSameOnWasmAndCpu(() => {
          const out = [1, 2].map((axis) => Math.ceil(input[axis]! / strides));
          const dy = uniform<tf.Rank.R4>([input[0], out[0]!, out[1]!, filter[3]], 1);
          const x = uniform<tf.Rank.R4>(input, 2);
          return tf.engine().runKernel(tf.Conv2DBackpropFilter, {x, dy}, {
            strides: [strides, strides],
            pad: 'same',
            dataFormat: 'NHWC',
            filterShape: filter,
          } as unknown as tf.NamedAttrMap) as tf.Tensor;
        }));
    }

    for (const place of ['x', 'dy'] as const) {
      it(`NaN and infinities in ${place} pass through`, async () => {
        const shapes = {x: [2, 7, 7, 5] as Shape4D, dy: [2, 7, 7, 4] as Shape4D};
        const compute = () =>
          tf.tidy(() => {
            const inputs = {x: uniform<tf.Rank.R4>(shapes.x, 1), dy: uniform<tf.Rank.R4>(shapes.dy, 2)};
            const values = inputs[place].dataSync().slice();
            // Inside: at the border, dy that is not finite also reaches the taps that see padding.
            values[(3 * 7 + 3) * shapes[place][3]] = Number.NaN;
            values[((7 + 3) * 7 + 3) * shapes[place][3] + 1] = Number.POSITIVE_INFINITY;
            inputs[place] = tf.tensor4d(values, shapes[place]);
            const attrs = {strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 5, 4]};
            const dw = tf.engine().runKernel(tf.Conv2DBackpropFilter, inputs, attrs) as tf.Tensor;
            return Array.from(dw.dataSync(), (value) => (Number.isFinite(value) ? 0 : value));
          });
        const actual = compute();
        await tf.setBackend('cpu');
        expect(actual).to.deep.equal(compute());
        expect(actual.some(Number.isNaN)).to.equal(true);
        expect(actual.some((kind) => kind === 0)).to.equal(true);
      });
    }

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
      expect(() => tf.tidy(() => backprop('NCHW'))).to.throw(
        BackendError,
        'dataFormat must be NHWC, and x and dy float32; got NCHW, float32 and float32',
      );
      expect(tf.memory().numTensors).to.equal(before);
    });

    it('refuses other types, whose bits it would take for floats', () => {
      const x = tf.ones([1, 4, 4, 1], 'int32');
      const attrs = {strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 1, 1]};
      expect(() => tf.engine().runKernel(tf.Conv2DBackpropFilter, {x, dy: x}, attrs)).to.throw(
        BackendError,
        'got NHWC, int32 and int32',
      );
      x.dispose();
    });
  },
  {only: ['wasm']},
);

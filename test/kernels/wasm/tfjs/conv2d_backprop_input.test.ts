/** Conv2DBackpropInput on wasm, as the gradient of conv2d and as conv2dTranspose, against the cpu backend. */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {eachBackend} from '../../../helpers/backends.js';
import {expectClose, expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {convolutionCases} from './convolution_cases.js';
import {eachKernelChoice, expectNoLeak, expectSameInNewHeaps} from './kernel_choices.js';

type Shape4D = [number, number, number, number];

/** One per way of computing: 1x1, stride 1, the rest; with the shape of dy. */
const ways: Array<{name: string; strides: number; filter: Shape4D; dy: Shape4D}> = [
  {name: '1x1', strides: 1, filter: [1, 1, 5, 4], dy: [2, 6, 6, 4]},
  {name: '3x3', strides: 1, filter: [3, 3, 5, 4], dy: [2, 6, 6, 4]},
  {name: '3x3, stride 2', strides: 2, filter: [3, 3, 5, 4], dy: [2, 3, 3, 4]},
];

/** The kernel itself, for an input of [2, 6, 6, 5] and padding 'same'. */
const backprop = (dy: tf.Tensor, filter: tf.Tensor, strides: number, more: object = {}) =>
  tf.engine().runKernel(tf.Conv2DBackpropInput, {dy, filter}, {
    strides: [strides, strides],
    pad: 'same',
    dataFormat: 'NHWC',
    inputShape: [2, 6, 6, 5],
    ...more,
  } as tf.NamedAttrMap) as tf.Tensor;

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    eachKernelChoice((choice) => {
      for (const {name, input, filter, out, strides, pad} of convolutionCases(60, 9)) {
        it(`gradient of conv2d: ${name}`, () =>
          expectSameOnWasmAndCpu(() => {
            const w = uniform<tf.Rank.R4>([...filter, input[3], out], 2);
            const loss = (x: tf.Tensor4D) => {
              const y = tf.conv2d(x, w, strides, pad);
              // A weight per output cell, so that no two cells of dy are alike.
              return tf.sum(tf.mul(y, uniform<tf.Rank.R4>(y.shape, 3))) as tf.Scalar;
            };
            return tf.grad((x) => loss(x as tf.Tensor4D))(uniform<tf.Rank.R4>(input, 1));
          }));
      }

      for (const [strides, pad] of [
        [1, 'same'],
        [2, 'same'],
        [2, 'valid'],
        [3, 'valid'],
      ] as const) {
        it(`conv2dTranspose, stride ${strides}, ${pad}`, () =>
          expectSameOnWasmAndCpu(() => {
            const size = pad === 'same' ? 5 * strides : 4 * strides + 3;
            const x = uniform<tf.Rank.R4>([2, 5, 5, 4], 1);
            const w = uniform<tf.Rank.R4>([3, 3, 6, 4], 2);
            return tf.conv2dTranspose(x, w, [2, size, size, 6], strides, pad);
          }));
      }

      for (const {name, strides, filter, dy} of ways) {
        it(`passes on NaN and infinities: ${name}`, async () => {
          const kinds = () =>
            tf.tidy(() => {
              const values = uniform<tf.Rank.R4>(dy, 1).dataSync().slice();
              values[3] = Number.NaN;
              values[values.length - 1] = Number.NEGATIVE_INFINITY;
              const dx = backprop(tf.tensor(values, dy), uniform<tf.Rank.R4>(filter, 2), strides);
              return Array.from(dx.dataSync(), (value) => (Number.isFinite(value) ? 0 : value));
            });
          const actual = kinds();
          await tf.setBackend('cpu');
          expect(actual).to.deep.equal(kinds());
          expect(actual).to.contain(Number.POSITIVE_INFINITY);
          expect(actual.some(Number.isNaN)).to.equal(true);
        });

        it(`leaves nothing behind but its result: ${name}`, () => {
          const one = uniform<tf.Rank.R4>(dy, 1);
          const two = uniform<tf.Rank.R4>(filter, 2);
          expectNoLeak(() => backprop(one, two, strides));
          tf.dispose([one, two]);
        });
      }

      if (choice === 'tfjs') {
        return;
      }

      for (const [at, bad] of [
        [0, Number.NaN],
        [100, Number.POSITIVE_INFINITY],
      ] as const) {
        for (const {name, strides, filter, dy} of ways) {
          it(`${bad} in the filter comes out where its tap lands, and only there: ${name}`, async () => {
            const compute = () =>
              tf.tidy(() => {
                const w = uniform<tf.Rank.R4>(filter, 2).dataSync().slice();
                w[at % w.length] = bad;
                const dx = backprop(uniform<tf.Rank.R4>(dy, 1), tf.tensor(w, filter), strides);
                return Array.from(dx.dataSync(), (value) => (Number.isFinite(value) ? 0 : value));
              });
            const actual = compute();
            await tf.setBackend('cpu');
            expect(actual).to.deep.equal(compute());
            expect(actual.some((kind) => kind !== 0)).to.equal(true);
            expect(actual.some((kind) => kind === 0)).to.equal(true);
          });
        }
      }

      for (const [input, filter, strides] of [
        [[2, 24, 24, 50], [3, 3, 50, 40], 1],
        [[1, 7, 7, 270], [3, 3, 270, 130], 1],
        [[1, 41, 40, 9], [5, 5, 9, 33], 2],
        [[2, 65, 64, 3], [7, 7, 3, 24], 3],
      ] as Array<[Shape4D, Shape4D, number]>) {
        it(`in many units: ${input}, filter ${filter}, stride ${strides}`, () =>
          expectSameOnWasmAndCpu(() => {
            const out = [1, 2].map((axis) => Math.ceil(input[axis]! / strides));
            const dy = uniform<tf.Rank.R4>([input[0], out[0]!, out[1]!, filter[3]], 1);
            return backprop(dy, uniform<tf.Rank.R4>(filter, 2), strides, {inputShape: input});
          }));
      }

      it('many classes of cells, for a large map', () =>
        expectSameOnWasmAndCpu(() => {
          const w = uniform<tf.Rank.R4>([3, 3, 40, 2], 2);
          const dy = uniform<tf.Rank.R4>([1, 120, 120, 2], 1);
          return backprop(dy, w, 2, {inputShape: [1, 240, 240, 40]});
        }));

      it('NCHW is as with the stock kernel', () =>
        tf.tidy(() => {
          const {strides, filter, dy} = ways[1]!;
          const w = uniform<tf.Rank.R4>(filter, 2);
          const one = uniform<tf.Rank.R4>(dy, 1);
          const first = tf.transpose(backprop(one, w, strides), [0, 3, 1, 2]);
          const more = {dataFormat: 'NCHW', inputShape: [2, 5, 6, 6]};
          const second = backprop(tf.transpose(one, [0, 3, 1, 2]), w, strides, more);
          expect(second.shape).to.deep.equal(first.shape);
          expectClose(second.dataSync(), first.dataSync());
        }));

      it('gives 0 for an empty batch and for no output channels', () =>
        tf.tidy(() => {
          const empty = backprop(tf.zeros([0, 6, 6, 4]), tf.ones([3, 3, 5, 4]), 1, {
            inputShape: [0, 6, 6, 5],
          });
          expect(empty.shape).to.deep.equal([0, 6, 6, 5]);
          const none = backprop(tf.zeros([2, 6, 6, 0]), tf.zeros([3, 3, 5, 0]), 1);
          expect(none.shape).to.deep.equal([2, 6, 6, 5]);
          expect(none.dataSync().every((value) => value === 0)).to.equal(true);
        }));

      for (const {name, strides, filter, dy} of ways) {
        it(`survives a new heap at every allocation: ${name}`, () =>
          tf.tidy(() => {
            const one = uniform<tf.Rank.R4>(dy, 1);
            const two = uniform<tf.Rank.R4>(filter, 2);
            const expected = backprop(one, two, strides).dataSync();
            expectSameInNewHeaps(() => backprop(one, two, strides), expected);
          }));
      }
    });
  },
  {only: ['wasm']},
);

/**
 * Conv2D and FusedConv2D on wasm against the cpu backend. Not with the stock kernels put back: those get some of the
 * cases wrong and write out of bounds (see conv2d.ts).
 */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {replaceStockKernels, restoreStockKernels} from '../../../../kernels/wasm/tfjs/replacements.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {convolutionCases} from './convolution_cases.js';
import {expectNoLeak, expectSameInNewHeaps} from './kernel_choices.js';

type Shape4D = [number, number, number, number];

/** The first three are the kernel's own. */
const activations = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;

/** What a tensor holds that is not finite, by place. */
const kinds = (y: tf.Tensor) => Array.from(y.dataSync(), (value) => (Number.isFinite(value) ? 0 : value));

eachBackend(
  () => {
    before(replaceStockKernels);
    after(restoreStockKernels);
    afterEach(() => tf.setBackend('wasm'));

    for (const {name, input, filter, out, strides, pad} of convolutionCases(60, 19)) {
      it(name, () =>
        expectSameOnWasmAndCpu(() =>
          tf.conv2d(
            uniform<tf.Rank.R4>(input, 1),
            uniform<tf.Rank.R4>([...filter, input[3], out], 2),
            strides,
            pad,
          ),
        ),
      );
    }

    for (const [input, filter, dilations, pad] of [
      [[2, 11, 12, 3], [3, 3, 3, 9], [2, 2], 'same'],
      [[2, 11, 12, 3], [3, 4, 3, 4], [1, 3], 'valid'],
      [[1, 9, 9, 20], [2, 3, 20, 7], [3, 2], 'same'],
      [[1, 14, 9, 5], [3, 3, 5, 1], [4, 1], 2],
    ] as Array<[Shape4D, Shape4D, [number, number], 'same' | 'valid' | number]>) {
      it(`dilation ${dilations}, filter ${filter}, ${pad}`, () =>
        expectSameOnWasmAndCpu(() =>
          tf.conv2d(uniform<tf.Rank.R4>(input, 1), uniform<tf.Rank.R4>(filter, 2), 1, pad, 'NHWC', dilations),
        ));
    }

    for (const activation of activations) {
      for (const filter of [
        [3, 3, 5, 9],
        [1, 1, 5, 12],
      ] as Shape4D[]) {
        it(`bias and ${activation}, filter ${filter}`, () =>
          expectSameOnWasmAndCpu(() =>
            tf.fused.conv2d({
              x: tf.mul(uniform<tf.Rank.R4>([2, 7, 6, 5], 1), 4) as tf.Tensor4D,
              filter: tf.mul(uniform<tf.Rank.R4>(filter, 2), 2) as tf.Tensor4D,
              strides: 1,
              pad: 'same',
              bias: uniform<tf.Rank.R1>([filter[3]], 3),
              activation,
              preluActivationWeights:
                activation === 'prelu' ? uniform<tf.Rank.R1>([filter[3]], 4) : undefined,
              leakyreluAlpha: activation === 'leakyrelu' ? 0.1 : undefined,
            }),
          ));
      }
    }

    it('an activation without bias', () =>
      expectSameOnWasmAndCpu(() =>
        tf.fused.conv2d({
          x: uniform<tf.Rank.R4>([1, 6, 6, 3], 1),
          filter: uniform<tf.Rank.R4>([3, 3, 3, 5], 2),
          strides: 2,
          pad: 'same',
          activation: 'relu',
        }),
      ));

    it('leaves nothing behind but its result', () => {
      const x = uniform<tf.Rank.R4>([2, 6, 6, 5], 1);
      const w = uniform<tf.Rank.R4>([3, 3, 5, 4], 2);
      expectNoLeak(() => tf.conv2d(x, w, 1, 'same'));
      tf.dispose([x, w]);
    });

    for (const [input, filter, strides] of [
      [[2, 24, 24, 40], [3, 3, 40, 50], 1],
      [[1, 7, 7, 130], [3, 3, 130, 270], 1],
      [[1, 40, 40, 9], [5, 5, 9, 33], 2],
      [[4, 64, 64, 3], [7, 7, 3, 24], 2],
    ] as Array<[Shape4D, Shape4D, number]>) {
      it(`in many units: ${input}, filter ${filter}, stride ${strides}`, () =>
        expectSameOnWasmAndCpu(() =>
          tf.conv2d(uniform<tf.Rank.R4>(input, 1), uniform<tf.Rank.R4>(filter, 2), strides, 'same'),
        ));
    }

    for (const [channels, out] of [
      [3, 4],
      [40, 11],
    ] as const) {
      const input: Shape4D = [2, 7, 6, channels];
      const filter: Shape4D = [3, 3, channels, out];
      for (const [place, bad] of [
        ['x', Number.NaN],
        ['x', Number.NEGATIVE_INFINITY],
        ['filter', Number.NaN],
        ['filter', Number.POSITIVE_INFINITY],
      ] as const) {
        it(`${bad} in ${place} comes out where it is seen, and only there: ${channels} channels`, async () => {
          const compute = () =>
            tf.tidy(() => {
              const x = uniform<tf.Rank.R4>(input, 1).dataSync().slice();
              const w = uniform<tf.Rank.R4>(filter, 2).dataSync().slice();
              (place === 'x' ? x : w)[1] = bad;
              return kinds(tf.conv2d(tf.tensor4d(x, input), tf.tensor4d(w, filter), 1, 'same'));
            });
          const actual = compute();
          await tf.setBackend('cpu');
          expect(actual).to.deep.equal(compute());
          expect(actual.some((kind) => kind !== 0)).to.equal(true);
          expect(actual.some((kind) => kind === 0)).to.equal(true);
        });
      }
    }

    it('NaN passes through ReLU and ReLU6', () =>
      tf.tidy(() => {
        const x = tf.fill([1, 2, 2, 3], Number.NaN) as tf.Tensor4D;
        for (const activation of ['relu', 'relu6'] as const) {
          const filter = tf.ones([1, 1, 3, 2]) as tf.Tensor4D;
          const y = tf.fused.conv2d({x, filter, strides: 1, pad: 'valid', activation});
          expect(Array.from(y.dataSync()).every(Number.isNaN)).to.equal(true);
        }
      }));

    it('refuses NCHW as the stock kernel does', () => {
      const refusal = () => {
        try {
          return tf.tidy(() => {
            const [x, filter] = [tf.ones([1, 3, 5, 5]), tf.ones([3, 3, 3, 2])];
            const attrs = {strides: [1, 1], pad: 'same', dataFormat: 'NCHW', dilations: [1, 1]};
            tf.engine().runKernel(tf.Conv2D, {x, filter}, attrs);
            return 'nothing';
          });
        } catch (error) {
          return (error as Error).message;
        }
      };
      const ours = refusal();
      restoreStockKernels();
      try {
        expect(ours).to.equal(refusal());
        expect(ours).to.contain('dataFormat');
      } finally {
        replaceStockKernels();
      }
    });

    it('sizes of 0', () =>
      tf.tidy(() => {
        const empty = tf.conv2d(
          tf.zeros<tf.Rank.R4>([0, 6, 6, 4]),
          tf.ones<tf.Rank.R4>([3, 3, 4, 5]),
          1,
          'same',
        );
        expect(empty.shape).to.deep.equal([0, 6, 6, 5]);
        expect(empty.dataSync().length).to.equal(0);
        const none = tf.conv2d(
          tf.zeros<tf.Rank.R4>([2, 6, 6, 0]),
          tf.zeros<tf.Rank.R4>([3, 3, 0, 5]),
          1,
          'same',
        );
        expect(none.shape).to.deep.equal([2, 6, 6, 5]);
        expect(none.dataSync().every((value) => value === 0)).to.equal(true);
      }));

    it('survives a new heap at every allocation', () =>
      tf.tidy(() => {
        const x = uniform<tf.Rank.R4>([2, 6, 6, 5], 1);
        const w = uniform<tf.Rank.R4>([3, 3, 5, 4], 2);
        const expected = tf.conv2d(x, w, 1, 'same').dataSync();
        expectSameInNewHeaps(() => tf.conv2d(x, w, 1, 'same'), expected);
      }));
  },
  {only: ['wasm']},
);

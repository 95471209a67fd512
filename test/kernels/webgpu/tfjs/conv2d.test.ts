/** Conv2D, FusedConv2D and the gradients of conv2d on webgpu, against the cpu backend. */
import '../../../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {replaceStockKernels, restoreStockKernels} from '../../../../kernels/webgpu/tfjs/replacements.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectBitEqual, expectRelativeClose} from '../../../helpers/compare.js';
import {convolutionCases} from '../../wasm/tfjs/convolution_cases.js';
import {expectNoLeak, expectSameOnCpu, outcomes} from '../against_cpu.js';
import {atCoreLimits} from '../core_limits.js';
import {programsOf} from '../runtime/programs.js';

type Shape4D = [number, number, number, number];
type Padding = Parameters<typeof tf.conv2d>[3];

interface Case {
  input: Shape4D;
  filter: Shape4D;
  strides?: number | [number, number];
  pad?: Padding;
  dilations?: number;
}

const uniform = (shape: number[], seed: number) => tf.randomUniform(shape, -1, 1, 'float32', seed);

const value = ({input, filter, strides = 1, pad = 'same', dilations = 1}: Case) =>
  tf.conv2d(
    uniform(input, 1) as tf.Tensor4D,
    uniform(filter, 2) as tf.Tensor4D,
    strides,
    pad,
    'NHWC',
    dilations,
  );

/** dx and dW, from a dy whose numbers are all different. */
const gradients = (one: Case) => {
  const {input, filter, strides = 1, pad = 'same'} = one;
  const dy = uniform(value(one).shape, 3);
  return tf.grads((x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad))(
    [uniform(input, 1), uniform(filter, 2)],
    dy,
  );
};

const all = (one: Case) => [value(one), ...((one.dilations ?? 1) === 1 ? gradients(one) : [])];

const name = ({input, filter, strides = 1, pad = 'same', dilations = 1}: Case) =>
  `[${input}], filter [${filter}], strides ${strides}, ${JSON.stringify(pad)}, dilations ${dilations}`;

const explicit: Padding = [
  [0, 0],
  [2, 1],
  [0, 3],
  [0, 0],
];

/** Every kernel with every stride; channels, batches and paddings in turn. */
const grid: Case[] = [1, 3, 7].flatMap((size, i) =>
  [1, 2].flatMap((strides, j) =>
    ([1, 3, 5, 32] as const).map((channels, k) => ({
      input: [(i + j + k) % 2 === 0 ? 1 : 3, 9, 8 + k, channels] as Shape4D,
      filter: [size, size, channels, [5, 32, 1, 3][(i + j + k) % 4]] as Shape4D,
      strides,
      pad: (['same', 'valid', explicit] as const)[(i + k) % 3],
    })),
  ),
);

const dilated: Case[] = [
  {input: [3, 12, 11, 5], filter: [3, 3, 5, 6], dilations: 2},
  {input: [1, 12, 11, 4], filter: [3, 2, 4, 8], dilations: 2, pad: 'valid'},
  {input: [1, 9, 9, 3], filter: [3, 3, 3, 2], dilations: 2, pad: explicit},
];

/** Results of more than one tile, sums of more than one part, and every size of tile. */
const large: Case[] = [
  {input: [3, 17, 19, 5], filter: [3, 3, 5, 70]},
  {input: [2, 17, 18, 24], filter: [3, 3, 24, 36], strides: 2},
  {input: [1, 33, 31, 3], filter: [7, 7, 3, 24], strides: [2, 3]},
  {input: [2, 36, 36, 16], filter: [1, 1, 16, 20]},
  {input: [2, 36, 35, 16], filter: [1, 1, 16, 20], strides: 2},
  {input: [1, 32, 24, 3], filter: [4, 4, 3, 8], strides: 4},
  {input: [1, 182, 182, 1], filter: [3, 3, 1, 4]},
];

eachBackend(
  () => {
    describe('convolutions in kernels of this library', () => {
      before(() => replaceStockKernels());
      after(() => restoreStockKernels());

      for (const {name, input, filter, out, strides, pad} of convolutionCases(12, 9)) {
        it(name, () => expectSameOnCpu(() => all({input, filter: [...filter, input[3], out], strides, pad})));
      }
      for (const one of [...grid, ...dilated, ...large]) it(name(one), () => expectSameOnCpu(() => all(one)));

      it('computes at core limits, without any feature', () =>
        atCoreLimits(async () => {
          await expectSameOnCpu(() => all(large[1]));
          await expectSameOnCpu(() => [value(large[6])]);
        }));

      it('gives the same bits each time', async () => {
        for (const one of [large[1], large[3]]) {
          const [first, second] = [await outcomes(() => all(one)), await outcomes(() => all(one))];
          for (const [i, {values}] of first.entries()) expectBitEqual(`${i}`, second[i].values, values);
        }
      });

      it('leaves nothing on the GPU but its results', async () => {
        await expectNoLeak(() => all(large[1]));
        await expectNoLeak(() => all(large[3]));
      });

      for (const activation of ['linear', 'relu', 'relu6'] as const) {
        for (const [size, out] of [
          [3, 8],
          [3, 5],
          [1, 8],
        ]) {
          it(`fused with a bias and ${activation}, ${size}x${size}, ${out} channels`, () =>
            expectSameOnCpu(() => [
              tf.fused.conv2d({
                x: uniform([2, 7, 9, 6], 1) as tf.Tensor4D,
                filter: tf.mul(5, uniform([size, size, 6, out], 2)) as tf.Tensor4D,
                strides: 1,
                pad: 'same',
                bias: uniform([out], 3),
                activation,
              }),
            ]));
        }
      }

      it('passes on NaN and infinities, and no more of them than there are', async () => {
        const values = () => {
          const x = Float32Array.from({length: 6 * 6 * 4}, (_, i) => Math.sin(i));
          x[(2 * 6 + 2) * 4] = Number.NaN;
          x[(5 * 6 + 5) * 4 + 1] = Number.POSITIVE_INFINITY;
          const y = tf.fused.conv2d({
            x: tf.tensor4d(x, [1, 6, 6, 4]),
            filter: tf.ones([3, 3, 4, 4]),
            strides: 1,
            pad: 'same',
            activation: 'relu',
          });
          return [y];
        };
        const [{values: y}] = await outcomes(values);
        const cells = (is: (v: number) => boolean) => Array.from(y).filter(is).length / 4;
        expect(cells(Number.isNaN)).to.equal(9);
        expect(cells((v) => v === Number.POSITIVE_INFINITY)).to.equal(4);
      });

      it('conv2dTranspose', async () => {
        for (const [strides, pad] of [
          [1, 'same'],
          [2, 'same'],
          [3, 'valid'],
        ] as const) {
          const size = pad === 'same' ? 5 * strides : 4 * strides + 3;
          await expectSameOnCpu(() => [
            tf.conv2dTranspose(
              uniform([2, 5, 5, 4], 1) as tf.Tensor4D,
              uniform([3, 3, 6, 4], 2) as tf.Tensor4D,
              [2, size, size, 6],
              strides,
              pad,
            ),
          ]);
        }
      });

      it('an empty batch', async () => {
        const run = (kernel: string, inputs: tf.NamedTensorMap, attrs: object) =>
          tf.engine().runKernel(kernel, inputs, {
            ...{strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1]},
            ...attrs,
          } as tf.NamedAttrMap) as tf.Tensor;
        const [x, dy, w] = [tf.zeros([0, 6, 6, 3]), tf.zeros([0, 6, 6, 4]), tf.ones([3, 3, 3, 4])];
        const results = await outcomes(() => [
          run(tf.Conv2D, {x, filter: w}, {}),
          run(tf.Conv2DBackpropInput, {dy, filter: w}, {inputShape: x.shape}),
          run(tf.Conv2DBackpropFilter, {x, dy}, {filterShape: w.shape}),
        ]);
        expect(results.map(({shape}) => shape)).to.deep.equal([dy.shape, x.shape, w.shape]);
        expect(results[2].values.every((number) => number === 0)).to.equal(true);
        tf.dispose([x, dy, w]);
      });

      it('runs the shaders that it is meant to, and the stock ones for what is left to them', () => {
        const one: Case = {input: [2, 8, 8, 4], filter: [3, 3, 4, 8], strides: 2};
        expect(programsOf(() => value(one))).to.deep.equal(['convolution']);
        const point: Case = {input: [2, 8, 8, 4], filter: [1, 1, 4, 8]};
        expect(programsOf(() => value(point))).to.deep.equal(['product']);
        // The value that gives dy its shape, the value, and two gradients.
        expect(programsOf(() => gradients(one))).to.deep.equal(Array(4).fill('convolution'));
        expect(programsOf(() => gradients(point))).to.deep.equal(Array(4).fill('product'));
        const long: Case = {input: [8, 16, 16, 4], filter: [3, 3, 4, 8]};
        expect(
          programsOf(() => gradients(long)).filter((program) => program === 'sum_parts').length,
        ).to.equal(1);
        const elu = () =>
          tf.fused.conv2d({
            x: uniform([1, 4, 4, 3], 1) as tf.Tensor4D,
            filter: uniform([3, 3, 3, 2], 2) as tf.Tensor4D,
            strides: 1,
            pad: 'same',
            activation: 'elu',
          });
        expect(programsOf(elu)).to.not.include('convolution').and.not.include('product');
        restoreStockKernels();
        expect(programsOf(() => all(one)))
          .to.include('Conv2DDerFilterProgram')
          .and.not.include('convolution');
        replaceStockKernels();
      });

      it('leaves activations, types and layouts of its own to the stock kernel', async () => {
        await expectSameOnCpu(() => [
          tf.fused.conv2d({
            x: uniform([1, 5, 6, 3], 1) as tf.Tensor4D,
            filter: uniform([3, 3, 3, 2], 2) as tf.Tensor4D,
            strides: 1,
            pad: 'same',
            bias: uniform([2], 3),
            activation: 'elu',
          }),
        ]);
        // NCHW, which the cpu backend has not: against NHWC.
        const one: Case = {input: [2, 6, 7, 4], filter: [3, 3, 4, 8]};
        const [first, second] = await outcomes(() => {
          const x = tf.transpose(uniform(one.input, 1), [0, 3, 1, 2]) as tf.Tensor4D;
          const y = tf.conv2d(x, uniform(one.filter, 2) as tf.Tensor4D, 1, 'same', 'NCHW');
          return [value(one), tf.transpose(y, [0, 2, 3, 1])];
        });
        expectRelativeClose('y', second.values, first.values, 1e-5);
      });
    });
  },
  {only: ['webgpu']},
);

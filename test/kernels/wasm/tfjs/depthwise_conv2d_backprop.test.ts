/**
 * The two backprops of depthwiseConv2d on wasm: against the cpu backend, and with dilation, which that backend gets
 * wrong, against the definition.
 */

import '../../../../kernels/wasm/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {eachBackend} from '../../../helpers/backends.js';
import {expectClose, expectSameOnWasmAndCpu, uniform} from '../against_cpu.js';
import {convolutionCases} from './convolution_cases.js';

type Shape4D = [number, number, number, number];

/** Both gradients by the definition: every product of the forward pass, taken apart. Arrays as tfjs lays them out. */
function reference(
  x: Float32Array,
  w: Float32Array,
  dy: Float32Array,
  info: ReturnType<typeof tf.backend_util.computeConv2DInfo>,
) {
  const {batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo} = info;
  const multiplier = outChannels / inChannels;
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  for (let b = 0; b < batchSize; b++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        for (let kh = 0; kh < info.filterHeight; kh++) {
          for (let kw = 0; kw < info.filterWidth; kw++) {
            const ih = oh * info.strideHeight + kh * info.dilationHeight - padInfo.top;
            const iw = ow * info.strideWidth + kw * info.dilationWidth - padInfo.left;
            if (ih < 0 || ih >= inHeight || iw < 0 || iw >= inWidth) {
              continue;
            }
            for (let d = 0; d < outChannels; d++) {
              const xAt = ((b * inHeight + ih) * inWidth + iw) * inChannels + Math.floor(d / multiplier);
              const wAt = (kh * info.filterWidth + kw) * outChannels + d;
              const slope = dy[((b * outHeight + oh) * outWidth + ow) * outChannels + d]!;
              dx[xAt]! += slope * w[wAt]!;
              dw[wAt]! += slope * x[xAt]!;
            }
          }
        }
      }
    }
  }
  return {dx, dw};
}

eachBackend(
  () => {
    afterEach(() => tf.setBackend('wasm'));

    describe('gradients of depthwiseConv2d', () => {
      for (const {name, input, filter, out, strides, pad} of convolutionCases(30, 3)) {
        const filterShape: Shape4D = [...filter, input[3], out];
        const loss = (x: tf.Tensor4D, w: tf.Tensor4D) => {
          const y = tf.depthwiseConv2d(x, w, strides, pad as 'same');
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

    describe('with dilation', () => {
      for (const dilations of [
        [2, 2],
        [1, 3],
        [3, 2],
      ] as Array<[number, number]>) {
        for (const pad of ['same', 'valid'] as const) {
          for (const multiplier of [1, 2]) {
            it(`${dilations}, ${pad}, channel multiplier ${multiplier}`, () => {
              const input: Shape4D = [2, 11, 12, 3];
              const filterShape: Shape4D = [3, 4, 3, multiplier];
              const info = tf.backend_util.computeConv2DInfo(
                input,
                filterShape,
                1,
                dilations,
                pad,
                undefined,
                true,
              );
              tf.tidy(() => {
                const x = uniform<tf.Rank.R4>(input, 1);
                const w = uniform<tf.Rank.R4>(filterShape, 2);
                const dy = uniform<tf.Rank.R4>(info.outShape as Shape4D, 3);
                // The reference's own indices are right when its forward pass is tfjs's: <dy, conv(x)> = <dw, w>.
                const expected = reference(
                  x.dataSync<'float32'>(),
                  w.dataSync<'float32'>(),
                  dy.dataSync<'float32'>(),
                  info,
                );
                const y = tf.depthwiseConv2d(x, w, 1, pad, 'NHWC', dilations);
                const product = tf.sum(tf.mul(dy, y)).dataSync()[0]!;
                const sameProduct = expected.dw.reduce((sum, value, k) => sum + value * w.dataSync()[k]!, 0);
                expect(product).to.be.closeTo(sameProduct, 1e-3);

                const attributes = {strides: [1, 1], pad, dilations, dimRoundingMode: undefined};
                const dw = tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropFilter, {x, dy}, {
                  ...attributes,
                  filterShape,
                } as unknown as tf.NamedAttrMap) as tf.Tensor;
                const dx = tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropInput, {dy, filter: w}, {
                  ...attributes,
                  inputShape: input,
                } as unknown as tf.NamedAttrMap) as tf.Tensor;
                expectClose(dw.dataSync(), expected.dw);
                expectClose(dx.dataSync(), expected.dx);
              });
            });
          }
        }
      }
    });

    for (const [input, filterShape, strides] of [
      [[2, 20, 21, 37], [3, 3, 37, 1], 1],
      [[3, 28, 28, 48], [5, 5, 48, 1], 2],
      [[2, 14, 14, 20], [3, 3, 20, 3], 1],
    ] as Array<[Shape4D, Shape4D, number]>) {
      const dyOf = () => {
        const out = [1, 2].map((axis) => Math.ceil(input[axis]! / strides));
        return uniform<tf.Rank.R4>([input[0], out[0]!, out[1]!, input[3] * filterShape[3]], 1);
      };
      const attributes = {
        strides: [strides, strides],
        pad: 'same',
        dilations: [1, 1],
        dimRoundingMode: undefined,
      };

      it(`filter in many units: ${input}, filter ${filterShape}, stride ${strides}`, () =>
        expectSameOnWasmAndCpu(() => {
          const x = uniform<tf.Rank.R4>(input, 2);
          const attrs = {...attributes, filterShape} as unknown as tf.NamedAttrMap;
          const inputs = {x, dy: dyOf()};
          return tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropFilter, inputs, attrs) as tf.Tensor;
        }));

      it(`input in many units: ${input}, filter ${filterShape}, stride ${strides}`, () =>
        expectSameOnWasmAndCpu(() => {
          const filter = uniform<tf.Rank.R4>(filterShape, 2);
          const attrs = {...attributes, inputShape: input} as unknown as tf.NamedAttrMap;
          const inputs = {dy: dyOf(), filter};
          return tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropInput, inputs, attrs) as tf.Tensor;
        }));
    }

    for (const place of ['x', 'dy', 'filter'] as const) {
      it(`NaN and infinities in ${place} come out where they are seen, and only there`, async () => {
        const shapes: Record<typeof place, Shape4D> = {
          x: [1, 6, 6, 19],
          dy: [1, 6, 6, 19],
          filter: [3, 3, 19, 1],
        };
        const compute = () =>
          tf.tidy(() => {
            const inputs = {
              x: uniform<tf.Rank.R4>(shapes.x, 1),
              dy: uniform<tf.Rank.R4>(shapes.dy, 2),
              filter: uniform<tf.Rank.R4>(shapes.filter, 3),
            };
            const values = inputs[place].dataSync().slice();
            values[0] = Number.NaN;
            values[18] = Number.POSITIVE_INFINITY;
            inputs[place] = tf.tensor4d(values, shapes[place]);
            const {x, dy, filter} = inputs;
            const attrs = {strides: [1, 1], pad: 'same', dilations: [1, 1]};
            const dw = tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropFilter, {x, dy}, {
              ...attrs,
              filterShape: shapes.filter,
            } as unknown as tf.NamedAttrMap) as tf.Tensor;
            const dx = tf.engine().runKernel(tf.DepthwiseConv2dNativeBackpropInput, {dy, filter}, {
              ...attrs,
              inputShape: shapes.x,
            } as unknown as tf.NamedAttrMap) as tf.Tensor;
            return [...dw.dataSync(), ...dx.dataSync()].map((value) => (Number.isFinite(value) ? 0 : value));
          });
        const actual = compute();
        await tf.setBackend('cpu');
        expect(actual).to.deep.equal(compute());
        expect(actual.some(Number.isNaN)).to.equal(true);
        expect(actual.some((kind) => kind === 0)).to.equal(true);
      });
    }

    it('gives 0 for an empty batch', () =>
      tf.tidy(() => {
        const attrs = {strides: [1, 1], pad: 'same', dilations: [1, 1]};
        const dy = tf.zeros([0, 6, 6, 4]);
        const dw = tf
          .engine()
          .runKernel(tf.DepthwiseConv2dNativeBackpropFilter, {x: tf.zeros([0, 6, 6, 4]), dy}, {
            ...attrs,
            filterShape: [3, 3, 4, 1],
          } as unknown as tf.NamedAttrMap) as tf.Tensor;
        expect(dw.dataSync()).to.deep.equal(new Float32Array(36));
        const dx = tf
          .engine()
          .runKernel(tf.DepthwiseConv2dNativeBackpropInput, {dy, filter: tf.ones([3, 3, 4, 1])}, {
            ...attrs,
            inputShape: [0, 6, 6, 4],
          } as unknown as tf.NamedAttrMap) as tf.Tensor;
        expect(dx.shape).to.deep.equal([0, 6, 6, 4]);
      }));

    it('leaves nothing behind', () => {
      const step = () =>
        tf.tidy(() => {
          tf.grads((x, w) => tf.sum(tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')))([
            uniform<tf.Rank.R4>([1, 6, 6, 4], 1),
            uniform<tf.Rank.R4>([3, 3, 4, 2], 2),
          ]);
        });
      step();
      const {numTensors, numBytes} = tf.memory();
      const buffers = tf.engine().backend.numDataIds();
      for (let k = 0; k < 20; k++) {
        step();
      }
      expect(tf.memory().numTensors).to.equal(numTensors);
      expect(tf.memory().numBytes).to.equal(numBytes);
      expect(tf.engine().backend.numDataIds()).to.equal(buffers);
    });
  },
  {only: ['wasm']},
);

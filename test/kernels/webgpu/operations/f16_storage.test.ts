import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {setPrecision} from '../../../../kernels/webgpu/runtime/precision.js';
import {swinBlock} from '../../../../layers/index.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectRelativeClose} from '../../../helpers/compare.js';

interface Counted extends tf.KernelBackend {
  bufferManager: {numBytesUsed: number};
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** Bytes of buffers in use; those given up by commands that wait are not. */
function bytes(): number {
  const backend = tf.backend() as Counted;
  backend.endComputePassEncoder();
  backend.submitQueue();
  return backend.bufferManager.numBytesUsed;
}

eachBackend(
  () => {
    describe('16-bit floats inside of a block', () => {
      afterEach(() => setPrecision('f32'));

      for (const variant of ['v1', 'v2', 'miziha'] as const) {
        it(`${variant}: value within 1e-2, gradients within 2e-2 of float32`, async () => {
          const {compute, names} = block(variant, 16);
          const exact = await compute();
          setPrecision('f16');
          const f16 = await compute();
          for (const [i, name] of names.entries()) {
            expectRelativeClose(name, f16[i], exact[i], name === 'value' ? 1e-2 : 2e-2);
            // The gradients of what comes last are sums of dy alone, and know nothing of what is kept.
            if (/value|^x$|qkv/.test(name)) expect(f16[i], name).to.not.deep.equal(exact[i]);
          }
        });
      }

      it('leaves gradients that are smaller than any 16-bit float as exact', async () => {
        const {compute, names} = block('v1', 16, 1e-10);
        const exact = await compute();
        setPrecision('f16');
        const f16 = await compute();
        for (const [i, name] of names.entries()) {
          if (name === 'value') continue;
          expect(Math.max(...exact[i].map(Math.abs)), name).to.be.within(1e-13, 6e-8);
          expectRelativeClose(name, f16[i], exact[i], 2e-2);
        }
      });

      it('keeps about half of the bytes for the backward pass', () => {
        const kept = () => {
          const {layer, x} = block('v1', 32);
          const before = bytes();
          let held = 0;
          tf.tidy(() => {
            const f = () => {
              const y = layer.apply(x, {training: true}) as tf.Tensor;
              held = bytes() - before;
              return tf.sum(y) as tf.Scalar;
            };
            tf.variableGrads(f, [x]);
          });
          return held;
        };
        const full = kept();
        setPrecision('f16');
        // Of 10 maps, counted in channels, q, k and v 3, attended 1 and z 4 become half.
        expect(kept() / full).to.be.below(0.7);
      });

      it('leaves blocks whose heads are no whole vectors in float32, to the bit', async () => {
        const {compute, names} = block('v1', 6);
        const exact = await compute();
        setPrecision('f16');
        const same = await compute();
        for (const [i, name] of names.entries()) expect(same[i], name).to.deep.equal(exact[i]);
      });
    });
  },
  {only: ['webgpu']},
);

/** A block of two heads with weights that are not small, and its value and gradients, of dy of the given size. */
function block(variant: 'v1' | 'v2' | 'miziha', channels: number, size = 1) {
  const args = {numHeads: 2, windowSize: 4, variant, shifted: true, dataFormat: 'channelsLast'} as const;
  const layer = swinBlock({...args, kernelInitializer: tf.initializers.randomNormal({stddev: 0.3, seed: 1})});
  const x = tf.variable(tf.randomNormal([2, 8, 12, channels], 0, 1, 'float32', 1));
  tf.dispose(layer.apply(x) as tf.Tensor);
  layer.setWeights(layer.getWeights().map((w, i) => tf.randomNormal(w.shape, 0, 0.3, 'float32', i + 11)));
  const c = tf.randomNormal(x.shape, 0, size, 'float32', 2);
  const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const compute = async () => {
    const y = layer.apply(x) as tf.Tensor;
    const loss = () => tf.sum(tf.mul(layer.apply(x, {training: true}) as tf.Tensor, c)) as tf.Scalar;
    const {grads} = tf.variableGrads(loss, [x, ...weights]);
    return Promise.all([y, ...[x, ...weights].map(({name}) => grads[name])].map((tensor) => tensor.data()));
  };
  const names = ['value', 'x', ...layer.trainableWeights.map(({originalName}) => originalName)];
  return {layer, x, compute, names};
}

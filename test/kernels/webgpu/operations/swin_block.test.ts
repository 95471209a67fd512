import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {kernelsInUse} from '../../../../kernels/index.js';
import {registerOperations, unregisterOperations} from '../../../../kernels/webgpu/operations/index.js';
import {swinBlock, swinT} from '../../../../layers/index.js';
import {eachBackend} from '../../../helpers/backends.js';
import {expectRelativeClose} from '../../../helpers/compare.js';
import {programsOf} from '../runtime/programs.js';

/** How many dispatches of any shader, tfjs's among them, `compute` makes. */
const dispatchesOf = (compute: () => tf.TensorContainer) => programsOf(compute).length;

const variants = ['v1', 'miziha', 'v2'] as const;

eachBackend(
  () => {
    describe('a whole Swin block in webgpu kernels', () => {
      after(() => registerOperations());

      for (const variant of variants) {
        it(`${variant}: value and all gradients are those of tfjs's own kernels`, async () => {
          const args = {
            numHeads: 3,
            windowSize: 4,
            variant,
            shifted: true,
            dataFormat: 'channelsLast',
          } as const;
          const kernelInitializer = tf.initializers.randomNormal({stddev: 0.3, seed: 1});
          const layer = swinBlock({...args, kernelInitializer, dropPath: 0.4, seed: 3});
          const x = tf.variable(tf.randomNormal([3, 6, 8, 12], 0, 1, 'float32', 1));
          tf.dispose(layer.apply(x) as tf.Tensor);
          const values = layer.getWeights().map((w, i) => tf.randomNormal(w.shape, 0, 0.5, 'float32', i + 1));
          layer.setWeights(values);
          const c = tf.randomNormal(x.shape, 0, 1, 'float32', 2);
          const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
          const compute = async () => {
            // The same samples lose their branches each time.
            layer.randomUses = 0;
            const loss = () => tf.sum(tf.mul(layer.apply(x, {training: true}) as tf.Tensor, c)) as tf.Scalar;
            const {value, grads} = tf.variableGrads(loss, [x, ...weights]);
            const read = [value, ...[x, ...weights].map(({name}) => grads[name])];
            return Promise.all(read.map((tensor) => tensor.data()));
          };
          registerOperations();
          expect(kernelsInUse().operations.SwintBlockGrad).to.equal('webgpu');
          const ours = await compute();
          unregisterOperations();
          expect(kernelsInUse().operations.SwintBlockGrad).to.equal('composed');
          const stock = await compute();
          const names = ['value', 'x', ...layer.trainableWeights.map(({originalName}) => originalName)];
          expect(ours.length).to.equal(names.length);
          for (const [i, name] of names.entries()) expectRelativeClose(name, ours[i], stock[i], 1e-4);
        });
      }

      it('takes five dispatches, and a pair with all gradients at most 40', () => {
        registerOperations();
        const x = tf.randomNormal([2, 14, 14, 32]) as tf.Tensor4D;
        const block = swinBlock({numHeads: 2, windowSize: 7, shifted: true, dataFormat: 'channelsLast'});
        tf.dispose(block.apply(x) as tf.Tensor);
        expect(dispatchesOf(() => block.apply(x) as tf.Tensor)).to.equal(5);
        const post = swinBlock({numHeads: 2, windowSize: 7, variant: 'miziha', dataFormat: 'channelsLast'});
        tf.dispose(post.apply(x) as tf.Tensor);
        expect(dispatchesOf(() => post.apply(x) as tf.Tensor)).to.equal(7);
        const pair = swinT({numHeads: 2, windowSize: 7, dataFormat: 'channelsLast'});
        tf.dispose(pair.apply(x) as tf.Tensor);
        const weights = pair.trainableWeights.map((weight) => weight.read() as tf.Variable);
        const input = tf.variable(x);
        const gradients = (f: () => tf.Tensor) =>
          Object.values(tf.variableGrads(() => tf.sum(f()) as tf.Scalar, [input, ...weights]).grads);
        const loss = dispatchesOf(() => gradients(() => tf.mul(input, tf.sum(weights[0]))));
        const all = dispatchesOf(() => gradients(() => pair.apply(input) as tf.Tensor));
        // The sum and what its gradient takes are not the pair's.
        expect(all - loss, `${all} with the loss`).to.be.at.most(40);
        input.dispose();
      });
    });
  },
  {only: ['webgpu']},
);

/** What swinBlock costs and says beside its numbers, which operations.test.ts checks. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {BackendError, swinBlock} from '../../../kernels/index.js';

/** A small block: x, weights and attributes. */
function block() {
  const random = (...shape: number[]) => tf.randomNormal(shape) as never;
  const inputs = {
    ...{x: random(1, 4, 4, 8), gamma1: random(8), beta1: random(8), gamma2: random(8), beta2: random(8)},
    ...{qkvWeight: random(8, 24), qkvBias: random(24), table: random(9, 2)},
    ...{projWeight: random(8, 8), projBias: random(8)},
    ...{fc1Weight: random(8, 16), fc1Bias: random(16), fc2Weight: random(16, 8), fc2Bias: random(8)},
  };
  const attention = {
    numHeads: 2,
    windowSize: [2, 2],
    shift: [1, 1],
    padding: 'masked',
    score: 'dot',
    scale: 0.5,
  };
  return {inputs, attrs: {attention, norm: 'pre', epsilon: 1e-5} as never};
}

describe('swinBlock', () => {
  before(() => tf.setBackend('cpu'));

  it('composed, leaves its result and no other tensor', () => {
    const {inputs, attrs} = block();
    const before = tf.memory().numTensors;
    const y = swinBlock(inputs, attrs);
    expect(tf.memory().numTensors).to.equal(before + 1);
    tf.dispose([y, inputs]);
  });

  it('composed, computes no gradient of a weight that nobody asks for', async () => {
    const {inputs, attrs} = block();
    const kernels = async (names: (keyof typeof inputs)[]) => {
      const differentiate = tf.grads((...given: tf.Tensor[]) =>
        swinBlock({...inputs, ...Object.fromEntries(names.map((name, i) => [name, given[i]]))}, attrs),
      );
      const profile = await tf.profile(() => tf.dispose(differentiate(names.map((name) => inputs[name]))));
      return profile.kernels.filter(({name}) => name === 'BatchMatMul').length;
    };
    // Products of the last weight's gradient; of that of the one before it, behind GELU; and of both.
    const last = await kernels(['fc2Weight']);
    const both = await kernels(['fc1Weight', 'fc2Weight']);
    const first = await kernels(['fc1Weight']);
    expect([first - last, both - last]).to.deep.equal([1, 2]);
    expect(await kernels(['x'])).to.be.below(await kernels(Object.keys(inputs) as (keyof typeof inputs)[]));
    tf.dispose(inputs);
  });

  it('says so where the kernel of the gradient is gone', () => {
    const {inputs, attrs} = block();
    const names = ['SwintBlock', 'SwintBlockGrad'] as const;
    for (const kernelName of names) {
      tf.registerKernel({
        kernelName,
        backendName: 'cpu',
        kernelFunc: ({inputs: {x}}) => Array.from({length: 7}, () => tf.clone(x as tf.Tensor)),
      });
    }
    try {
      const differentiate = tf.grad((x: tf.Tensor) => {
        const y = swinBlock({...inputs, x: x as tf.Tensor4D}, attrs);
        tf.unregisterKernel('SwintBlockGrad', 'cpu');
        return y;
      });
      expect(() => differentiate(inputs.x)).to.throw(BackendError, /SwintBlockGrad: .*; 'cpu' has none \(/);
    } finally {
      for (const name of names) if (tf.getKernel(name, 'cpu')) tf.unregisterKernel(name, 'cpu');
    }
    tf.dispose(inputs);
  });
});

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {kernelsInUse, layerNorm, linear} from '../../kernels/index.js';
import {whyUnavailable} from '../helpers/backends.js';

describe('dispatch', () => {
  const inputs = () => ({x: tf.randomNormal([2, 3]), gamma: tf.ones([3]), beta: tf.zeros([3])}) as never;

  it('runs the composed version where the backend has no kernel, and says so', () => {
    const {backend, operations} = kernelsInUse();
    expect(backend).to.equal(tf.getBackend());
    expect(operations.SwintLayerNorm).to.equal('composed');
    expect(Object.keys(operations)).to.include.members([
      'SwintWindowAttention',
      'SwintLinear',
      'SwintPatchMerge',
    ]);
  });

  it('runs the kernel of the backend where it has one, and says so', async () => {
    await tf.ready();
    const backendName = tf.getBackend();
    tf.registerKernel({
      kernelName: 'SwintLayerNorm',
      backendName,
      kernelFunc: () => [tf.fill([2, 3], 42), tf.zeros([2, 3]), tf.zeros([2, 1])],
    });
    try {
      expect(kernelsInUse().operations.SwintLayerNorm).to.equal(backendName);
      expect(kernelsInUse().operations.SwintLayerNormGrad).to.equal('composed');
      expect(Array.from(layerNorm(inputs()).dataSync())).to.deep.equal(Array(6).fill(42));
    } finally {
      tf.unregisterKernel('SwintLayerNorm', backendName);
    }
    expect(Array.from(layerNorm(inputs()).dataSync())).to.not.deep.equal(Array(6).fill(42));
  });

  it('finds the kernels of the current backend', async () => {
    expect(await whyUnavailable('wasm')).to.equal(undefined);
    await tf.setBackend('wasm');
    const {operations} = kernelsInUse();
    await tf.setBackend('cpu');
    expect(operations.SwintLinear).to.equal('wasm');
    expect(operations.SwintWindowAttentionGrad).to.equal('wasm');
    expect(kernelsInUse().operations.SwintLinear).to.equal('composed');
  });

  it('computes no gradient that nobody asks for', async () => {
    const weight = tf.variable(tf.randomNormal([64, 64]));
    const x = tf.variable(tf.randomNormal([8, 64]));
    const products = async (variables: tf.Variable[]) => {
      const {kernels} = await tf.profile(() =>
        tf.dispose(
          tf.variableGrads(() => tf.sum(linear({x, weight} as never)) as tf.Scalar, variables).grads,
        ),
      );
      return kernels.filter(({name}) => name === 'BatchMatMul').length;
    };
    expect(await products([x])).to.equal(1);
    expect(await products([weight])).to.equal(1);
    expect(await products([x, weight])).to.equal(2);
  });
});

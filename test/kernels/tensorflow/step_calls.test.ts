/** How often a training step calls TensorFlow: on a GPU every call is a launch. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet} from '../../../architectures/index.js';
import {replaceStockKernels, restoreStockKernels} from '../../../kernels/tensorflow/tfjs/replacements.js';
import {AdamW} from '../../../src/training/adamw.js';
import {eachBackend} from '../../helpers/backends.js';
import {countCalls, nativeTensors} from './native_calls.js';

/** Calls in a step at most, of any batch. */
const MOST = 2100;

eachBackend(
  () => {
    before(replaceStockKernels);
    after(restoreStockKernels);

    it(`a step of SwinResNet-14 calls TensorFlow ${MOST} times at most, and leaves no tensor`, () => {
      const model = swinResNet({numClasses: 10, seed: 1});
      const images = tf.randomNormal([2, 3, 32, 32]);
      const labels = tf.oneHot(tf.tensor1d([1, 2], 'int32'), 10);
      const optimizer = new AdamW({learningRate: 1e-4});
      const loss = () =>
        tf.losses.softmaxCrossEntropy(
          labels,
          model.apply(images, {training: true}) as tf.Tensor,
        ) as tf.Scalar;
      const step = () => void optimizer.minimize(loss);
      step();
      step();
      const held = nativeTensors();
      const {calls} = countCalls(step);
      const sum = [...calls.values()].reduce((a, b) => a + b, 0);
      expect(sum, [...calls].map((one) => one.join(' ')).join(', ')).to.be.at.most(MOST);
      expect(calls.get('MatMul'), 'products are counted').to.be.at.least(96);
      expect(nativeTensors()).to.equal(held);
      tf.dispose([images, labels]);
      optimizer.dispose();
      model.dispose();
    });
  },
  {only: ['tensorflow']},
);

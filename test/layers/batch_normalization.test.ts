/** What a training step of batch normalization asks of a GPU. */
import '../../kernels/index.js';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {batchNormalization} from '../../layers/index.js';
import {eachBackend} from '../helpers/backends.js';
import {programsOf} from '../kernels/webgpu/runtime/programs.js';

eachBackend(
  () => {
    it('batchNormalization moves its statistics by one dispatch', () => {
      const layer = batchNormalization();
      const x = tf.randomNormal([4, 5, 5, 8]);
      tf.dispose(layer.apply(x) as tf.Tensor);
      expect(programsOf(() => layer.apply(x, {training: true}) as tf.Tensor)).to.deep.equal([
        'batch_statistics_parts',
        'batch_statistics',
        'sgd_update',
        'batch_norm',
      ]);
      x.dispose();
      layer.dispose();
    });
  },
  {only: ['webgpu']},
);

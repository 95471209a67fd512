/** 20 steps of AdamW beside those of torch.optim.AdamW on the same network of timm, images and weights. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {AdamW} from '../../../src/training/adamw.js';
import {swinFromCheckpoint} from '../../../src/weights/from_checkpoint.js';
import {writeSafetensors} from '../../../src/weights/safetensors.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectAbsClose} from '../../helpers/compare.js';
import {readGolden, valuesUnder} from '../../helpers/golden.js';

interface Config {
  losses: number[];
  rates: {lr: number; betas: [number, number]; eps: number; weight_decay: number};
  /** Parameters that decay leaves alone. */
  free: string[];
}

describe('training beside timm', () => {
  eachBackend(
    () => {
      it('has the same loss in each of 20 steps of AdamW', async () => {
        const {tensors, config} = readGolden('timm_adamw.safetensors', 'training');
        const {losses, rates} = config as unknown as Config;
        expect(losses).to.have.length(20);
        const {model} = await swinFromCheckpoint(writeSafetensors(valuesUnder('state.', tensors)));
        const optimizer = new AdamW({
          ...{learningRate: rates.lr, beta1: rates.betas[0], beta2: rates.betas[1]},
          ...{epsilon: rates.eps, weightDecay: rates.weight_decay},
        });
        const images = tf.tensor(new Float32Array(tensors.images.data), [
          ...tensors.images.shape,
        ] as number[]);
        const labels = tf.tensor2d([...tensors.labels.data], [2, 4], 'int32');
        const ours: number[] = [];
        for (let step = 0; step < losses.length; step++) {
          const [batch, classes] = tf.tidy(() => [
            tf.squeeze(tf.slice(images, [step % 2, 0, 0, 0, 0], [1, -1, -1, -1, -1]), [0]),
            tf.oneHot(tf.squeeze(tf.slice(labels, [step % 2, 0], [1, -1]), [0]), 3),
          ]);
          const cost = optimizer.minimize(
            () =>
              tf.losses.softmaxCrossEntropy(
                classes,
                model.apply(batch, {training: true}) as tf.Tensor,
              ) as tf.Scalar,
            true,
          )!;
          ours.push((await cost.data())[0]);
          tf.dispose([batch, classes, cost]);
        }
        // Nothing is proved by a loss that stays where it was.
        expect(losses[19]).to.be.below(0.7 * losses[0]);
        expectAbsClose('losses', ours, losses, 1e-5);
        tf.dispose([images, labels]);
        optimizer.dispose();
        model.dispose();
      });
    },
    {only: ['cpu', 'wasm']},
  );
});

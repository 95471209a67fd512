/** Training steps of the CIFAR SwinResNet and of its convolution twin, batch 32, against tfjs's own kernels. */
import * as tf from '@tensorflow/tfjs';
import {AdamW, type BackendName, swinResNet} from 'tfjs-swint';
import {alternatives} from './alternatives.js';
import {interleaved} from './measure.js';
import type {Report} from './report.js';

const BATCH = 32;

export async function benchSteps(backend: BackendName, repeats: number, report: Report): Promise<void> {
  report.title(`Training steps on 32x32 images, batch ${BATCH}`);
  for (const convolution of [false, true]) {
    const model = swinResNet({numClasses: 10, convolution, seed: 1});
    const images = tf.randomNormal([BATCH, 3, 32, 32]);
    const labels = tf.oneHot(tf.range(0, BATCH, 1, 'int32').mod(tf.scalar(10, 'int32')).cast('int32'), 10);
    const optimizer = new AdamW({learningRate: 1e-4});
    const loss = () =>
      tf.losses.softmaxCrossEntropy(labels, model.apply(images, {training: true}) as tf.Tensor) as tf.Scalar;
    const step = () => optimizer.minimize(loss, true) as tf.Scalar;
    const choices = alternatives(backend, step, step);
    report.add({
      what: `training step, ${model.name}`,
      times: await interleaved(choices as Required<typeof choices>, repeats),
    });
    tf.dispose([images, labels]);
    model.dispose();
  }
}

/**
 * What the training of a classifier minimises: softmax cross-entropy against targets that are spread over the classes.
 *
 *     target = (1 - s) t + s / K        loss = mean over the batch of  -sum_k target_k log softmax(z)_k
 *
 * with label smoothing s (Szegedy et al. 2016) and K classes. t is onehot(y); of an image that is mixed with a partner
 * (data/mix_images.ts), share a: a onehot(y) + (1 - a) onehot(y of the partner).
 */
import * as tf from '@tensorflow/tfjs-core';
import type {Batch} from '../data/batches.js';
import type {ImageDataset} from '../data/dataset.js';
import type {Objective, StepBatch} from './steps.js';

/**
 * The loss, and how many images are classified correctly: those of a mixture count by the class of the larger share.
 *
 * The objective takes classes [B], int32, or shares of the classes [B, K].
 */
export function classification(classes: number, labelSmoothing: number): Objective {
  return (logits, labels) => {
    const mixed = labels.rank === 2;
    const main = mixed ? tf.argMax(labels, 1) : labels;
    const target = mixed ? labels : tf.oneHot(labels as tf.Tensor1D, classes);
    const correct = tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), main), 'float32'));
    const loss = tf.losses.softmaxCrossEntropy(target, logits, undefined, labelSmoothing) as tf.Scalar;
    return {loss, counts: tf.reshape(correct, [1])};
  };
}

/** The batch; where its images are mixed, with the shares of the classes [B, K] in place of its labels, which it disposes. */
export function withTargets<T extends Batch>(
  batch: T,
  dataset: Pick<ImageDataset, 'label' | 'classNames'>,
): Omit<T, 'labels'> & Pick<StepBatch, 'labels'> {
  if (batch.mix === undefined) return batch;
  const {partners, share} = batch.mix;
  const classes = dataset.classNames.length;
  const own = batch.indices.map((index) => dataset.label(index));
  const targets = new Float32Array(own.length * classes);
  for (const [place, partner] of partners.entries()) {
    targets[place * classes + own[place]] += share;
    targets[place * classes + own[partner]] += 1 - share;
  }
  batch.labels.dispose();
  return {...batch, labels: tf.tensor2d(targets, [own.length, classes])};
}

/**
 * How well a classifier does on a labelled set of images.
 *
 * From the logits z [B, K] of each batch (their mean over the views of an image, see inference/views.ts) and the labels y [B]:
 *
 *     loss = mean over images of  logsumexp(z) - z_y        prediction = argmax z, the first of equal ones
 *     confidence = max softmax(z)                           confusion[y][prediction] += 1
 *
 * The logits are read once per batch and the rest is done here in float64: it is a few numbers per image, and the
 * result does not depend on the backend's exp and log.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {type BatchesArgs, batches} from '../data/batches.js';
import {checkLabels} from '../data/checked_reads.js';
import type {ImageDataset} from '../data/dataset.js';
import {DataError, SwintError} from '../errors.js';
import {checkViews, meanOverViews, type Views} from '../inference/views.js';
import {checkClassifier} from './check_model.js';

/** How images become tensors; the same for training and evaluation. See `batches`. */
export type ImageOptions = Pick<
  BatchesArgs,
  'mean' | 'std' | 'dataFormat' | 'badImages' | 'onBadImage' | 'prefetch'
>;

export const IMAGE_OPTIONS = {
  ...{mean: true, std: true, dataFormat: true, badImages: true, onBadImage: true, prefetch: true},
} as const satisfies ArgumentNames<ImageOptions>;

export interface EvaluateOptions extends ImageOptions {
  /** Images per batch; default 64. */
  batchSize?: number;
  /**
   * Views of each image whose logits are averaged: 1, the image itself (default); 2, and its mirror image; 6, both of
   * them also shifted by a pixel both ways. It takes as many times as long.
   */
  views?: Views;
  /** Told after every batch how many of the images are done. */
  onBatch?: (progress: {images: number; total: number}) => void;
  /** Stops the evaluation after the current batch; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

const OPTIONS = {
  ...IMAGE_OPTIONS,
  ...{batchSize: true, views: true, onBatch: true, signal: true},
} as const satisfies ArgumentNames<EvaluateOptions>;

export interface Evaluation {
  /** Mean cross-entropy over the images, in nats, without label smoothing. */
  loss: number;
  /** Share of the images whose prediction is their label. */
  accuracy: number;
  /** Images by class: row is the true class, column the predicted one. */
  confusion: number[][];
  /** Predicted class by index in the data set; -1 for an image that was skipped. */
  predictions: Int32Array;
  /** Softmax of the predicted class by index in the data set, 0 to 1; 0 for an image that was skipped. */
  confidences: Float32Array;
}

/**
 * Runs a classifier over a data set, without augmentation and in inference mode.
 *
 * @param model Maps images to logits [B, K], K the number of the data set's classes.
 * @throws ConfigError where model and data set do not fit; DataError for an unreadable image, or where 'skip' leaves
 *     none; SwintError where a logit is not finite.
 */
export async function evaluate(
  model: tfl.LayersModel,
  dataset: ImageDataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkArguments('evaluate', options, OPTIONS);
  const {batchSize = 64, views = 1, onBatch, signal, ...imageOptions} = options;
  const who = `evaluate(${dataset.name})`;
  const {dataFormat = 'channelsFirst'} = options;
  checkClassifier(who, model, dataset, dataFormat);
  checkViews(who, 'views', views, [dataset.height, dataset.width]);
  checkLabels(dataset);
  const classes = dataset.classNames.length;
  const confusion = Array.from({length: classes}, () => new Array<number>(classes).fill(0));
  const predictions = new Int32Array(dataset.size).fill(-1);
  const confidences = new Float32Array(dataset.size);
  let lossSum = 0;
  let correct = 0;
  let images = 0;
  for await (const batch of batches(dataset, {...imageOptions, batchSize, signal})) {
    const logits = meanOverViews(model, batch.images, dataFormat, views);
    tf.dispose([batch.images, batch.labels]);
    let values: ArrayLike<number>;
    try {
      values = await logits.data();
    } finally {
      logits.dispose();
    }
    for (const [row, index] of batch.indices.entries()) {
      const label = dataset.label(index);
      const {loss, prediction, confidence} = scoreRow(values, row * classes, classes, label);
      if (!Number.isFinite(loss)) {
        throw new SwintError(
          `${who}: the model's logits must be finite; got a loss of ${loss} for image ${index} ` +
            `(the training diverged, or the weights do not belong to this model).`,
        );
      }
      lossSum += loss;
      correct += prediction === label ? 1 : 0;
      confusion[label][prediction] += 1;
      predictions[index] = prediction;
      confidences[index] = confidence;
    }
    images += batch.indices.length;
    onBatch?.({images, total: dataset.size});
    signal?.throwIfAborted();
  }
  if (images === 0) {
    throw new DataError(`${who}: at least one image must be readable; got none of ${dataset.size}.`);
  }
  return {loss: lossSum / images, accuracy: correct / images, confusion, predictions, confidences};
}

/** Loss, prediction and confidence of one image, whose logits are `classes` values from `start` on. */
export function scoreRow(
  values: ArrayLike<number>,
  start: number,
  classes: number,
  label: number,
): {loss: number; prediction: number; confidence: number} {
  let prediction = 0;
  for (let k = 1; k < classes; ++k) if (values[start + k] > values[start + prediction]) prediction = k;
  const highest = values[start + prediction];
  // Shifted by the highest logit, so that exp cannot overflow.
  let sum = 0;
  for (let k = 0; k < classes; ++k) sum += Math.exp(values[start + k] - highest);
  return {loss: Math.log(sum) + highest - values[start + label], prediction, confidence: 1 / sum};
}

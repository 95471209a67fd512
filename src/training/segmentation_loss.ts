/**
 * The loss of segmentation networks: soft Dice, which sees classes of few pixels, and cross-entropy, which sees every pixel.
 *
 *   p = softmax(logits), y the one-hot labels, sums over all pixels of the batch, w the class weights
 *
 *   CE   = -sum w_y log p_y / sum w_y
 *   Dice = 1 - sum_k w_k (2 sum p_k y_k + s) / (sum p_k^2 + sum y_k^2 + s) / sum_k w_k
 *   loss = d Dice + (1 - d) CE
 *
 * Source: Milletari et al. 2016, "V-Net", for the squares in the denominator; the sum of the two is that of TransUNet
 * (Chen et al. 2021, d = 0.5) and of HuCaoFighting/Swin-Unet (d = 0.6), s = 1e-5 in both.
 */

import * as tf from '@tensorflow/tfjs-core';
import {ABOVE_ZERO, checkNumber, checkNumbers, positive, SHARE} from '../../kernels/common/arguments.js';
import {checkDataFormat, type DataFormat, mapShape} from '../../kernels/common/data_format.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {ShapeError} from '../errors.js';
import {oneHotPixels, pixelRows} from './pixel_classes.js';

/** Labels first, as in `tf.losses` and in the losses of `model.compile`. */
export type SegmentationLoss = (labels: tf.Tensor, logits: tf.Tensor) => tf.Scalar;

export interface DiceCrossEntropyArgs {
  /** Share d of the Dice loss, 0 to 1; default 0.6. */
  diceWeight?: number;
  /** Added above and below the fraction line, so that a class without pixels is no division by 0; default 1e-5. */
  smooth?: number;
  /** Label of pixels that count for nothing; default none. */
  ignoreIndex?: number;
  /** One positive number per class; default all the same. Their sum does not matter. */
  classWeights?: readonly number[];
  /** Where the classes are in the logits; default 'channelsFirst'. */
  dataFormat?: DataFormat;
}

const ARGUMENTS = {
  ...{diceWeight: true, smooth: true, ignoreIndex: true, classWeights: true, dataFormat: true},
} as const satisfies ArgumentNames<DiceCrossEntropyArgs>;

/**
 * A loss of labels and logits, differentiable in the logits, for `trainSegmentation`, `optimizer.minimize` and
 * `model.compile({loss})`.
 *
 * Logits are [B, K, H, W] (or [B, H, W, K]); labels are class indices [B, H, W], whole numbers from 0 to K - 1 or
 * ignoreIndex, which nothing checks on the device; or one-hot, of the logits' shape, as `model.fit` wants them, where a
 * pixel of zeros counts for nothing. A batch in which no pixel counts has a loss of 0.
 *
 * @throws ConfigError for an argument out of its range; the loss itself throws ShapeError where labels and logits do not
 *   fit.
 */
export function diceCrossEntropy(args: DiceCrossEntropyArgs = {}): SegmentationLoss {
  checkArguments('diceCrossEntropy', args, ARGUMENTS);
  const {diceWeight = 0.6, smooth = 1e-5, ignoreIndex, classWeights, dataFormat = 'channelsFirst'} = args;
  checkArgs(args);
  return (labels, logits) =>
    tf.tidy(() => {
      const classes = checkShapes(labels, logits, dataFormat, classWeights);
      const oneHot = labels.rank === 4;
      const target = oneHot ? pixelRows(labels, dataFormat) : oneHotPixels(labels, classes, ignoreIndex);
      const logProbabilities = tf.logSoftmax(pixelRows(logits, dataFormat));
      const weights = tf.tensor1d([...(classWeights ?? new Array<number>(classes).fill(1))]);

      const weighted = classWeights ? tf.mul(target, weights) : target;
      // Where no pixel counts, 0 / 0 is 0.
      const total = tf.maximum(tf.sum(weighted), 1e-12);
      const crossEntropy = tf.neg(tf.div(tf.sum(tf.mul(weighted, logProbabilities)), total));

      let probabilities: tf.Tensor = tf.exp(logProbabilities);
      if (oneHot || ignoreIndex !== undefined) {
        probabilities = tf.mul(probabilities, tf.sum(target, 1, true));
      }
      const overlap = tf.sum(tf.mul(probabilities, target), 0); // [K]
      const squares = tf.add(tf.sum(tf.square(probabilities), 0), tf.sum(tf.square(target), 0)); // [K]
      const dice = tf.div(tf.add(tf.mul(2, overlap), smooth), tf.add(squares, smooth));
      const diceLoss = tf.sub(1, tf.div(tf.sum(tf.mul(dice, weights)), tf.sum(weights)));

      return tf.add(tf.mul(diceWeight, diceLoss), tf.mul(1 - diceWeight, crossEntropy)) as tf.Scalar;
    });
}

function checkArgs({diceWeight = 0.6, smooth = 1e-5, classWeights, dataFormat}: DiceCrossEntropyArgs): void {
  const who = 'diceCrossEntropy';
  checkNumber(who, 'diceWeight', diceWeight, SHARE);
  positive(who, 'smooth', smooth);
  if (classWeights) {
    checkNumbers(who, 'classWeights', classWeights, {
      count: classWeights.length,
      per: 'class',
      rule: ABOVE_ZERO,
    });
  }
  if (dataFormat !== undefined) checkDataFormat(who, dataFormat);
}

/** @returns the number of classes. */
function checkShapes(
  labels: tf.Tensor,
  logits: tf.Tensor,
  dataFormat: DataFormat,
  classWeights: readonly number[] | undefined,
): number {
  const [batch, ...sizes] = logits.shape;
  const first = dataFormat === 'channelsFirst';
  const classes = first ? sizes[0] : sizes[2];
  const pixels = first ? [batch, sizes[1], sizes[2]] : [batch, sizes[0], sizes[1]];
  const {arraysEqual} = tf.util;
  if (logits.rank !== 4 || !(arraysEqual(labels.shape, pixels) || arraysEqual(labels.shape, logits.shape))) {
    const shape = showShape(['B', ...mapShape(dataFormat, 'K', 'H', 'W')]);
    throw new ShapeError(
      `diceCrossEntropy: logits must be ${shape} and labels class indices [B, H, W] or one-hot ${shape}; ` +
        `got ${showShape(logits.shape)} and ${showShape(labels.shape)} (check dataFormat, and that labels come first).`,
    );
  }
  if (classWeights && classWeights.length !== classes) {
    throw new ShapeError(
      `diceCrossEntropy: classWeights must be one number per class, ${classes}; got ${classWeights.length}.`,
    );
  }
  return classes;
}

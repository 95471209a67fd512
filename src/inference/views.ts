/**
 * Views of a test image: the outputs of a classifier for the image, its mirror image and shifted copies, averaged.
 *
 *     views 1: the image    2: and its mirror image    6: both, in place and shifted by (-1, -1) and (1, 1) pixels
 *     z = mean over the views of model(view)           images [B, C, H, W] or [B, H, W, C] -> [B, K]
 *
 * What a shift brings in is the image reflected at its outermost pixels. Source: Jordan 2024, "94% on CIFAR-10 in 3.29
 * Seconds on a Single GPU", section 3.7 (there the two views in place count half of the mean, here all count the same).
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {oneOf} from '../../kernels/common/arguments.js';
import type {DataFormat} from '../../kernels/common/data_format.js';
import {mirrored} from '../data/augment.js';
import {ConfigError} from '../errors.js';

/** How many views of an image are taken. */
export type Views = 1 | 2 | 6;

const SHIFTS: Readonly<Record<Views, readonly number[]>> = {1: [0], 2: [0], 6: [0, -1, 1]};

/** @throws ConfigError, in the name of `who`, unless images [height, width] have so many views. */
export function checkViews(
  who: string,
  name: string,
  views: Views,
  [height, width]: readonly [number, number],
): void {
  oneOf(who, name, views, [1, 2, 6]);
  if (views === 6 && Math.min(height, width) < 2) {
    throw new ConfigError(
      `${who}: ${name} 6 must be of images of at least 2x2 pixels, which can be shifted; got ${height}x${width} ` +
        `(use 1 or 2).`,
    );
  }
}

/**
 * The mean of what the model returns for the views of each image, in inference mode. The caller disposes it.
 *
 * The views go through the model one after the other, so that they take no more memory than one.
 */
export function meanOverViews(
  model: tfl.LayersModel,
  images: tf.Tensor4D,
  dataFormat: DataFormat,
  views: Views,
): tf.Tensor {
  const apply = (view: tf.Tensor) => model.apply(view, {training: false}) as tf.Tensor;
  return tf.tidy(() => {
    if (views === 1) return apply(images);
    let sum: tf.Tensor | null = null;
    for (const shift of SHIFTS[views]) {
      for (const mirror of [false, true]) {
        const next = tf.tidy(() => {
          const output = apply(viewOf(images, dataFormat, shift, mirror));
          return sum === null ? output : tf.add(sum, output);
        });
        sum?.dispose();
        sum = next;
      }
    }
    return tf.div(sum!, views);
  });
}

/** Cell (y, x) of the view is cell (y + shift, x + shift) of the image, or of its mirror image. */
function viewOf(images: tf.Tensor4D, dataFormat: DataFormat, shift: number, mirror: boolean): tf.Tensor {
  const rowAxis = dataFormat === 'channelsFirst' ? 2 : 1;
  const [height, width] = [images.shape[rowAxis]!, images.shape[rowAxis + 1]!];
  const rows = Array.from({length: height}, (_, y) => mirrored(y + shift, height));
  const columns = Array.from({length: width}, (_, x) => {
    const column = mirrored(x + shift, width);
    return mirror ? width - 1 - column : column;
  });
  const shifted = shift === 0 ? images : tf.gather(images, tf.tensor1d(rows, 'int32'), rowAxis);
  return shift === 0 && !mirror ? shifted : tf.gather(shifted, tf.tensor1d(columns, 'int32'), rowAxis + 1);
}

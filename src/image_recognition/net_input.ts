/**
 * Pictures as tfjs-image-recognition-base takes them, as RGB bytes [H, W, 3]: its NetInput is read picture by picture, so
 * that each is prepared at its own size, as `classify` of tfjs-swint does, and not padded to a square.
 */

import * as tf from '@tensorflow/tfjs-core';
import {rgbFromBytes, rgbImage} from '../data/image_input.js';
import type {RgbImage} from '../data/rgb_image.js';
import {DataError} from '../errors.js';
import type {CanvasLike, ImageRecognitionBase, NetInputLike} from './base_package.js';

/** What a NetInput holds for one picture. */
export type NetPicture = CanvasLike | tf.Tensor3D | tf.Tensor4D;

/**
 * The NetInput of whatever the package takes: that itself, a canvas, image or video, a tensor of bytes [H, W, 3] or
 * [1, H, W, 3], in a browser the id of an element, or an array of them. Waits for images to be loaded.
 *
 * @throws DataError for anything else.
 */
export async function netInput(
  who: string,
  base: ImageRecognitionBase,
  input: unknown,
): Promise<NetInputLike> {
  try {
    return await base.toNetInput(input);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'a picture that does not load';
    throw new DataError(
      `${who}: the input must be a NetInput, a canvas, an image, a video, a tensor of bytes [H, W, 3], or an array of ` +
        `them; got: ${why} (in Node give the package its canvas by env.monkeyPatch).`,
      {cause: error},
    );
  }
}

/** The pictures of a NetInput, in order. */
export function picturesOf(input: NetInputLike): NetPicture[] {
  return Array.from({length: input.batchSize}, (_, index) => input.getInput(index));
}

/**
 * One picture as RGB bytes.
 *
 * @throws DataError, in the name of `who`, for pixels that cannot be read or values that are no bytes; ShapeError for a
 *   tensor of another shape.
 */
export async function readPicture(who: string, picture: NetPicture): Promise<RgbImage> {
  if (!(picture instanceof tf.Tensor)) return rgbFromBytes(who, canvasPixels(who, picture));
  if (picture.rank !== 4) return rgbImage(who, picture as tf.Tensor3D);
  const image = tf.squeeze<tf.Tensor3D>(picture, [0]);
  try {
    return await rgbImage(who, image);
  } finally {
    image.dispose();
  }
}

function canvasPixels(who: string, canvas: CanvasLike): ImageData {
  try {
    const context = canvas.getContext('2d', {willReadFrequently: true}) as CanvasRenderingContext2D;
    return context.getImageData(0, 0, canvas.width, canvas.height);
  } catch (error) {
    throw new DataError(
      `${who}: the pixels of a canvas must be readable; got ${(error as Error).message} ` +
        '(an empty canvas, or a picture from another origin without its leave).',
      {cause: error},
    );
  }
}

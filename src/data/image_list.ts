/**
 * One image or several: what a function is given, as a list of images that `rgbImage` reads one by one.
 *
 *     one image                        a list of one
 *     an array                         its images
 *     tensor [B, H, W, 3] or [.., 4]   B images of bytes
 *     NetInput                         its canvases and tensors; several where it says that it is a batch
 */
import * as tf from '@tensorflow/tfjs-core';
import {showShape} from '../../kernels/common/shapes.js';
import {ShapeError} from '../errors.js';
import {type ImageInput, type PixelBytes, tensorBytes} from './image_input.js';

/**
 * What tfjs-image-recognition-base makes of the inputs of its networks: canvases, and tensors [H, W, 3] or [1, H, W, 3]. Any
 * object of this form is one.
 */
export interface NetInputLike {
  readonly batchSize: number;
  /** Whether its images are several, be it only one of them. */
  readonly isBatchInput: boolean;
  getInput(index: number): unknown;
}

/** Several images in one value. */
export type ImageBatch = tf.Tensor4D | NetInputLike;

export interface ImageList<T> {
  images: readonly (T | ImageInput)[];
  /** Whether the answer is a list too. */
  several: boolean;
}

/**
 * @throws ShapeError or DataError, in the name of `who`, for a tensor that holds no images of bytes.
 */
export async function imageList<T>(who: string, given: T | readonly T[] | ImageBatch): Promise<ImageList<T>> {
  if (Array.isArray(given)) return {images: given as readonly T[], several: true};
  if (given instanceof tf.Tensor && given.rank === 4) {
    return {images: await imagesOf(who, given as tf.Tensor4D), several: true};
  }
  if (!isNetInput(given)) return {images: [given as T], several: false};
  const images: ImageInput[] = [];
  for (let i = 0; i < given.batchSize; i++) {
    const image = given.getInput(i);
    if (image instanceof tf.Tensor && image.rank === 4)
      images.push(...(await imagesOf(who, image as tf.Tensor4D)));
    else images.push(image as ImageInput);
  }
  return {images, several: given.isBatchInput};
}

function isNetInput(given: unknown): given is NetInputLike {
  const {batchSize, getInput} = (given ?? {}) as Partial<NetInputLike>;
  return typeof batchSize === 'number' && typeof getInput === 'function';
}

async function imagesOf(who: string, batch: tf.Tensor4D): Promise<PixelBytes[]> {
  const [count, height, width, channels] = batch.shape;
  if (channels !== 3 && channels !== 4) {
    throw new ShapeError(
      `${who}: a tensor of images must be [batch, height, width, 3]; got ${showShape(batch.shape)} (channels last).`,
    );
  }
  const {data} = tensorBytes(who, await batch.data(), [count * height, width]);
  const volume = height * width * channels;
  return Array.from({length: count}, (_, i) => ({
    ...{data: data.subarray(i * volume, (i + 1) * volume), height, width},
  }));
}

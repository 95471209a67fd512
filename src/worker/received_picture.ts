/** In the worker: pictures as they were sent (pictures.ts), as the functions of this library take them. */
import * as tf from '@tensorflow/tfjs-core';
import {DataError} from '../errors.js';
import {isOf, type SentPicture, type SentTensorPicture} from './pictures.js';

/** A picture that has come, and what frees it. */
export interface ReceivedPicture<Picture> {
  picture: Picture;
  free(): void;
}

/** @throws DataError, in the name of `who`, for a file that the browser cannot decode. */
export async function receivedPicture<Picture>(
  who: string,
  sent: SentPicture,
): Promise<ReceivedPicture<Picture>> {
  if (isOf(sent, 'Blob', 'VideoFrame')) {
    const bitmap = await decoded(who, sent as Blob | VideoFrame);
    if (isOf(sent, 'VideoFrame')) (sent as VideoFrame).close();
    return {picture: bitmap as Picture, free: () => bitmap.close()};
  }
  if (isOf(sent, 'ImageBitmap')) {
    return {picture: sent as Picture, free: () => (sent as ImageBitmap).close()};
  }
  const {values, shape} = sent as SentTensorPicture;
  if (!Array.isArray(shape)) return {picture: sent as Picture, free: () => undefined};
  const tensor = tf.tensor(values, shape);
  return {picture: tensor as Picture, free: () => tensor.dispose()};
}

async function decoded(who: string, source: Blob | VideoFrame): Promise<ImageBitmap> {
  if (typeof createImageBitmap !== 'function') {
    throw new DataError(
      `${who}: in Node an image must be a path, the bytes of a file or of pixels; got a Blob.`,
    );
  }
  try {
    return await createImageBitmap(source);
  } catch (error) {
    throw new DataError(
      `${who}: the file must be an image that the browser can decode; got ${(error as Error).message}.`,
      {cause: error},
    );
  }
}

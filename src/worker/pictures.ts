/**
 * Every kind of picture that a page has, as a worker can take it.
 *
 *     img, canvas, video             an ImageBitmap of it at this moment, handed over
 *     ImageBitmap, VideoFrame, bytes copied, or handed over where the caller gives them away
 *     Blob, File                     as it is: the worker decodes it
 *     tensor of tfjs                 its values and its shape
 *     text, bytes of a file          as they are, for the worker in Node, which reads files
 */
import type * as tf from '@tensorflow/tfjs-core';
import type {ImageInput} from '../data/image_input.js';
import {DataError} from '../errors.js';
import type {HandOver} from './hand_over.js';
import {isPlainObject} from './protocol.js';

/** A picture for a worker. In Node also the path of a file, or the bytes of one. */
export type WorkerPicture = ImageInput | VideoFrame | Blob | string | Uint8Array;

/** A picture of a tensor, as it is sent. */
export interface SentTensorPicture {
  values: tf.TypedArray;
  shape: number[];
}

/** A picture as it is sent. */
export type SentPicture =
  | {data: Uint8Array | Uint8ClampedArray; width: number; height: number}
  | SentTensorPicture
  | ImageBitmap
  | VideoFrame
  | Blob
  | string
  | Uint8Array;

/** Names of the classes of elements that a worker cannot have. */
const ELEMENTS = ['HTMLImageElement', 'HTMLCanvasElement', 'HTMLVideoElement', 'OffscreenCanvas'];

/** Whether a value is of one of the platform's classes of these names. */
export function isOf(value: unknown, ...names: readonly string[]): boolean {
  const classes = globalThis as unknown as Record<string, (new () => unknown) | undefined>;
  return names.some((name) => classes[name] !== undefined && value instanceof classes[name]);
}

/**
 * @throws DataError, in the name of `who`, for what is no picture, is not loaded or has pixels that the browser withholds.
 */
export async function sentPicture(who: string, picture: WorkerPicture, over: HandOver): Promise<SentPicture> {
  if (typeof picture === 'string' || isOf(picture, 'Blob')) return picture as string | Blob;
  if (picture instanceof Uint8Array) return over.array(picture);
  if (isOf(picture, ...ELEMENTS)) return over.made(await bitmapOf(who, picture as ImageBitmapSource));
  if (isOf(picture, 'ImageBitmap')) return over.picture(picture as ImageBitmap);
  // A frame is a handle of pixels that the browser shares.
  if (isOf(picture, 'VideoFrame')) {
    const frame = picture as VideoFrame;
    return over.made(over.all ? frame : frame.clone());
  }
  const {data, width, height, shape} = (picture ?? {}) as Partial<ImageData & tf.Tensor3D>;
  if (ArrayBuffer.isView(data)) {
    return {data: over.array(data as Uint8ClampedArray), width: width!, height: height!};
  }
  if (typeof data === 'function' && Array.isArray(shape)) {
    return {values: over.made((await (picture as tf.Tensor3D).data()).slice()), shape: [...shape]};
  }
  const got = isPlainObject(picture) ? `the keys ${Object.keys(picture).join(', ')}` : className(picture);
  throw new DataError(
    `${who}: an image must be {data, width, height} of bytes, a tensor of bytes [height, width, 3], a Blob of an image or ` +
      `what a canvas can draw; got ${got}.`,
  );
}

const className = (value: unknown) =>
  typeof value === 'object' && value !== null
    ? `an object of the class ${value.constructor?.name}`
    : String(value);

async function bitmapOf(who: string, element: ImageBitmapSource): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(element);
  } catch (error) {
    throw new DataError(
      `${who}: a picture must be loaded and have pixels; got ${(error as Error).message} (await image.decode() first).`,
      {cause: error},
    );
  }
}

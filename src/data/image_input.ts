/**
 * Every kind of picture that a program may have at hand, as RGB bytes [H, W, 3]; several at once are in image_list.ts.
 *
 *     bytes [H, W, 3]              as they are
 *     bytes [H, W, 4], RGBA        composited on white:  v a + 255 (1 - a),  a the alpha byte / 255
 *     tensor [H, W, 3] or [.., 4]  whole numbers from 0 to 255, then the same
 *     what a canvas draws          drawn at its own size and read back as RGBA
 */

import * as tf from '@tensorflow/tfjs-core';
import {positiveInteger} from '../../kernels/common/arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {DataError, ShapeError} from '../errors.js';
import type {RgbImage} from './rgb_image.js';
import type {PixelImage} from './segmentation_dataset.js';

/** Bytes of an image, 3 (RGB) or 4 (RGBA) per pixel, row by row; `ImageData` is one. */
export interface PixelBytes {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/** What a browser can draw on a canvas. */
type Drawable =
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | ImageBitmap
  | VideoFrame;

/** An image: its bytes, a tensor of bytes [H, W, 3], or, in a browser, whatever a canvas draws. */
export type ImageInput = PixelBytes | tf.Tensor3D | Drawable;

/** Names of the classes of Drawable; a platform has some of them or none. */
const DRAWABLE = [
  'HTMLImageElement',
  'HTMLCanvasElement',
  'HTMLVideoElement',
  'OffscreenCanvas',
  'ImageBitmap',
  'VideoFrame',
];

/**
 * The image as RGB bytes; those of the caller where they are RGB already.
 *
 * @throws DataError, in the name of `who`, for what is no image, has no pixels, another number of channels, values that
 *   are no bytes, or pixels that the browser withholds; ShapeError for a tensor that is not [H, W, 3] or [H, W, 4].
 */
export async function rgbImage(who: string, image: ImageInput): Promise<RgbImage> {
  if (image instanceof tf.Tensor) return rgbFromBytes(who, await imageTensorBytes(who, image));
  if (isPixelBytes(image)) return rgbFromBytes(who, image);
  if (isDrawable(image)) return rgbFromBytes(who, drawn(who, image));
  if (isForeignCanvas(image)) return rgbFromBytes(who, painted(who, image));
  throw new DataError(
    `${who}: an image must be {data, width, height} of bytes, a tensor of bytes [height, width, 3] or, in a browser, ` +
      `what a canvas can draw; got ${described(image)} (for paths and the bytes of files: tfjs-swint/node).`,
  );
}

/** An image of bytes, [height, width, channels], of any number of channels. */
export type ByteImage = PixelImage & {data: Uint8Array};

/**
 * The bytes of an image, of as many channels as it has; as RGB where they are no bytes yet, or RGBA and `channels` is 3.
 *
 * @throws as `rgbImage`, and ShapeError for bytes that do not fit the image's size.
 */
export async function pixelImage(
  who: string,
  image: PixelImage | ImageInput,
  channels: number | null,
): Promise<ByteImage> {
  if (!isPixelBytes(image)) return rgbImage(who, image);
  if (channels === 3 && channelsOf(who, image) === 4) return rgbFromBytes(who, image);
  const {data, width, height} = image;
  return {data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height};
}

/** Channels of an image. Throws ShapeError, in the name of `who`, where its bytes do not fit its size. */
export function channelsOf(who: string, {data, width, height}: PixelBytes): number {
  for (const [side, length] of Object.entries({width, height})) {
    positiveInteger(who, `the image's ${side}`, length, {error: ShapeError});
  }
  const channels = data.length / (width * height);
  if (!Number.isInteger(channels) || channels < 1) {
    throw new ShapeError(
      `${who}: an image of ${height}x${width} must have a whole number of bytes per pixel; got ${data.length} bytes.`,
    );
  }
  return channels;
}

/** Whether an image is bytes, of whatever number of channels. */
export function isPixelBytes(image: unknown): image is PixelBytes {
  const {data} = (image ?? {}) as Partial<PixelBytes>;
  return data instanceof Uint8Array || data instanceof Uint8ClampedArray;
}

function isDrawable(image: unknown): image is Drawable {
  const classes = globalThis as unknown as Record<string, (new () => unknown) | undefined>;
  return DRAWABLE.some((name) => {
    const known = classes[name];
    return known !== undefined && image instanceof known;
  });
}

/** A canvas of another package, such as those that draw in Node. */
interface ForeignCanvas {
  width: number;
  height: number;
  getContext(kind: '2d'): Pick<CanvasRenderingContext2D, 'getImageData'> | null;
}

function isForeignCanvas(image: unknown): image is ForeignCanvas {
  return typeof (image as Partial<ForeignCanvas> | null)?.getContext === 'function';
}

/** What is on a canvas that only its own context can read. */
function painted(who: string, canvas: ForeignCanvas): PixelBytes {
  const {width, height} = canvas;
  const context = canvas.getContext('2d');
  if (context && width > 0 && height > 0) return context.getImageData(0, 0, width, height);
  throw new DataError(
    `${who}: a canvas must have pixels and a context '2d'; got ${height}x${width}${context ? '' : ' without that context'}.`,
  );
}

function described(image: unknown): string {
  if (typeof image !== 'object' || image === null)
    return typeof image === 'string' ? 'a text' : String(image);
  return `an object of the class ${image.constructor?.name ?? 'Object'}`;
}

/**
 * The bytes of an image as RGB; those of the caller where they are that already.
 *
 * @throws DataError, in the name of `who`, for another number of bytes, or no pixel.
 */
export function rgbFromBytes(who: string, {data, width, height}: PixelBytes): RgbImage {
  const whole = [width, height].every((side) => Number.isInteger(side) && side >= 1);
  const pixels = width * height;
  if (!whole || (data.length !== 3 * pixels && data.length !== 4 * pixels)) {
    throw new DataError(
      `${who}: an image must have at least one pixel and 3 (RGB) or 4 (RGBA) bytes for each; ` +
        `got ${data.length} bytes for ${height}x${width} (height x width; repeat grey three times).`,
    );
  }
  if (data.length === 3 * pixels) {
    return {data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height};
  }
  const rgb = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    const alpha = data[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round(data[4 * i + c]! * alpha + 255 * (1 - alpha));
  }
  return {data: rgb, width, height};
}

async function imageTensorBytes(who: string, image: tf.Tensor): Promise<PixelBytes> {
  const {shape} = image;
  if (shape.length !== 3 || (shape[2] !== 3 && shape[2] !== 4)) {
    throw new ShapeError(
      `${who}: the tensor of an image must be [height, width, 3]; got ${showShape(shape)} (one image, channels last).`,
    );
  }
  return tensorBytes(who, await image.data(), shape);
}

/**
 * The values of a tensor as bytes.
 *
 * @throws DataError, in the name of `who`, for a value that is none.
 */
export function tensorBytes(
  who: string,
  values: ArrayLike<number>,
  [height, width]: readonly number[],
): PixelBytes {
  const data = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    data[i] = value;
    if (data[i] !== value) {
      throw new DataError(
        `${who}: the tensor of an image must hold whole numbers from 0 to 255; got ${value} ` +
          '(before any scaling: this is done here).',
      );
    }
  }
  return {data, width, height};
}

/** The size of the pixels of an image element, a video, a frame of one, and all others, whichever there is. */
interface DrawableSizes {
  naturalWidth?: number;
  naturalHeight?: number;
  videoWidth?: number;
  videoHeight?: number;
  displayWidth?: number;
  displayHeight?: number;
  width?: number;
  height?: number;
}

function drawn(who: string, picture: Drawable): PixelBytes {
  const sizes = picture as DrawableSizes;
  const width = sizes.naturalWidth ?? sizes.videoWidth ?? sizes.displayWidth ?? sizes.width ?? 0;
  const height = sizes.naturalHeight ?? sizes.videoHeight ?? sizes.displayHeight ?? sizes.height ?? 0;
  if (!(width > 0 && height > 0)) {
    throw new DataError(
      `${who}: a picture must be loaded and have pixels; got ${height}x${width} (await image.decode() first).`,
    );
  }
  const canvas =
    typeof OffscreenCanvas === 'undefined'
      ? Object.assign(document.createElement('canvas'), {width, height})
      : new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', {willReadFrequently: true}) as CanvasRenderingContext2D;
  try {
    context.drawImage(picture, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  } catch (error) {
    throw new DataError(
      `${who}: the picture's pixels must be readable; got ${(error as Error).message} ` +
        "(from another origin it needs crossOrigin = 'anonymous' and that server's leave).",
      {cause: error},
    );
  }
}

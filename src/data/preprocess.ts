/**
 * From a picture to the tensor that a published classifier takes, as timm evaluates its models:
 *
 *     resize     the shorter side to S = floor(imageSize / cropFraction), the longer one in proportion, rounded down
 *                ('squash': both sides, each to its own S, whatever the proportions)
 *     crop       imageSize x imageSize out of the middle
 *     scale      (byte / 255 - mean[c]) / std[c]
 *
 *     picture of any size -> [1, 3, H, W] or [1, H, W, 3], float32
 *
 * Resizing is that of resize.ts, on plain arrays: the result is the same on every backend and platform.
 *
 * Source: timm, data/transforms_factory.py (transforms_imagenet_eval) and the default_cfgs of its Swin models: bicubic,
 * ImageNet's mean and std, crop_pct 0.9 for images of 224 and 256, 1 for 384. torchvision's own Swin weights were
 * evaluated with other sizes before the crop: 232, 246, 238 for T, S, B and 260, 260, 272 for V2-T, -S, -B;
 * `cropFraction: 224 / 232` and so on gives those.
 */

import * as tf from '@tensorflow/tfjs-core';
import {checkNumber, oneOf, sizePair} from '../../kernels/common/arguments.js';
import {mapShape} from '../../kernels/common/data_format.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {type ImageInput, rgbImage} from './image_input.js';
import {type NormaliseArgs, normaliser} from './normalise.js';
import {type Crop, INTERPOLATIONS, type Interpolation, resizeAndCrop} from './resize.js';
import type {RgbImage} from './rgb_image.js';

/** Mean of ImageNet's training images by channel, in units of 1 for byte 255. */
export const IMAGENET_MEAN: readonly number[] = [0.485, 0.456, 0.406];
/** Standard deviation of the same. */
export const IMAGENET_STD: readonly number[] = [0.229, 0.224, 0.225];

export interface PreprocessConfig extends NormaliseArgs {
  /** Size of the tensor's image, one side or [height, width]; default 224. */
  imageSize?: number | readonly [number, number];
  /** Share of each side that the crop keeps, above 0 to 1; default 0.9, for images of 384 it is 1. timm: crop_pct. */
  cropFraction?: number;
  /**
   * Whether proportions are kept and what juts out is cut off ('center', default), or both sides are resized on their
   * own ('squash'). timm: crop_mode.
   */
  cropMode?: 'center' | 'squash';
  /** Default 'bicubic'. */
  interpolation?: Interpolation;
  /** Mean per channel in units of 1 for byte 255; default IMAGENET_MEAN. */
  mean?: readonly number[];
  /** Standard deviation per channel in the same units; default IMAGENET_STD. */
  std?: readonly number[];
}

const CONFIG = {
  ...{imageSize: true, cropFraction: true, cropMode: true, interpolation: true},
  ...{mean: true, std: true, dataFormat: true},
} as const satisfies ArgumentNames<PreprocessConfig>;

/**
 * Prepares one picture for a classifier.
 *
 *     const logits = model.predict(await preprocess(document.querySelector('img')));
 *
 * @param image RGB or RGBA bytes, a tensor of bytes [h, w, 3], or what a canvas can draw; see ImageInput.
 * @param config the defaults are those of timm's Swin models.
 * @returns a tensor [1, 3, H, W] or [1, H, W, 3]; the caller disposes it.
 * @throws ConfigError for an unusable option; DataError or ShapeError for what is no image.
 */
export async function preprocess(image: ImageInput, config: PreprocessConfig = {}): Promise<tf.Tensor4D> {
  return preprocessWith(rgbImage, image, config);
}

/** `preprocess` for an image that `read` turns into RGB bytes. */
export async function preprocessWith<T>(
  read: (who: string, image: T) => Promise<RgbImage>,
  image: T,
  config: PreprocessConfig,
): Promise<tf.Tensor4D> {
  checkArguments('preprocess', config, CONFIG);
  const {shape, write} = preparation('preprocess', config);
  const rgb = await read('preprocess', image);
  const values = new Float32Array(shape[0] * shape[1] * shape[2]);
  write(rgb, values, 0);
  return tf.tensor4d(values, [1, ...shape], 'float32');
}

/** The steps for a configuration. */
interface Preparation {
  /** Shape of one prepared image: [3, H, W] or [H, W, 3]. */
  shape: [number, number, number];
  /** The image resized and cropped, as RGB bytes [H, W, 3]. */
  crop(image: RgbImage): Uint8Array;
  /** The part of the picture that the prepared image shows, in pixels of the picture, fractions of them included. */
  region(image: {height: number; width: number}): Crop;
  /** Writes a prepared image into `target` from `offset` on. */
  write(image: RgbImage, target: Float32Array, offset: number): void;
}

/** @throws ConfigError, in the name of `who`, for an unusable option. */
export function preparation(who: string, config: PreprocessConfig): Preparation {
  const {imageSize = 224, interpolation = 'bicubic', cropMode = 'center'} = config;
  const {mean = IMAGENET_MEAN, std = IMAGENET_STD, dataFormat = 'channelsFirst'} = config;
  const [height, width] = sizePair(who, 'imageSize', imageSize);
  const {cropFraction = height === 384 && width === 384 ? 1 : 0.9} = config;
  checkNumber(who, 'cropFraction', cropFraction, {
    what: 'a number in (0, 1]',
    holds: (value) => value > 0 && value <= 1,
  });
  oneOf(who, 'cropMode', cropMode, ['center', 'squash']);
  oneOf(who, 'interpolation', interpolation, INTERPOLATIONS);
  const normalise = normaliser(who, 3, {mean, std, dataFormat});
  const resized = (image: {height: number; width: number}): [number, number] => {
    const sides: [number, number] = [before(height, cropFraction), before(width, cropFraction)];
    return cropMode === 'squash' ? sides : covering([image.height, image.width], sides);
  };
  const partOf = (size: [number, number]): Crop => ({
    ...{top: margin(size[0], height), left: margin(size[1], width), height, width},
  });
  const crop = (image: RgbImage) => {
    const size = resized(image);
    return resizeAndCrop(image.data, [image.height, image.width], size, partOf(size), interpolation);
  };
  const region = (image: {height: number; width: number}): Crop => {
    const size = resized(image);
    const part = partOf(size);
    const [down, across] = [image.height / size[0], image.width / size[1]];
    return {
      ...{top: part.top * down, left: part.left * across},
      ...{height: part.height * down, width: part.width * across},
    };
  };
  return {
    shape: mapShape(dataFormat, 3, height, width),
    crop,
    region,
    write: (image, target, offset) => normalise(crop(image), target, offset),
  };
}

/** A side before the crop. 64 / (64 / 93), for one, is a hair below 93. */
const before = (side: number, fraction: number) => Math.floor(side / fraction + 1e-9);

/** The smallest size of an image's proportions that covers `sides`, as torchvision's Resize rounds it. */
function covering([h, w]: [number, number], [height, width]: [number, number]): [number, number] {
  return h * width <= w * height
    ? [height, Math.floor((height * w) / h)]
    : [Math.floor((width * h) / w), width];
}

/** Cells before a crop out of the middle; a half is rounded to the even number, as torchvision's CenterCrop does. */
function margin(side: number, cropped: number): number {
  const both = side - cropped;
  const half = Math.floor(both / 2);
  return both % 2 === 1 && half % 2 === 1 ? half + 1 : half;
}

/** `classify` and `preprocess` for Node: images may also be paths of JPEG and PNG files, or the bytes of such files. */
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {type ImageInput, rgbImage} from '../data/image_input.js';
import type {ImageBatch, NetInputLike} from '../data/image_list.js';
import {type PreprocessConfig, preprocessWith} from '../data/preprocess.js';
import type {RgbImage} from '../data/rgb_image.js';
import {type ClassifyOptions, classifyWith, type Prediction} from '../inference/classify.js';
import {decoded, type ImageSource} from './image_source.js';

/**
 * Prepares one picture for a classifier; see `preprocess` of tfjs-swint.
 *
 * @throws as that does, and DataError for a file that is missing, damaged or neither JPEG nor PNG.
 */
export async function preprocess(image: ImageSource, config: PreprocessConfig = {}): Promise<tf.Tensor4D> {
  return preprocessWith(opened, image, config);
}

/**
 * Classifies one image, or several; see `classify` of tfjs-swint.
 *
 *     const [best] = await classify(model, 'photo.jpg');
 *
 * @throws as that does, and DataError for a file that is missing, damaged or neither JPEG nor PNG.
 */
export async function classify(
  model: tfl.LayersModel,
  image: ImageSource,
  options?: ClassifyOptions,
): Promise<Prediction[]>;
export async function classify(
  model: tfl.LayersModel,
  images: readonly ImageSource[] | tf.Tensor4D,
  options?: ClassifyOptions,
): Promise<Prediction[][]>;
export async function classify(
  model: tfl.LayersModel,
  images: NetInputLike,
  options?: ClassifyOptions,
): Promise<Prediction[] | Prediction[][]>;
export async function classify(
  model: tfl.LayersModel,
  images: ImageSource | readonly ImageSource[] | ImageBatch,
  options: ClassifyOptions = {},
): Promise<Prediction[] | Prediction[][]> {
  return classifyWith<ImageSource>(opened, model, images, options);
}

async function opened(who: string, image: ImageSource | ImageInput): Promise<RgbImage> {
  return rgbImage(who, await decoded(who, image));
}

/** `predictSegmentation` for Node: the image may also be a file. */
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {ImageBatch, NetInputLike} from '../data/image_list.js';
import type {PixelImage} from '../data/segmentation_dataset.js';
import {
  type PredictedMask,
  type PredictSegmentationOptions,
  predictSegmentationWith,
} from '../training/predict_segmentation.js';
import {decodedImage, type ImageSource} from './image_source.js';

/**
 * Classes of the pixels of an image; see `predictSegmentation` of tfjs-swint.
 *
 *     const {mask, width, height} = await predictSegmentation(model, 'photo.jpg', {mean, std});
 *
 * @param image As that takes it, or the path of an image file, or the bytes of one.
 * @throws as that does, and DataError for a file that is missing, damaged or no image.
 */
export async function predictSegmentation(
  model: tfl.LayersModel,
  image: ImageSource | PixelImage,
  options?: PredictSegmentationOptions,
): Promise<PredictedMask>;
export async function predictSegmentation(
  model: tfl.LayersModel,
  images: readonly (ImageSource | PixelImage)[] | tf.Tensor4D,
  options?: PredictSegmentationOptions,
): Promise<PredictedMask[]>;
export async function predictSegmentation(
  model: tfl.LayersModel,
  images: NetInputLike,
  options?: PredictSegmentationOptions,
): Promise<PredictedMask | PredictedMask[]>;
export async function predictSegmentation(
  model: tfl.LayersModel,
  images: ImageSource | PixelImage | readonly (ImageSource | PixelImage)[] | ImageBatch,
  options: PredictSegmentationOptions = {},
): Promise<PredictedMask | PredictedMask[]> {
  return predictSegmentationWith<ImageSource | PixelImage>(decodedImage, model, images, options);
}

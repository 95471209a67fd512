/** `attentionMaps` for Node: the image may also be a file. */
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {ImageBatch, NetInputLike} from '../data/image_list.js';
import type {PixelImage} from '../data/segmentation_dataset.js';
import {
  type AttentionMaps,
  type AttentionMapsOptions,
  attentionMapsWith,
} from '../inference/attention_maps.js';
import {decodedImage, type ImageSource} from './image_source.js';

/**
 * Attention as data; see `attentionMaps` of tfjs-swint.
 *
 *     const {layers, rollout} = await attentionMaps(model, 'photo.jpg');
 *
 * @param image As that takes it, or the path of an image file, or the bytes of one.
 * @throws as that does, and DataError for a file that is missing, damaged or no image.
 */
export async function attentionMaps(
  model: tfl.LayersModel,
  image: ImageSource | PixelImage,
  options?: AttentionMapsOptions,
): Promise<AttentionMaps>;
export async function attentionMaps(
  model: tfl.LayersModel,
  images: readonly (ImageSource | PixelImage)[] | tf.Tensor4D,
  options?: AttentionMapsOptions,
): Promise<AttentionMaps[]>;
export async function attentionMaps(
  model: tfl.LayersModel,
  images: NetInputLike,
  options?: AttentionMapsOptions,
): Promise<AttentionMaps | AttentionMaps[]>;
export async function attentionMaps(
  model: tfl.LayersModel,
  images: ImageSource | PixelImage | readonly (ImageSource | PixelImage)[] | ImageBatch,
  options: AttentionMapsOptions = {},
): Promise<AttentionMaps | AttentionMaps[]> {
  return attentionMapsWith<ImageSource | PixelImage>(decodedImage, model, images, options);
}

/** `attentionMaps` for Node: the image may also be a file. */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {PixelImage} from '../data/segmentation_dataset.js';
import {
  type AttentionMaps,
  type AttentionMapsOptions,
  attentionMapsWith,
} from '../inference/attention_maps.js';
import {decoded, type ImageSource} from './image_source.js';

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
  options: AttentionMapsOptions = {},
): Promise<AttentionMaps> {
  return attentionMapsWith(decoded<Exclude<typeof image, string | Uint8Array>>, model, image, options);
}

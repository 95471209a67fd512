/** The input of a network whose maps are [B, H, W, C] inside: one transpose, where the images have the channels first. */
import * as tfl from '@tensorflow/tfjs-layers';
import type {DataFormat} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';

/** @returns the model's input, and the same image as [B, H, W, C]. */
export function imageInput(shape: tfl.Shape, dataFormat?: DataFormat): {image: Symbolic; map: Symbolic} {
  const image = tfl.input({name: 'image', shape});
  if (dataFormat === 'channelsLast') return {image, map: image};
  const map = tfl.layers.permute({name: 'to_channels_last', dims: [2, 3, 1]}).apply(image) as Symbolic;
  return {image, map};
}

/** A shape [C, H, W] in the order of the format. */
export function inFormat([channels, height, width]: readonly number[], dataFormat?: DataFormat): tfl.Shape {
  return dataFormat === 'channelsLast' ? [height, width, channels] : [channels, height, width];
}

/** Images in Node: also paths of files, and the bytes of such files. */
import type {ImageInput} from '../data/image_input.js';
import type {RgbImage} from '../data/rgb_image.js';
import type {PixelImage} from '../data/segmentation_dataset.js';
import {decodeImage} from './image_file.js';

/** The path of an image file, the bytes of one, or an image as `preprocess` of tfjs-swint takes it. */
export type ImageSource = string | Uint8Array | ImageInput;

/** The image of a file decoded, any other as it is. */
export async function decoded<T>(who: string, image: T | string | Uint8Array): Promise<T | RgbImage> {
  if (typeof image === 'string') return decodeImage(image);
  return image instanceof Uint8Array ? decodeImage(image, {name: who}) : image;
}

/** The same for images of any number of channels. */
export function decodedImage(
  who: string,
  image: ImageSource | PixelImage,
): Promise<ImageInput | PixelImage | RgbImage> {
  return decoded<ImageInput | PixelImage>(who, image);
}

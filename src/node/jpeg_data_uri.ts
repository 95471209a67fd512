import jpeg from 'jpeg-js';
import type {RgbImage} from './image_file.js';

/** Good enough to look at; photographs become about a sixth of their PNG. */
const QUALITY = 85;

/** A photograph as a `data:` URL for a page that holds its own images. */
export function jpegDataUri({data, width, height}: RgbImage): string {
  const rgba = Buffer.alloc(width * height * 4, 255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  const bytes = jpeg.encode({data: rgba, width, height}, QUALITY).data;
  return `data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`;
}

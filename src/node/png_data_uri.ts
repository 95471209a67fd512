import {encodePng} from './image_file.js';

/** An RGB image, bytes [height, width, 3], as a `data:` URL for a page that holds its own images. */
export function pngDataUri(rgb: Uint8Array, width: number, height: number): string {
  return `data:image/png;base64,${Buffer.from(encodePng(rgb, width, height)).toString('base64')}`;
}

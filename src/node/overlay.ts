/** A mask over an image as a PNG file; see inference/overlay.ts. */
import type {PixelBytes} from '../data/image_input.js';
import {type OverlayArgs, overlayMask} from '../inference/overlay.js';
import {encodePng} from './image_file.js';

/** As `overlayMask`, as the bytes of a PNG file. */
export function overlayPng(image: PixelBytes, mask: ArrayLike<number>, args: OverlayArgs = {}): Uint8Array {
  const {data, width, height} = overlayMask(image, mask, args);
  return encodePng(data, width, height);
}

/**
 * What the outer structure of an image file says, read without decoding it: which format it has and, for JPEG and PNG,
 * its size, whether it is complete, and which way up a photograph is to be shown.
 *
 * Decoders disagree about damaged files (libpng shows a PNG without its end, jpeg-js refuses what libjpeg repairs, pngjs
 * shows memory that it never wrote); checking here gives one answer whichever decoder is installed.
 */
import {jpegStructure} from './jpeg_structure.js';
import {type PngStructure, pngStructure} from './png_structure.js';
import type {StoredImage} from './stored_image.js';

/** Formats that are decoded with and without sharp. */
export type PlainFormat = 'jpeg' | 'png';
/** All formats that are decoded; those that are not plain need sharp. */
export type ImageFormat = PlainFormat | 'webp' | 'gif' | 'avif' | 'tiff';

/** What a file name of each format ends with. */
const EXTENSIONS: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'jpe?g',
  png: 'png',
  webp: 'webp',
  gif: 'gif',
  avif: 'avif',
  tiff: 'tiff?',
};

/** The format that a file's name announces; null for any other file. */
export function formatOfName(name: string): ImageFormat | null {
  for (const [format, ending] of Object.entries(EXTENSIONS)) {
    if (new RegExp(`\\.${ending}$`, 'i').test(name)) return format as ImageFormat;
  }
  return null;
}

export const isPlain = (format: ImageFormat): format is PlainFormat => format === 'jpeg' || format === 'png';

/** The format that the first bytes announce; null for any other. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const starts = (signature: string, at = 0) =>
    [...signature].every((char, i) => bytes[at + i] === char.charCodeAt(0));
  if (starts('\xff\xd8\xff')) return 'jpeg';
  if (starts('\x89PNG\r\n\x1a\n')) return 'png';
  if (starts('RIFF') && starts('WEBP', 8)) return 'webp';
  if (starts('GIF87a') || starts('GIF89a')) return 'gif';
  if (starts('ftypavif', 4) || starts('ftypavis', 4)) return 'avif';
  if (starts('II*\0') || starts('MM\0*')) return 'tiff';
  return null;
}

export interface ImageStructure extends StoredImage {
  /** What a PNG's image data must be. */
  png?: PngStructure['png'];
}

/** Walks the segments of a JPEG or the chunks of a PNG. */
export function imageStructure(bytes: Uint8Array, format: PlainFormat): ImageStructure {
  return format === 'jpeg' ? jpegStructure(bytes) : pngStructure(bytes);
}

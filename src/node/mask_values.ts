/**
 * The colours of a mask's pixels and the classes that they stand for. A mask is an RGB image whose pixels have one of a few
 * colours, or grey values g, which are the colours [g, g, g]; a table says which class each is.
 */

import type {RgbImage} from '../data/rgb_image.js';
import {IGNORED_PIXEL} from '../data/segmentation_dataset.js';
import {ConfigError, DataError} from '../errors.js';

/** A grey value, or a colour [red, green, blue], in bytes. */
export type MaskValue = number | readonly [number, number, number];

/** Class index by colour, as one number of 24 bits. */
export type MaskTable = ReadonlyMap<number, number>;

/**
 * @param values one per class.
 * @param ignore value of pixels that count for nothing.
 * @throws ConfigError, in the name of `who`, for a value that is no colour or stands for two classes.
 */
export function maskTable(who: string, values: readonly MaskValue[], ignore?: MaskValue): MaskTable {
  const table = new Map<number, number>();
  const all = values.map((value, index): [MaskValue, number] => [value, index]);
  if (ignore !== undefined) all.push([ignore, IGNORED_PIXEL]);
  for (const [value, index] of all) {
    const bytes = typeof value === 'number' ? [value, value, value] : value;
    if (bytes.length !== 3 || !bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) {
      throw new ConfigError(
        `${who}: a mask's value must be a byte, or three for a colour; got ${JSON.stringify(value)}.`,
      );
    }
    const key = colourKey(bytes, 0);
    if (table.has(key)) {
      throw new ConfigError(`${who}: each class must have a value of its own; got ${showKey(key)} twice.`);
    }
    table.set(key, index);
  }
  return table;
}

/** Every colour of a mask, as numbers of 24 bits. */
export function maskColours({data}: RgbImage): Set<number> {
  const found = new Set<number>();
  let last = -1;
  for (let at = 0; at < data.length; at += 3) {
    const key = colourKey(data, at);
    if (key !== last) found.add(key);
    last = key;
  }
  return found;
}

/**
 * Class index of each pixel, [height, width].
 *
 * @throws DataError, in the name of `who`, for the first pixel whose value the table does not have.
 */
export function maskClasses(who: string, {data, width, height}: RgbImage, table: MaskTable): Uint8Array {
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    const key = colourKey(data, 3 * i);
    const index = table.get(key);
    if (index === undefined) {
      const known = [...table.keys()].map(showKey).join(', ');
      throw new DataError(
        `${who}: every pixel of a mask must have one of the values ${known}; got ${showKey(key)} in row ` +
          `${Math.floor(i / width)}, column ${i % width} (give all values, or one to ignore; smoothed edges and JPEG make ` +
          'values of their own).',
      );
    }
    mask[i] = index;
  }
  return mask;
}

/** A colour as people write it: grey values as one number. */
export function showKey(key: number): string {
  const [red, green, blue] = [key >> 16, (key >> 8) & 255, key & 255];
  return red === green && green === blue ? String(red) : `[${red},${green},${blue}]`;
}

/** The grey value of a colour; null for any other colour. */
export function greyOf(key: number): number | null {
  const grey = key & 255;
  return key === grey * 0x010101 ? grey : null;
}

function colourKey(bytes: ArrayLike<number>, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

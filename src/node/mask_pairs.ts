/** The files of a segmentation set: images in one folder, masks in another, paired by name without extension. */

import {readdir} from 'node:fs/promises';
import {join, parse} from 'node:path';
import {DataError} from '../errors.js';
import {type DecoderChoice, decodableNames} from './image_file.js';
import {formatOfName} from './image_structure.js';

/** Files of one image. */
export interface Pair {
  name: string;
  /** Paths. */
  image: string;
  mask: string;
}

interface PairArgs {
  images?: string;
  masks?: string;
  maskSuffix?: string;
  decoder?: DecoderChoice;
}

/**
 * The pairs, sorted by name.
 *
 * @throws DataError, in the name of `who`, if a folder is missing or empty, or an image or a mask has no partner.
 */
export async function listPairs(
  who: string,
  dir: string,
  {images = 'image', masks = 'label', maskSuffix = '', decoder = 'auto'}: PairArgs,
): Promise<Pair[]> {
  const imageFiles = await list(who, join(dir, images), await decodableNames(decoder), 'JPEG or PNG');
  const maskFiles = await list(who, join(dir, masks), (name) => formatOfName(name) === 'png', 'PNG');
  const missing = [...imageFiles]
    .filter(([name]) => !maskFiles.has(name + maskSuffix))
    .map(([, path]) => path);
  const odd = [...maskFiles]
    .filter(([name]) => !name.endsWith(maskSuffix) || !imageFiles.has(stem(name, maskSuffix)))
    .map(([, path]) => path);
  for (const [what, files] of [
    ['image must have a PNG mask', missing],
    ['mask must have an image', odd],
  ] as const) {
    if (files.length > 0) {
      const shown = files.slice(0, 5).join(', ') + (files.length > 5 ? ', ...' : '');
      throw new DataError(
        `${who}: every ${what} of the same name${maskSuffix && ` and ${maskSuffix}`}; got none for ${files.length}: ${shown}.`,
      );
    }
  }
  return [...imageFiles].map(([name, image]) => ({name, image, mask: maskFiles.get(name + maskSuffix)!}));
}

const stem = (name: string, suffix: string) => name.slice(0, name.length - suffix.length);

/** Paths by name without extension, sorted. */
async function list(
  who: string,
  dir: string,
  counts: (name: string) => boolean,
  kind: string,
): Promise<Map<string, string>> {
  let files: string[];
  try {
    files = await readdir(dir);
  } catch (error) {
    throw new DataError(`${who}: ${dir} must be a readable folder; got ${(error as Error).message}.`);
  }
  const paths = new Map<string, string>();
  // Sorted by code units, not by locale: the order must be the same on every machine.
  for (const file of files.sort()) {
    if (!counts(file) || file.startsWith('.') || file.startsWith('__')) continue;
    const {name} = parse(file);
    const other = paths.get(name);
    if (other !== undefined) {
      throw new DataError(`${who}: names must differ without their extensions; got ${other} and ${file}.`);
    }
    paths.set(name, join(dir, file));
  }
  if (paths.size === 0) {
    throw new DataError(`${who}: ${dir} must hold ${kind} files; got none among ${files.length} files.`);
  }
  return paths;
}

/**
 * A folder of images and a folder of masks, paired by name, as a training and a test set for segmentation.
 *
 *     dir/image/<name>.png (or .jpg, .jpeg)   with   dir/label/<name>.png
 *
 * A mask is a PNG of its image's size whose pixels have one value per class: grey values, or colours of a palette. Files
 * count by extension, any case; names that begin with a dot or two underscores do not.
 */

import {BETWEEN_ZERO_AND_ONE, checkNumber} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ByteCache, checkCacheBytes} from '../data/byte_cache.js';
import {checkIndex} from '../data/check_index.js';
import type {RgbImage} from '../data/rgb_image.js';
import {
  IGNORED_PIXEL,
  type LabelledImage,
  type SegmentationDataset,
  type SegmentationSplit,
} from '../data/segmentation_dataset.js';
import {type Seed, shuffled} from '../data/shuffle.js';
import {ConfigError, DataError} from '../errors.js';
import {type DecoderChoice, decodeImage} from './image_file.js';
import {listPairs, type Pair} from './mask_pairs.js';
import {
  greyOf,
  type MaskTable,
  type MaskValue,
  maskClasses,
  maskColours,
  maskTable,
  showKey,
} from './mask_values.js';
import {readOrdinaryFile} from './ordinary_file.js';

export interface MaskFolderArgs {
  /** Class names, in the order of their indices. */
  classes: readonly string[];
  /**
   * Value in the masks of each class, a grey value or a colour [red, green, blue]; default the grey values that occur in
   * the masks, the darkest for the first class. For the default all masks are read at once.
   */
  values?: readonly MaskValue[];
  /** Value of pixels that count for nothing; default none. Has to be given with `values`. */
  ignore?: MaskValue;
  /** Folder of the images within `dir`; default 'image'. */
  images?: string;
  /** Folder of the masks within `dir`; default 'label'. */
  masks?: string;
  /** What follows an image's name in its mask's, '_mask' for example; default nothing. */
  maskSuffix?: string;
  /** Names of the test images, without extension; or their share, chosen at random. Default 0.2. */
  test?: readonly string[] | number;
  /** Decides which images a share takes; default 0. */
  seed?: Seed;
  /** Bytes of decoded images and masks to keep in memory, for each of the two sets; default 1 GiB. */
  cacheBytes?: number;
  /** Who decodes the images; default 'auto'. Masks are always decoded by pngjs, which changes no value. */
  decoder?: DecoderChoice;
}

const ARGUMENTS = {
  ...{classes: true, values: true, ignore: true, images: true, masks: true, maskSuffix: true, test: true},
  ...{seed: true, cacheBytes: true, decoder: true},
} as const satisfies ArgumentNames<MaskFolderArgs>;

/**
 * Lists the folders; images are decoded when they are read. An unreadable or unfit file is a DataError of `read`, which
 * names it.
 *
 * @throws DataError if a folder is missing or empty, an image or a mask has no partner, a test image does not exist, a set
 *   would be empty, or the masks have more or fewer grey values than there are classes; ConfigError for an unusable option.
 */
export async function maskFolder(dir: string, args: MaskFolderArgs): Promise<SegmentationSplit> {
  const who = `maskFolder(${dir})`;
  checkArguments(who, args, ARGUMENTS);
  checkArgs(who, args);
  const pairs = await listPairs(who, dir, args);
  const {values = await greyValues(who, pairs, args.classes.length), ignore} = args;
  const table = maskTable(who, values, ignore);
  const {train, test} = split(who, pairs, args);
  return {
    train: openPairs(`${dir}/train`, train, table, args),
    test: openPairs(`${dir}/test`, test, table, args),
  };
}

/** The grey values of all masks, from dark to light. */
async function greyValues(who: string, pairs: readonly Pair[], classes: number): Promise<number[]> {
  const greys = new Set<number>();
  const shown = () => [...greys].sort((a, b) => a - b).join(', ');
  for (const {mask} of pairs) {
    for (const key of maskColours(await readMask(mask))) {
      const grey = greyOf(key);
      if (grey === null) {
        throw new DataError(
          `${who}: masks of colours must come with values; got ${showKey(key)} in ${mask}.`,
        );
      }
      greys.add(grey);
      if (greys.size > classes) {
        throw new DataError(
          `${who}: masks must have one grey value per class, ${classes}; got ${shown()} up to ${mask} ` +
            '(give the values, and one to ignore).',
        );
      }
    }
  }
  if (greys.size < classes) {
    throw new DataError(
      `${who}: masks must have one grey value per class, ${classes}; got ${shown()} (give the values).`,
    );
  }
  return [...greys].sort((a, b) => a - b);
}

function split(
  who: string,
  pairs: readonly Pair[],
  {test = 0.2, seed = 0}: MaskFolderArgs,
): {train: Pair[]; test: Pair[]} {
  const names = pairs.map(({name}) => name);
  let held: readonly string[];
  if (typeof test === 'number') {
    const count = Math.min(names.length - 1, Math.max(1, Math.round(names.length * test)));
    held = shuffled(names, `${seed}/split`).slice(0, count);
  } else {
    held = test;
    const unknown = held.filter((name) => !names.includes(name));
    if (unknown.length > 0) {
      throw new DataError(
        `${who}: test images must be among the images; got no image ${unknown.join(', ')}.`,
      );
    }
  }
  const sets = {
    train: pairs.filter(({name}) => !held.includes(name)),
    test: pairs.filter(({name}) => held.includes(name)),
  };
  if (sets.train.length === 0 || sets.test.length === 0) {
    throw new DataError(
      `${who}: there must be images to train and to test with; got ${sets.train.length} and ${sets.test.length}.`,
    );
  }
  return sets;
}

function openPairs(
  name: string,
  pairs: readonly Pair[],
  table: MaskTable,
  {classes, ignore, cacheBytes = 2 ** 30, decoder = 'auto'}: MaskFolderArgs,
): SegmentationDataset {
  const cache = new ByteCache(cacheBytes);
  const sizes = new Map<number, {height: number; width: number}>();
  return {
    name,
    size: pairs.length,
    channels: 3,
    classNames: classes,
    ignoreIndex: ignore === undefined ? undefined : IGNORED_PIXEL,
    imageName(index) {
      checkIndex(name, index, pairs.length);
      return pairs[index]!.name;
    },
    async read(index): Promise<LabelledImage> {
      checkIndex(name, index, pairs.length);
      const held = cache.get(index);
      // The mask lies behind the image in one array: what is held is held whole.
      if (held) return parts(held, sizes.get(index)!);
      const pair = pairs[index]!;
      const [image, mask] = await Promise.all([decodeImage(pair.image, {decoder}), readMask(pair.mask)]);
      const {data, height, width} = image;
      if (mask.height !== height || mask.width !== width) {
        throw new DataError(
          `${name}: a mask must have the size of its image; got ${mask.height}x${mask.width} in ${pair.mask} and ` +
            `${height}x${width} in ${pair.image}.`,
        );
      }
      const bytes = new Uint8Array(height * width * 4);
      bytes.set(data);
      bytes.set(maskClasses(`maskFolder(${pair.mask})`, mask, table), data.length);
      sizes.set(index, {height, width});
      cache.offer(index, bytes);
      return parts(bytes, {height, width});
    },
  };
}

function parts(bytes: Uint8Array, size: {height: number; width: number}): LabelledImage {
  const end = size.height * size.width * 3;
  return {data: bytes.subarray(0, end), mask: bytes.subarray(end), ...size};
}

/** Place of the bit depth in a PNG file: after the signature, and length, type, width and height of the first chunk. */
const BIT_DEPTH = 24;

async function readMask(path: string): Promise<RgbImage> {
  const bytes = await readOrdinaryFile(path).catch((error: Error) => {
    throw new DataError(`maskFolder(${path}): the mask must be readable; got ${error.message}.`);
  });
  const image = await decodeImage(bytes, {decoder: 'plain', name: path});
  if (bytes[BIT_DEPTH] === 16) {
    throw new DataError(`maskFolder(${path}): a mask must have 8 bits or fewer per value; got 16.`);
  }
  return image;
}

function checkArgs(who: string, {classes, values, ignore, test = 0.2, cacheBytes = 0}: MaskFolderArgs): void {
  const fail = (rule: string, got: unknown) => {
    throw new ConfigError(`${who}: ${rule}; got ${got}.`);
  };
  if (classes.length < 2 || classes.length > IGNORED_PIXEL || new Set(classes).size < classes.length) {
    fail(`classes must be 2 to ${IGNORED_PIXEL} different names`, `[${classes}]`);
  }
  if (values && values.length !== classes.length) {
    fail(`values must be one per class, ${classes.length}`, values.length);
  }
  if (ignore !== undefined && !values) fail('ignore must come with values', 'no values');
  if (typeof test === 'number') {
    const {what, holds} = BETWEEN_ZERO_AND_ONE;
    checkNumber(who, 'test', test, {what: `names or ${what}`, holds});
  }
  checkCacheBytes(who, cacheBytes);
}

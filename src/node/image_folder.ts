/**
 * A folder of images, one folder per class, as a training and a test set.
 *
 *     dir/train/<class>/*.jpg   with   dir/test/<class>/*.jpg  (or dir/val/...)
 *     dir/<class>/*.jpg         split at random, the same share of every class
 *
 * Files count by extension, any case: .jpg, .jpeg and .png; where sharp decodes, also .webp, .gif, .avif, .tif and .tiff.
 * Images that cannot be decoded are counted and named. Other files, and names that begin with a dot or two underscores
 * (left by some systems' archivers), do not count. Classes are numbered in the order of their names.
 */

import {join} from 'node:path';
import {BETWEEN_ZERO_AND_ONE, checkNumber, sizePair} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ByteCache, checkCacheBytes} from '../data/byte_cache.js';
import {checkIndex} from '../data/check_index.js';
import type {DatasetSplit, ImageDataset} from '../data/dataset.js';
import {resizeImage} from '../data/resize.js';
import type {Seed} from '../data/shuffle.js';
import {subset} from '../data/subset.js';
import {ConfigError, DataError} from '../errors.js';
import {type ClassFiles, listClassFolders} from './class_folders.js';
import {type DecoderChoice, decodeImage, imageSizeOf} from './image_file.js';

export interface ImageFolderArgs {
  /**
   * Size that all images are resized to, one side or [height, width], without regard to proportions; default the median
   * height and width of the training images (of a sample of 32), both made smaller until no side is above 64.
   */
  imageSize?: number | readonly [number, number];
  /** Share of the images of each class that become the test set where the folder has no test/ or val/; default 0.2. */
  testFraction?: number;
  /** Decides the split and what `limit` and `testLimit` keep; default 0. */
  seed?: Seed;
  /** The class folders to use, in the order of their labels; default all, sorted by name. */
  classNames?: readonly string[];
  /** Most training images, balanced by class; default all. */
  limit?: number;
  /** Most test images, balanced by class; default all. */
  testLimit?: number;
  /** Bytes of decoded images to keep in memory, for each of the two sets; default 1 GiB. */
  cacheBytes?: number;
  /** Who decodes; default 'auto'. See `decodeImage`. */
  decoder?: DecoderChoice;
  /** Told, in one sentence, of the image files that no decoder can read, where there are some; default `console.warn`. */
  onLeftOut?: (message: string) => void;
}

const ARGUMENTS = {
  ...{imageSize: true, testFraction: true, seed: true, classNames: true, limit: true, testLimit: true},
  ...{cacheBytes: true, decoder: true, onLeftOut: true},
} as const satisfies ArgumentNames<ImageFolderArgs>;

/**
 * Lists the folder; images are decoded when they are read, any number at a time. What `read` returns is shared with
 * the cache: copy it before writing into it. A damaged image is a DataError of `read`, not of this call (unless
 * `imageSize` is not given and no image can be decoded).
 *
 * @throws DataError if the folder is missing, empty, has no class folders or no images, if a class has no images (or
 *   a single one where it has to be split), or if train and test differ in their classes; ConfigError for an unusable
 *   option.
 */
export async function imageFolder(dir: string, args: ImageFolderArgs = {}): Promise<DatasetSplit> {
  const who = `imageFolder(${dir})`;
  checkArguments(who, args, ARGUMENTS);
  const {testFraction = 0.2, seed = 0, imageSize, cacheBytes = 2 ** 30, decoder = 'auto'} = args;
  checkArgs(who, args);

  const {train, test} = await listClassFolders(dir, {...{who, testFraction, seed, decoder}, ...args});
  const [height, width] = imageSize === undefined ? await usualSize(train, decoder) : sides(imageSize);
  const open = (part: 'train' | 'test', files: ClassFiles[], limit: number | undefined) => {
    const dataset = folderDataset(`${dir}/${part}`, files, height, width, cacheBytes, decoder);
    return limit === undefined ? dataset : subset(dataset, {limit, seed});
  };
  return {train: open('train', train, args.limit), test: open('test', test, args.testLimit)};
}

function folderDataset(
  name: string,
  classes: readonly ClassFiles[],
  height: number,
  width: number,
  cacheBytes: number,
  decoder: DecoderChoice,
): ImageDataset {
  const images = classes.flatMap(({dir, files}, label) => files.map((file) => ({dir, file, label})));
  const cache = new ByteCache(cacheBytes);
  return {
    name,
    size: images.length,
    height,
    width,
    channels: 3,
    classNames: classes.map((one) => one.name),
    label(index) {
      checkIndex(name, index, images.length);
      return images[index]!.label;
    },
    async read(index) {
      checkIndex(name, index, images.length);
      const held = cache.get(index);
      if (held) return held;
      const {dir, file} = images[index]!;
      const image = await decodeImage(join(dir, file), {decoder});
      const fits = image.height === height && image.width === width;
      const pixels = fits
        ? image.data
        : resizeImage(image.data, [image.height, image.width], [height, width]);
      cache.offer(index, pixels);
      return pixels;
    },
  };
}

/** Images whose sizes decide the default, and the longer side of the result at most. */
const SAMPLE = 32;
const LONGEST_SIDE = 64;

/**
 * The median height and width of a sample, spread over all classes, no side above `LONGEST_SIDE`. A damaged image says
 * nothing, and is reported when it is read.
 */
async function usualSize(
  classes: readonly ClassFiles[],
  decoder: DecoderChoice,
): Promise<readonly [number, number]> {
  const paths = classes.flatMap(({dir, files}) => files.map((file) => join(dir, file)));
  const sizes: {height: number; width: number}[] = [];
  let first: unknown;
  const measure = async (path: string) => {
    try {
      sizes.push(await imageSizeOf(path, {decoder}));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      first ??= error;
    }
  };
  const step = Math.max(1, paths.length / SAMPLE);
  for (let at = 0; at < paths.length; at += step) await measure(paths[Math.floor(at)]!);
  for (const path of sizes.length === 0 ? paths : []) {
    if (sizes.length === 0) await measure(path);
  }
  if (sizes.length === 0) throw first;
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  const [height, width] = [median(sizes.map((one) => one.height)), median(sizes.map((one) => one.width))];
  const scale = Math.min(1, LONGEST_SIDE / Math.max(height, width));
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  return [side(height), side(width)];
}

function sides(imageSize: number | readonly [number, number]): readonly [number, number] {
  return typeof imageSize === 'number' ? [imageSize, imageSize] : imageSize;
}

function checkArgs(who: string, args: ImageFolderArgs): void {
  const {imageSize, testFraction = 0.2, cacheBytes = 0, classNames} = args;
  if (imageSize !== undefined) {
    sizePair(who, 'imageSize', imageSize);
  }
  checkNumber(who, 'testFraction', testFraction, BETWEEN_ZERO_AND_ONE);
  checkCacheBytes(who, cacheBytes);
  if (classNames && (classNames.length === 0 || new Set(classNames).size < classNames.length)) {
    throw new ConfigError(`${who}: classNames must be different names, at least one; got [${classNames}].`);
  }
}

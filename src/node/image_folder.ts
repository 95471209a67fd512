/**
 * A folder of JPEG and PNG images, one folder per class, as a training and a test set.
 *
 *     dir/train/<class>/*.jpg   with   dir/test/<class>/*.jpg  (or dir/val/...)
 *     dir/<class>/*.jpg         split at random, the same share of every class
 *
 * Files count by extension (.jpg, .jpeg, .png, any case); other files, and names that begin with a dot or two
 * underscores (left by some systems' archivers), do not. Classes are numbered in the order of their names.
 */

import type {Dirent} from 'node:fs';
import {readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {BETWEEN_ZERO_AND_ONE, checkNumber, sizePair} from '../../kernels/common/arguments.js';
import {ByteCache, checkCacheBytes} from '../data/byte_cache.js';
import {checkIndex} from '../data/check_index.js';
import type {DatasetSplit, ImageDataset} from '../data/dataset.js';
import {resizeImage} from '../data/resize.js';
import {type Seed, shuffled} from '../data/shuffle.js';
import {subset} from '../data/subset.js';
import {ConfigError, DataError} from '../errors.js';
import {type DecoderChoice, decodeImage} from './image_file.js';

export interface ImageFolderArgs {
  /**
   * Size that all images are resized to, one side or [height, width], without regard to proportions; default the size
   * of the first training image that can be decoded.
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
}

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
  const {testFraction = 0.2, seed = 0, imageSize, cacheBytes = 2 ** 30, decoder = 'auto'} = args;
  checkArgs(who, args);

  const {train, test} = await listFolder(dir, who, args.classNames, testFraction, seed);
  const [height, width] = imageSize === undefined ? await firstSize(train, decoder) : sides(imageSize);
  const open = (part: 'train' | 'test', files: ClassFiles[], limit: number | undefined) => {
    const dataset = folderDataset(`${dir}/${part}`, files, height, width, cacheBytes, decoder);
    return limit === undefined ? dataset : subset(dataset, {limit, seed});
  };
  return {train: open('train', train, args.limit), test: open('test', test, args.testLimit)};
}

/** The images of one class. */
interface ClassFiles {
  name: string;
  dir: string;
  /** File names within `dir`. */
  files: string[];
}

async function listFolder(
  dir: string,
  who: string,
  classNames: readonly string[] | undefined,
  testFraction: number,
  seed: Seed,
): Promise<{train: ClassFiles[]; test: ClassFiles[]}> {
  const {folders, files, entries} = await list(dir, who);
  if (entries === 0) throw new DataError(`${who}: the folder must hold images by class; it is empty.`);

  if (folders.includes('train')) {
    const testFolder = ['test', 'val'].find((name) => folders.includes(name));
    if (testFolder === undefined) {
      throw new DataError(
        `${who}: a folder with train/ must have test/ or val/ beside it; got ${folders.join(', ')} ` +
          '(to have the images split at random, give the folder that holds the class folders).',
      );
    }
    const train = await listClasses(join(dir, 'train'), who, classNames);
    const test = await listClasses(join(dir, testFolder), who, classNames);
    const names = (classes: ClassFiles[]) => classes.map(({name}) => name);
    const odd = [...onlyIn(names(train), names(test)), ...onlyIn(names(test), names(train))];
    if (odd.length > 0) {
      throw new DataError(
        `${who}: train/ and ${testFolder}/ must have the same class folders; only in one of them: ${odd.join(', ')}.`,
      );
    }
    return {train, test};
  }

  if (folders.length === 0 && files.length > 0) {
    throw new DataError(
      `${who}: images must lie in one folder per class; got ${files.length} images and no folder ` +
        `(move them to ${join(dir, '<class>')}).`,
    );
  }
  const train: ClassFiles[] = [];
  const test: ClassFiles[] = [];
  for (const {name, dir: classDir, files: all} of await listClasses(dir, who, classNames)) {
    if (all.length < 2) {
      throw new DataError(
        `${who}: each class must have at least 2 images to be split; got 1 in ${classDir} ` +
          '(add images, or make train/ and test/ yourself).',
      );
    }
    const order = shuffled(all, `${seed}/split/${name}`);
    const held = Math.min(all.length - 1, Math.max(1, Math.round(all.length * testFraction)));
    test.push({name, dir: classDir, files: order.slice(0, held).sort()});
    train.push({name, dir: classDir, files: order.slice(held).sort()});
  }
  return {train, test};
}

/** The class folders of `dir` with their images, in the order of the labels. */
async function listClasses(
  dir: string,
  who: string,
  classNames: readonly string[] | undefined,
): Promise<ClassFiles[]> {
  const {folders} = await list(dir, who);
  if (folders.length === 0) {
    throw new DataError(`${who}: ${dir} must hold one folder per class; got no folder.`);
  }
  const absent = onlyIn(classNames ?? [], folders);
  if (absent.length > 0) {
    throw new DataError(
      `${who}: every class must have a folder in ${dir}; missing: ${absent.join(', ')} (there are ${folders.join(', ')}).`,
    );
  }
  const classes = await Promise.all(
    (classNames ?? folders).map(async (name): Promise<ClassFiles> => {
      const classDir = join(dir, name);
      return {name, dir: classDir, files: (await list(classDir, who)).files};
    }),
  );
  const empty = classes.filter(({files}) => files.length === 0);
  if (empty.length === classes.length) {
    throw new DataError(
      `${who}: class folders must hold .jpg, .jpeg or .png files; got no image in any of ${classes.length} folders ` +
        `of ${dir} (${classes.map(({name}) => name).join(', ')}).`,
    );
  }
  if (empty.length > 0) {
    throw new DataError(
      `${who}: every class must have at least one .jpg, .jpeg or .png file; got none in ` +
        `${empty.map((one) => one.dir).join(', ')} (add images or remove the folder).`,
    );
  }
  return classes;
}

interface Listing {
  /** Names of the folders, sorted. */
  folders: string[];
  /** Names of the image files, sorted. */
  files: string[];
  /** Number of entries of any sort. */
  entries: number;
}

async function list(dir: string, who: string): Promise<Listing> {
  let entries: Dirent[];
  try {
    entries = await readdir(dir, {withFileTypes: true});
  } catch (error) {
    throw new DataError(
      `${who}: ${dir} must be a readable folder; got ${(error as Error).message} (check the path).`,
    );
  }
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    const {name} = entry;
    if (name.startsWith('.') || name.startsWith('__')) continue;
    if (await isFolder(entry, dir)) folders.push(name);
    else if (/\.(jpe?g|png)$/i.test(name)) files.push(name);
  }
  // Sorted by code units, not by locale: labels must be the same on every machine.
  return {folders: folders.sort(), files: files.sort(), entries: entries.length};
}

async function isFolder(entry: Dirent, dir: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  // A link to nothing is listed as a file, so that reading it says what is wrong.
  return stat(join(dir, entry.name)).then(
    (target) => target.isDirectory(),
    () => false,
  );
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

/** Size of the first image that can be decoded; a damaged one before it is reported when it is read. */
async function firstSize(
  classes: readonly ClassFiles[],
  decoder: DecoderChoice,
): Promise<readonly [number, number]> {
  let first: DataError | undefined;
  for (const {dir, files} of classes) {
    for (const file of files) {
      try {
        const {height, width} = await decodeImage(join(dir, file), {decoder});
        return [height, width];
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        first ??= error;
      }
    }
  }
  throw first!;
}

function sides(imageSize: number | readonly [number, number]): readonly [number, number] {
  return typeof imageSize === 'number' ? [imageSize, imageSize] : imageSize;
}

/** The elements of `names` that `others` lacks. */
function onlyIn(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return names.filter((name) => !known.has(name));
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

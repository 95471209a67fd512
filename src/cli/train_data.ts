/** The images that `tfjs-swint train` works on: drawn shapes, CIFAR binaries or a folder of images. */
import {stat} from 'node:fs/promises';
import type {DatasetSplit} from '../data/dataset.js';
import {shapesSplit} from '../data/shapes.js';
import {subset} from '../data/subset.js';
import {DataError} from '../errors.js';
import {cifarFiles, detectCifar} from '../node/cifar_files.js';
import {imageFolder} from '../node/image_folder.js';
import {SHAPES_DEFAULTS} from './train_defaults.js';
import type {TrainSettings} from './train_settings.js';
import {UsageError} from './usage_error.js';

type DataOptions = Pick<TrainSettings, 'data' | 'imageSize' | 'limit' | 'testLimit' | 'seed'> & {
  /** Told of image files that cannot be decoded. */
  onLeftOut?: (message: string) => void;
};

/**
 * @throws DataError where the folder holds no usable images, or those of one class; UsageError for a size that the data cannot
 *     have.
 */
export async function openData(options: DataOptions): Promise<DatasetSplit> {
  const split = await openImages(options);
  const {classNames} = split.train;
  if (classNames.length >= 2) return split;
  throw new DataError(
    `train: there must be at least 2 classes; got ${classNames.length}, ${classNames.join()}, in ${options.data} ` +
      '(add a folder of images for each other class).',
  );
}

async function openImages({
  data,
  imageSize,
  limit,
  testLimit,
  seed,
  onLeftOut,
}: DataOptions): Promise<DatasetSplit> {
  if (data === null) {
    return shapesSplit({
      trainSize: limit ?? SHAPES_DEFAULTS.trainImages,
      testSize: testLimit ?? SHAPES_DEFAULTS.testImages,
      seed,
      imageSize: imageSize ?? SHAPES_DEFAULTS.imageSize,
    });
  }
  if (!(await isFolder(data))) {
    throw new DataError(`train: --data must be a folder that is there; got ${data} (check the path).`);
  }
  const kind = await detectCifar(data);
  if (kind === null) {
    return imageFolder(data, {
      seed,
      onLeftOut,
      imageSize: imageSize ?? undefined,
      limit: limit ?? undefined,
      testLimit: testLimit ?? undefined,
    });
  }
  if (imageSize !== null && imageSize !== 32) {
    throw new UsageError(`train: --image-size must be 32 for CIFAR images; got ${imageSize} (leave it out).`);
  }
  const {train, test} = await cifarFiles(data);
  return {
    train: limit === null ? train : subset(train, {limit, seed}),
    test: testLimit === null ? test : subset(test, {limit: testLimit, seed}),
  };
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Where the size of the images comes from; null where it was asked for, or is the data's own. */
export function describeSize({data, imageSize}: DataOptions, {train}: DatasetSplit): string | null {
  if (data === null || imageSize !== null || /^cifar100?\/train$/.test(train.name)) return null;
  return `images resized to ${train.height}x${train.width} (--image-size N for another size)`;
}

/** One line: what there is to train and test on. */
export function describeData({train, test}: DatasetSplit): string {
  const names = train.classNames;
  const shown = names.length > 10 ? [...names.slice(0, 9), '...'] : names;
  return (
    `${train.name}: ${train.size} images, ${test.name}: ${test.size} images, ` +
    `${train.height}x${train.width}x${train.channels}, ${names.length} classes (${shown.join(', ')})`
  );
}

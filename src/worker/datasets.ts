/**
 * Data sets on their way to a worker. One whose images are all in memory goes over as a whole; any other stays on the page,
 * and the worker asks for an image when its training needs it.
 */
import type {ImageDataset} from '../data/dataset.js';
import type {LabelledImage, SegmentationDataset} from '../data/segmentation_dataset.js';
import {DataError} from '../errors.js';
import type {HandOver} from './hand_over.js';

/** A labelled set of images of one size in one array. */
export interface PackedImages {
  /** What to call it in messages; default 'images'. */
  name?: string;
  height: number;
  width: number;
  /** Default 3. */
  channels?: number;
  classNames: readonly string[];
  /** One per image, an index into classNames. */
  labels: ArrayLike<number>;
  /** [images, height, width, channels]. */
  images: Uint8Array;
}

/** Images with their masks, in memory. */
export interface PackedMasks {
  /** What to call it in messages; default 'images'. */
  name?: string;
  /** Default 3. */
  channels?: number;
  classNames: readonly string[];
  ignoreIndex?: number;
  images: readonly LabelledImage[];
}

/** Training and test set of a training in a worker. */
export interface WorkerSplit<Dataset> {
  train: Dataset;
  test: Dataset;
}

/** Labelled images as a worker takes them. */
export type WorkerDataset = ImageDataset | PackedImages;

/** Images with masks as a worker takes them. */
export type WorkerMasks = SegmentationDataset | PackedMasks;

/** Labelled images as they are sent: with the bytes, or a function that the worker asks. */
export interface SentDataset extends Omit<ImageDataset, 'label' | 'read'> {
  labels: Int32Array;
  images?: Uint8Array;
  read?: ImageDataset['read'];
}

/** Images with masks as they are sent. */
export interface SentMasks extends Omit<SegmentationDataset, 'imageName' | 'read'> {
  names: string[];
  images?: LabelledImage[];
  read?: SegmentationDataset['read'];
}

/** @throws DataError, in the name of `who`, for packed images that do not have the bytes that they should. */
export function sentDataset(who: string, dataset: WorkerDataset, over: HandOver): SentDataset {
  const {height, width, channels = 3, classNames} = dataset;
  const common = {height, width, channels, classNames: [...classNames]};
  if ('read' in dataset) {
    const labels = Int32Array.from({length: dataset.size}, (_, index) => dataset.label(index));
    const {name, size} = dataset;
    return {...common, name, size, labels: over.made(labels), read: (index) => dataset.read(index)};
  }
  const {name = 'images', images} = dataset;
  const labels = Int32Array.from(dataset.labels);
  const bytes = labels.length * height * width * channels;
  if (images.length !== bytes) {
    throw new DataError(
      `${who}: images must have ${bytes} bytes, for ${labels.length} labels and ${height}x${width}x${channels}; got ` +
        `${images.length}.`,
    );
  }
  return {...common, name, size: labels.length, labels: over.made(labels), images: over.array(images)};
}

export function sentMasks(dataset: WorkerMasks, over: HandOver): SentMasks {
  const {channels = 3, classNames, ignoreIndex} = dataset;
  const common = {channels, classNames: [...classNames], ...(ignoreIndex !== undefined && {ignoreIndex})};
  if ('read' in dataset) {
    const {name, size} = dataset;
    const names = Array.from({length: size}, (_, index) => dataset.imageName(index));
    return {...common, name, size, names, read: (index) => dataset.read(index)};
  }
  const {name = 'images'} = dataset;
  const images = dataset.images.map(({data, mask, width, height}) => ({
    ...{width, height},
    ...{data: over.array(data), mask: over.array(mask)},
  }));
  return {...common, name, size: images.length, names: images.map((_, index) => `image ${index}`), images};
}

/** In the worker: the data set that was sent. */
export function receivedDataset({labels, images, read, ...common}: SentDataset): ImageDataset {
  const {height, width, channels} = common;
  const bytes = height * width * channels;
  return {
    ...common,
    label: (index) => labels[index]!,
    read: read ?? (async (index) => images!.subarray(index * bytes, (index + 1) * bytes)),
  };
}

/** In the worker: the images with masks that were sent. */
export function receivedMasks({names, images, read, ...common}: SentMasks): SegmentationDataset {
  return {
    ...common,
    imageName: (index) => names[index]!,
    read: read ?? (async (index) => images![index]!),
  };
}

/** Both sets of a training, by the same function. */
export function both<From, To>(
  {train, test}: {train: From; test: From},
  turn: (dataset: From) => To,
): {train: To; test: To} {
  return {train: turn(train), test: turn(test)};
}

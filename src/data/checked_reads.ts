/**
 * What a data set gives, checked: a label is a class, an image has its bytes. Data sets are written by users too, so what
 * one gives wrongly is a DataError that names the image, and a read that never settles does not hold an abort up.
 */
import {showValue} from '../../kernels/common/show_value.js';
import {DataError} from '../errors.js';
import type {ImageDataset} from './dataset.js';
import type {LabelledImage, SegmentationDataset} from './segmentation_dataset.js';

/** @throws DataError unless the label is one of the classes. */
export function labelOf(dataset: Pick<ImageDataset, 'name' | 'classNames' | 'label'>, index: number): number {
  const {name, classNames} = dataset;
  const found: unknown = dataset.label(index);
  if (!Number.isInteger(found) || (found as number) < 0 || (found as number) >= classNames.length) {
    throw new DataError(
      `${name}: the label of image ${index} must be a whole number from 0 to ${classNames.length - 1}, one of its ` +
        `${classNames.length} classes; got ${showValue(found)}.`,
    );
  }
  return found as number;
}

/** Checks every label, which a data set knows without reading an image. */
export function checkLabels(dataset: ImageDataset): void {
  for (let index = 0; index < dataset.size; index++) labelOf(dataset, index);
}

/** @throws DataError unless `pixels` are bytes, as many as the data set's images have where that is known. */
export function checkPixels(
  {name, channels, height, width}: Pick<ImageDataset, 'name' | 'channels'> & Partial<ImageDataset>,
  index: number,
  pixels: unknown,
): Uint8Array {
  const known = height !== undefined && width !== undefined;
  const isBytes = pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray;
  if (isBytes && (known ? pixels.length === height * width * channels : pixels.length % channels === 0)) {
    return pixels as Uint8Array;
  }
  const size = known
    ? `${height * width * channels} bytes (${height}x${width}x${channels})`
    : `${channels} bytes a pixel`;
  const got = isBytes ? pixels.length : showKind(pixels);
  throw new DataError(`${name}: image ${index} must have ${size}; got ${got}.`);
}

/** @throws DataError unless image and mask have their bytes, and each pixel a class or the value to ignore. */
export function checkLabelledImage(
  dataset: SegmentationDataset,
  index: number,
  image: LabelledImage,
): LabelledImage {
  const {name, channels, classNames, ignoreIndex} = dataset;
  const who = `${name}: ${dataset.imageName(index)}`;
  const {data, mask, height, width} = (image ?? {}) as Partial<LabelledImage>;
  if (data === undefined || mask === undefined || !(height! > 0 && width! > 0)) {
    throw new DataError(`${who} must be {data, mask, height, width}; got ${showKind(image)}.`);
  }
  const pixels = height! * width!;
  if (data.length !== pixels * channels || mask.length !== pixels) {
    throw new DataError(
      `${who} must have ${pixels * channels} bytes (${height}x${width}x${channels}) and ${pixels} pixels in its mask; ` +
        `got ${data.length} and ${mask.length}.`,
    );
  }
  const wrong = mask.findIndex((value) => value !== ignoreIndex && !(value < classNames.length));
  if (wrong >= 0) {
    throw new DataError(
      `${who} must have classes from 0 to ${classNames.length - 1} in its mask` +
        `${ignoreIndex === undefined ? '' : `, or ${ignoreIndex} to ignore`}; got ${mask[wrong]} at row ` +
        `${Math.floor(wrong / width!)}, column ${wrong % width!}.`,
    );
  }
  return image;
}

function showKind(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? `an object of the class ${value.constructor?.name ?? 'Object'}`
    : showValue(value);
}

/** The promise, or a rejection with the signal's reason as soon as that aborts. */
export function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

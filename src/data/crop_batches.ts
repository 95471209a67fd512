/**
 * Batches of images with their masks as tensors, for training: order, crops, flips and turns, normalisation, layout.
 *
 * images [B, C, h, w] (or [B, h, w, C]) float32 = (byte / 255 - mean) / std; labels [B, h, w] int32.
 *
 * A stream without end: pass after pass over the data, each in an order of its own and with a view of each image of its
 * own, so that a batch may be larger than the set. The next batch is read while the caller works on the current one.
 */

import * as tf from '@tensorflow/tfjs-core';
import {checkNumber, positiveInteger, wholeNumber} from '../../kernels/common/arguments.js';
import {type DataFormat, mapShape} from '../../kernels/common/data_format.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {DataError} from '../errors.js';
import {nextTurn} from '../next_turn.js';
import {checkLabelledImage, orAborted} from './checked_reads.js';
import {type NormaliseArgs, normaliser} from './normalise.js';
import {orientedCrop, type RandomCropArgs, randomCrop} from './oriented_crop.js';
import type {LabelledImage, SegmentationDataset} from './segmentation_dataset.js';
import {randomStream, type Seed, shuffled} from './shuffle.js';

export interface CropBatchesArgs extends RandomCropArgs, NormaliseArgs {
  /** Images per batch. */
  batchSize: number;
  /** Decides order, places, flips and turns; default 0. */
  seed?: Seed;
  /** Number of the first batch to hand over, from 0; those before it are not read. Default 0. */
  firstBatch?: number;
  /** Ends the loop with its reason, even while a read does not settle. */
  signal?: AbortSignal;
}

const ARGUMENTS = {
  ...{batchSize: true, seed: true, firstBatch: true, signal: true, cropSize: true, flip: true, rotate: true},
  ...{mean: true, std: true, dataFormat: true},
} as const satisfies ArgumentNames<CropBatchesArgs>;

/** One batch. The caller disposes both tensors. */
export interface SegmentationBatch {
  images: tf.Tensor4D;
  /** [B, h, w], int32: class indices or the data set's ignoreIndex. */
  labels: tf.Tensor3D;
  /** Index in the data set of each image. */
  indices: number[];
  /** Number of the batch, from 0. */
  number: number;
}

/**
 * Batches without end. The view of an image depends on (seed, pass, its index) alone, whatever the batch size.
 *
 * @throws ConfigError for an unusable option and DataError for an empty data set, at once; DataError from the loop for an
 *   image that cannot be read or does not fit the crop or the other images of its batch.
 */
export function cropBatches(
  dataset: SegmentationDataset,
  args: CropBatchesArgs,
): AsyncGenerator<SegmentationBatch, never, undefined> {
  const who = `cropBatches(${dataset.name})`;
  checkArguments(who, args, ARGUMENTS);
  positiveInteger(who, 'batchSize', args.batchSize);
  positiveInteger(who, 'cropSize', args.cropSize ?? 1);
  checkNumber(who, 'firstBatch', args.firstBatch ?? 0, wholeNumber(0));
  if (dataset.size === 0) throw new DataError(`${who}: there must be at least one image; got none.`);
  return generate(dataset, args, normaliser(who, dataset.channels, args));
}

async function* generate(
  dataset: SegmentationDataset,
  args: CropBatchesArgs,
  normalise: ReturnType<typeof normaliser>,
): AsyncGenerator<SegmentationBatch, never, undefined> {
  const {firstBatch = 0} = args;
  const places = imageOrder(dataset.size, args.seed ?? 0);
  for (let skipped = firstBatch * args.batchSize; skipped > 0; skipped--) places.next();
  const next = () => {
    const taken = Array.from({length: args.batchSize}, () => places.next().value);
    const crops = Promise.all(taken.map((place) => readCrop(dataset, args, place)));
    // Read ahead: should it fail before it is awaited, or never be, that is no unhandled rejection.
    crops.catch(() => undefined);
    return crops;
  };
  let ahead = next();
  for (let number = firstBatch; ; number++) {
    const crops = await orAborted(ahead, args.signal);
    ahead = next();
    // The computations of some backends (wasm, cpu) never let the event loop run: finished reads come in here.
    await nextTurn();
    yield {...asTensors(dataset, crops, args.dataFormat ?? 'channelsFirst', normalise), number};
  }
}

interface Place {
  pass: number;
  index: number;
}

/** Every image once, in a random order; then again in another one. */
function* imageOrder(size: number, seed: Seed): Generator<Place, never, undefined> {
  const all = Array.from({length: size}, (_, index) => index);
  for (let pass = 0; ; pass++) {
    for (const index of shuffled(all, `${seed}/order/${pass}`)) yield {pass, index};
  }
}

interface Crop extends LabelledImage {
  index: number;
}

async function readCrop(
  dataset: SegmentationDataset,
  args: CropBatchesArgs,
  {pass, index}: Place,
): Promise<Crop> {
  const {data, mask, height, width} = checkLabelledImage(dataset, index, await dataset.read(index));
  const {cropSize, rotate} = args;
  const image = `${dataset.name}: ${dataset.imageName(index)}`;
  if (cropSize !== undefined && cropSize > Math.min(height, width)) {
    throw new DataError(
      `${image} must be at least as large as cropSize, ${cropSize}; got ${height}x${width} (use a smaller cropSize).`,
    );
  }
  if (rotate && cropSize === undefined && height !== width) {
    throw new DataError(
      `${image} must be square to be turned by 90 degrees; got ${height}x${width} (set cropSize, or rotate: false).`,
    );
  }
  const view = randomCrop(height, width, args, randomStream(`${args.seed ?? 0}/view/${pass}/${index}`));
  return {
    index,
    data: orientedCrop(data, width, dataset.channels, view),
    mask: orientedCrop(mask, width, 1, view),
    height: view.height,
    width: view.width,
  };
}

function asTensors(
  dataset: SegmentationDataset,
  crops: readonly Crop[],
  dataFormat: DataFormat,
  normalise: ReturnType<typeof normaliser>,
): Omit<SegmentationBatch, 'number'> {
  const {name, channels} = dataset;
  const {height, width} = crops[0];
  const area = height * width;
  const values = new Float32Array(crops.length * area * channels);
  const labels = new Int32Array(crops.length * area);
  for (const [i, crop] of crops.entries()) {
    if (crop.height !== height || crop.width !== width) {
      throw new DataError(
        `${name}: the images of a batch must have one size; got ${dataset.imageName(crops[0].index)} of ${height}x${width} and ` +
          `${dataset.imageName(crop.index)} of ${crop.height}x${crop.width} (set cropSize).`,
      );
    }
    normalise(crop.data, values, i * area * channels);
    labels.set(crop.mask, i * area);
  }
  const size = mapShape(dataFormat, channels, height, width);
  return {
    images: tf.tensor4d(values, [crops.length, ...size], 'float32'),
    labels: tf.tensor3d(labels, [crops.length, height, width], 'int32'),
    indices: crops.map(({index}) => index),
  };
}

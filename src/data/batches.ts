/**
 * Batches of a data set as tensors, ready for training: order, augmentation, normalisation, layout.
 *
 * images [B, C, H, W] (or [B, H, W, C]) float32 = (byte / 255 - mean) / std; labels [B] int32.
 *
 * Images of the next batches are read, augmented and normalised into plain arrays while the caller works on the
 * current one; a tensor is made only at the moment its batch is handed over, so that leaving the loop early leaves
 * none behind.
 */

import * as tf from '@tensorflow/tfjs-core';
import {checkNumber, positiveInteger, wholeNumber} from '../../kernels/common/arguments.js';
import {mapShape} from '../../kernels/common/data_format.js';
import {DataError} from '../errors.js';
import {type AugmentArgs, augment, checkAugmentation} from './augment.js';
import {checkPixels, labelOf, orAborted} from './checked_reads.js';
import type {ImageDataset} from './dataset.js';
import {checkBadImages, type NormaliseArgs, normaliser} from './normalise.js';
import {randomStream, type Seed, shuffled} from './shuffle.js';

export interface BatchesArgs extends AugmentArgs, NormaliseArgs {
  /** Images per batch; at least 1. */
  batchSize: number;
  /** A random order, another one in each epoch; default false, the data set's own order. */
  shuffle?: boolean;
  /** Decides, together with `epoch`, order and augmentation; default 0. */
  seed?: Seed;
  /** Number of the pass over the data; default 0. */
  epoch?: number;
  /** Leave out the last batch if it has fewer images than `batchSize`; default false. */
  dropRemainder?: boolean;
  /** Number of the first batch to hand over, from 0; those before it are not read. Default 0. */
  firstBatch?: number;
  /** Batches being read beyond the current one; default 4. Each holds B C H W floats. */
  prefetch?: number;
  /**
   * What an image that cannot be read does: 'fail' (default) ends the loop with its DataError; 'skip' makes its batch
   * smaller by one and tells `onBadImage`. A batch left with no image is not handed over.
   */
  badImages?: 'fail' | 'skip';
  /** Told of each image left out, with its index in the data set; required by 'skip'. */
  onBadImage?: (error: DataError, index: number) => void;
  /** Ends the loop with its reason, even while a read does not settle. */
  signal?: AbortSignal;
}

/** One batch. The caller disposes both tensors. */
export interface Batch {
  /** [B, C, H, W] or [B, H, W, C], float32. */
  images: tf.Tensor4D;
  /** [B], int32. */
  labels: tf.Tensor1D;
  /** Index in the data set of each image, in the order of the batch. */
  indices: number[];
  /** Number of the batch in its pass, from 0. */
  number: number;
}

/**
 * One pass over `dataset`. Augmentation of an image depends on (seed, epoch, its index) alone, whatever the batch size
 * or order.
 *
 *     for await (const {images, labels} of batches(train, {batchSize: 128, shuffle: true, epoch})) { ... }
 *
 * @throws ConfigError at once for an unusable option; DataError from the loop for an image that cannot be read or a label
 *   that is no class.
 */
export function batches(dataset: ImageDataset, args: BatchesArgs): AsyncGenerator<Batch, void, undefined> {
  const who = `batches(${dataset.name})`;
  const {batchSize, epoch = 0, prefetch = 4, badImages = 'fail', onBadImage} = args;
  const {height, width, channels} = dataset;
  positiveInteger(who, 'batchSize', batchSize);
  checkNumber(who, 'epoch', epoch, wholeNumber(0));
  checkNumber(who, 'prefetch', prefetch, wholeNumber(0));
  checkNumber(who, 'firstBatch', args.firstBatch ?? 0, wholeNumber(0));
  checkBadImages(who, badImages, onBadImage);
  checkAugmentation(who, height, width, args);
  const normalise = normaliser(who, channels, args);
  return generate(dataset, args, (pixels, index, target, offset) => {
    const random = randomStream(`${args.seed ?? 0}/augment/${epoch}/${index}`);
    normalise(augment(pixels, height, width, channels, args, random), target, offset);
  });
}

type Preparation = (pixels: Uint8Array, index: number, target: Float32Array, offset: number) => void;

async function* generate(
  dataset: ImageDataset,
  args: BatchesArgs,
  prepare: Preparation,
): AsyncGenerator<Batch, void, undefined> {
  const {batchSize, dropRemainder = false, dataFormat = 'channelsFirst', prefetch = 4} = args;
  const {height, width, channels} = dataset;
  const order = epochOrder(dataset.size, args);
  const count = dropRemainder ? Math.floor(order.length / batchSize) : Math.ceil(order.length / batchSize);

  const ahead: Promise<PreparedBatch>[] = [];
  let started = args.firstBatch ?? 0;
  for (let b = started; b < count; b++) {
    while (started < count && started <= b + prefetch) {
      ahead.push(prepareBatch(dataset, order.slice(started * batchSize, (started + 1) * batchSize), prepare));
      started++;
    }
    const batch = withoutFailures(await orAborted(ahead.shift()!, args.signal), dataset, args);
    // The computations of some backends (wasm, cpu) never let the event loop run: finished reads come in here.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (batch.indices.length === 0) continue;
    const {indices, values} = batch;
    const labels = Int32Array.from(indices, (index) => labelOf(dataset, index));
    yield {
      images: tf.tensor4d(
        values,
        [indices.length, ...mapShape(dataFormat, channels, height, width)],
        'float32',
      ),
      labels: tf.tensor1d(labels, 'int32'),
      indices,
      number: b,
    };
  }
}

function epochOrder(size: number, {shuffle = false, seed = 0, epoch = 0}: BatchesArgs): number[] {
  const order = Array.from({length: size}, (_, index) => index);
  return shuffle ? shuffled(order, `${seed}/order/${epoch}`) : order;
}

interface PreparedBatch {
  indices: number[];
  /** Normalised images one after the other, [B, ...]; what stands in a failed image's place means nothing. */
  values: Float32Array;
  /** What was thrown for each image of the batch that could not be read, by its place in the batch. */
  failures: Map<number, unknown>;
}

/** Never rejects: nobody may be waiting any more when a batch read ahead fails. */
async function prepareBatch(
  dataset: ImageDataset,
  indices: number[],
  prepare: Preparation,
): Promise<PreparedBatch> {
  const volume = dataset.height * dataset.width * dataset.channels;
  const values = new Float32Array(indices.length * volume);
  const failures = new Map<number, unknown>();
  const read = async (index: number, place: number) => {
    try {
      const pixels = checkPixels(dataset, index, await dataset.read(index));
      prepare(pixels, index, values, place * volume);
    } catch (error) {
      failures.set(place, error);
    }
  };
  await Promise.all(indices.map(read));
  return {indices, values, failures};
}

/** The batch without the images that failed, in the order of their places; throws where they may not fail. */
function withoutFailures(batch: PreparedBatch, dataset: ImageDataset, args: BatchesArgs): PreparedBatch {
  const {failures} = batch;
  if (failures.size === 0) return batch;
  const volume = dataset.height * dataset.width * dataset.channels;
  const indices: number[] = [];
  const values = new Float32Array((batch.indices.length - failures.size) * volume);
  for (const [place, index] of batch.indices.entries()) {
    if (failures.has(place)) {
      const error = failures.get(place);
      // Anything but a DataError is a fault in a program, not in an image.
      if (args.badImages !== 'skip' || !(error instanceof DataError)) throw error;
      args.onBadImage!(error, index);
      continue;
    }
    values.set(batch.values.subarray(place * volume, (place + 1) * volume), indices.length * volume);
    indices.push(index);
  }
  return {indices, values, failures: new Map()};
}

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
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {DataError} from '../errors.js';
import {nextTurn} from '../next_turn.js';
import {type AugmentArgs, alternatingFlip, augment, checkAugmentation} from './augment.js';
import {checkPixels, labelOf, orAborted} from './checked_reads.js';
import type {ImageDataset} from './dataset.js';
import {checkMix, type Mix, type MixArgs, mixImages} from './mix_images.js';
import {checkBadImages, type NormaliseArgs, normaliser} from './normalise.js';
import {checkRandomErasing, erasePart, type RandomErasingArgs} from './random_erasing.js';
import {resizePixels} from './resize.js';
import {randomStream, type Seed, shuffled} from './shuffle.js';

export interface BatchesArgs extends AugmentArgs, MixArgs, NormaliseArgs {
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
  /** Probability that a rectangle of an image is filled with random bytes, or more about it; default 0. */
  randomErasing?: number | RandomErasingArgs;
  /**
   * Rows and columns of the images of a batch, counted from 0, to which they are resized after all other changes but the
   * mixing; default those of the data set. Asked once for each batch, in order.
   */
  sizeOf?: (batch: number) => readonly [number, number];
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

const ARGUMENTS = {
  ...{batchSize: true, shuffle: true, seed: true, epoch: true, dropRemainder: true, firstBatch: true},
  ...{randomErasing: true, sizeOf: true, prefetch: true, badImages: true, onBadImage: true, signal: true},
  ...{flip: true, cropPadding: true, paddingMode: true, mixup: true, cutmix: true},
  ...{mean: true, std: true, dataFormat: true},
} as const satisfies ArgumentNames<BatchesArgs>;

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
  /** What each image was mixed with, where `mixup` or `cutmix` is on; `labels` are those of the images themselves. */
  mix?: Mix;
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
  checkArguments(who, args, ARGUMENTS);
  const {batchSize, epoch = 0, prefetch = 4, badImages = 'fail', onBadImage} = args;
  const {height, width} = dataset;
  positiveInteger(who, 'batchSize', batchSize);
  checkNumber(who, 'epoch', epoch, wholeNumber(0));
  checkNumber(who, 'prefetch', prefetch, wholeNumber(0));
  checkNumber(who, 'firstBatch', args.firstBatch ?? 0, wholeNumber(0));
  checkBadImages(who, badImages, onBadImage);
  checkAugmentation(who, height, width, args);
  checkRandomErasing(who, args.randomErasing ?? 0);
  checkMix(who, args);
  return generate(dataset, args, preparation(who, dataset, args));
}

/** Writes an image, changed at random and normalised, into `target` from `offset` on. */
type Preparation = (
  pixels: Uint8Array,
  index: number,
  size: readonly [number, number],
  target: Float32Array,
  offset: number,
) => void;

function preparation(who: string, {height, width, channels}: ImageDataset, args: BatchesArgs): Preparation {
  const {seed = 0, epoch = 0, randomErasing = 0} = args;
  const normalise = normaliser(who, channels, args);
  const mean = Array.from({length: channels}, (_, c) => Math.round(255 * (args.mean?.[c] ?? 0)));
  return (pixels, index, size, target, offset) => {
    const random = randomStream(`${seed}/augment/${epoch}/${index}`);
    const alternate = args.flip === 'alternating' && alternatingFlip(seed, epoch, index);
    let image = augment(pixels, height, width, channels, args, random, alternate);
    if (randomErasing !== 0) {
      const erasing = randomStream(`${seed}/erase/${epoch}/${index}`);
      image = erasePart(image, height, width, mean, randomErasing, erasing);
    }
    if (size[0] !== height || size[1] !== width) {
      image = resizePixels(image, [height, width], size, channels);
    }
    normalise(image, target, offset);
  };
}

async function* generate(
  dataset: ImageDataset,
  args: BatchesArgs,
  prepare: Preparation,
): AsyncGenerator<Batch, void, undefined> {
  const {batchSize, dropRemainder = false, dataFormat = 'channelsFirst', prefetch = 4} = args;
  const {height, width, channels} = dataset;
  const {sizeOf = () => [height, width] as const, seed = 0, epoch = 0} = args;
  const order = epochOrder(dataset.size, args);
  const count = dropRemainder ? Math.floor(order.length / batchSize) : Math.ceil(order.length / batchSize);

  const ahead: Promise<PreparedBatch>[] = [];
  let started = args.firstBatch ?? 0;
  for (let b = started; b < count; b++) {
    while (started < count && started <= b + prefetch) {
      const indices = order.slice(started * batchSize, (started + 1) * batchSize);
      ahead.push(prepareBatch(dataset, indices, sizeOf(started), prepare));
      started++;
    }
    const batch = withoutFailures(await orAborted(ahead.shift()!, args.signal), args);
    // The computations of some backends (wasm, cpu) never let the event loop run: finished reads come in here.
    await nextTurn();
    const {indices, values} = batch;
    const [rows, columns] = batch.size;
    if (indices.length === 0) continue;
    const size = {channels, height: rows, width: columns, dataFormat};
    const mix = mixImages(values, indices.length, size, args, `${seed}/mix/${epoch}/${b}`);
    const labels = Int32Array.from(indices, (index) => labelOf(dataset, index));
    const shape = mapShape(dataFormat, channels, rows, columns);
    yield {
      images: tf.tensor4d(values, [indices.length, ...shape], 'float32'),
      labels: tf.tensor1d(labels, 'int32'),
      indices,
      number: b,
      ...(mix && {mix}),
    };
  }
}

function epochOrder(size: number, {shuffle = false, seed = 0, epoch = 0}: BatchesArgs): number[] {
  const order = Array.from({length: size}, (_, index) => index);
  return shuffle ? shuffled(order, `${seed}/order/${epoch}`) : order;
}

interface PreparedBatch {
  indices: number[];
  /** Rows and columns. */
  size: readonly [number, number];
  /** Normalised images one after the other, [B, ...]; what stands in a failed image's place means nothing. */
  values: Float32Array;
  /** What was thrown for each image of the batch that could not be read, by its place in the batch. */
  failures: Map<number, unknown>;
}

/** Never rejects: nobody may be waiting any more when a batch read ahead fails. */
async function prepareBatch(
  dataset: ImageDataset,
  indices: number[],
  size: readonly [number, number],
  prepare: Preparation,
): Promise<PreparedBatch> {
  const volume = size[0] * size[1] * dataset.channels;
  const values = new Float32Array(indices.length * volume);
  const failures = new Map<number, unknown>();
  const read = async (index: number, place: number) => {
    try {
      const pixels = checkPixels(dataset, index, await dataset.read(index));
      prepare(pixels, index, size, values, place * volume);
    } catch (error) {
      failures.set(place, error);
    }
  };
  await Promise.all(indices.map(read));
  return {indices, size, values, failures};
}

/** The batch without the images that failed, in the order of their places; throws where they may not fail. */
function withoutFailures(batch: PreparedBatch, args: BatchesArgs): PreparedBatch {
  const {failures} = batch;
  if (failures.size === 0) return batch;
  const volume = batch.values.length / batch.indices.length;
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
  return {...batch, indices, values, failures: new Map()};
}

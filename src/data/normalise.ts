/**
 * Normalisation per channel: a byte v of channel c becomes (v / 255 - mean[c]) / std[c]; and the mean and standard
 * deviation of a data set, both in units of 1 for byte 255.
 */

import {ABOVE_ZERO, checkNumbers, FINITE, oneOf, positiveInteger} from '../../kernels/common/arguments.js';
import {checkDataFormat, type DataFormat} from '../../kernels/common/data_format.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ConfigError, DataError} from '../errors.js';
import {checkPixels, orAborted} from './checked_reads.js';
import type {ImageDataset} from './dataset.js';
import type {Seed} from './shuffle.js';
import {balancedIndices} from './subset.js';

export interface ChannelStatistics {
  /** One mean per channel, 0 to 1. */
  mean: number[];
  /** One standard deviation (of the population) per channel, at least 1/255. */
  std: number[];
}

export interface ChannelStatisticsArgs {
  /** Most images to read, balanced by class; default 5000. */
  sample?: number;
  /** Chooses which images; default 0. */
  seed?: Seed;
  /** Whether an image that cannot be read fails the call (default) or is left out and reported. */
  badImages?: 'fail' | 'skip';
  /** Told of each image left out, with its index in the data set; required by 'skip'. */
  onBadImage?: (error: DataError, index: number) => void;
  /** Ends the call with its reason, even while a read does not settle. */
  signal?: AbortSignal;
}

const STATISTICS = {
  ...{sample: true, seed: true, badImages: true, onBadImage: true, signal: true},
} as const satisfies ArgumentNames<ChannelStatisticsArgs>;

/** What the statistics need of a data set. */
type LabelledPixels = Pick<ImageDataset, 'name' | 'size' | 'channels' | 'classNames' | 'label' | 'read'>;

/** Images read at the same time: enough to keep a decoder's threads busy. */
const READ_AT_ONCE = 64;

/**
 * Mean and standard deviation of every channel over all pixels of (a sample of) a data set. A channel of one value
 * everywhere gets 1/255, one grey level, so that normalising it gives 0 rather than NaN.
 *
 * @throws ConfigError for an unusable option, DataError if an image (with 'skip': every image) cannot be read.
 */
export async function channelStatistics(
  dataset: LabelledPixels,
  args: ChannelStatisticsArgs = {},
): Promise<ChannelStatistics> {
  const who = `channelStatistics(${dataset.name})`;
  checkArguments(who, args, STATISTICS);
  const {sample = 5000, seed = 0, badImages = 'fail', onBadImage, signal} = args;
  checkBadImages(who, badImages, onBadImage);
  positiveInteger(who, 'sample', sample);
  const sampled = balancedIndices(dataset, sample, seed);
  const {channels} = dataset;

  // Bytes have 256 values: counting them gives the exact two-pass variance in one pass over the images.
  const counts = Array.from({length: channels}, () => new Float64Array(256));
  let readable = 0;
  for (let start = 0; start < sampled.length; start += READ_AT_ONCE) {
    const indices = sampled.slice(start, start + READ_AT_ONCE);
    const read = async (index: number) => checkPixels(dataset, index, await dataset.read(index));
    const reads = await orAborted(Promise.allSettled(indices.map(read)), signal);
    for (const [i, read] of reads.entries()) {
      if (read.status === 'rejected') {
        if (badImages === 'fail' || !(read.reason instanceof DataError)) throw read.reason;
        onBadImage!(read.reason, indices[i]!);
        continue;
      }
      readable++;
      const pixels = read.value;
      for (let at = 0; at < pixels.length; at += channels) {
        for (let c = 0; c < channels; c++) counts[c]![pixels[at + c]!]!++;
      }
    }
  }
  if (readable === 0) {
    throw new DataError(`${who}: at least one image must be readable; got none of ${sampled.length}.`);
  }

  const mean: number[] = [];
  const std: number[] = [];
  for (const count of counts) {
    let pixels = 0;
    let sum = 0;
    for (let v = 0; v < 256; v++) {
      pixels += count[v]!;
      sum += count[v]! * v;
    }
    const average = sum / pixels;
    let squares = 0;
    for (let v = 0; v < 256; v++) squares += count[v]! * (v - average) ** 2;
    mean.push(average / 255);
    std.push(Math.max(Math.sqrt(squares / pixels), 1) / 255);
  }
  return {mean, std};
}

/** Throws ConfigError, in the name of `who`, unless images can be left out without anybody being told. */
export function checkBadImages(who: string, badImages: string, onBadImage: unknown): void {
  oneOf(who, 'badImages', badImages, ['fail', 'skip']);
  if (badImages === 'skip' && typeof onBadImage !== 'function') {
    throw new ConfigError(
      `${who}: badImages 'skip' must come with onBadImage; got none (images are never left out silently).`,
    );
  }
}

/** How images are given to a model. */
export interface NormaliseArgs {
  /** Mean per channel in units of 1 for byte 255; default 0. See `channelStatistics`. */
  mean?: readonly number[];
  /** Standard deviation per channel in the same units; default 1. */
  std?: readonly number[];
  /** Order of the images' dimensions: [B, C, H, W] ('channelsFirst', default) or [B, H, W, C]. */
  dataFormat?: DataFormat;
}

/** Writes one image of bytes [H, W, C] into `target` from `offset` on, normalised and in the data format's order. */
type Normaliser = (pixels: Uint8Array, target: Float32Array, offset: number) => void;

/**
 * A function that normalises images of `channels` channels.
 *
 * @throws ConfigError, in the name of `who`, if there are not as many numbers as channels or a std is not positive.
 */
export function normaliser(who: string, channels: number, args: NormaliseArgs): Normaliser {
  const {dataFormat = 'channelsFirst'} = args;
  const {mean = new Array<number>(channels).fill(0), std = new Array<number>(channels).fill(1)} = args;
  checkNumbers(who, 'mean', mean, {count: channels, per: 'channel', rule: FINITE});
  checkNumbers(who, 'std', std, {count: channels, per: 'channel', rule: ABOVE_ZERO});
  checkDataFormat(who, dataFormat);
  // A table of 256 values per channel: no division per pixel, and each value rounded to float32 only once.
  const tables = mean.map((m, c) => Float32Array.from({length: 256}, (_, v) => (v / 255 - m) / std[c]!));

  if (dataFormat === 'channelsLast') {
    return (pixels, target, offset) => {
      for (let c = 0; c < channels; c++) {
        const table = tables[c]!;
        for (let at = c; at < pixels.length; at += channels) target[offset + at] = table[pixels[at]!]!;
      }
    };
  }
  return (pixels, target, offset) => {
    const area = pixels.length / channels;
    for (let c = 0; c < channels; c++) {
      const table = tables[c]!;
      const plane = offset + c * area;
      for (let i = 0, at = c; i < area; i++, at += channels) target[plane + i] = table[pixels[at]!]!;
    }
  };
}

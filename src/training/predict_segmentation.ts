/**
 * The classes of all pixels of an image of any size, tile by tile: the image is covered by overlapping tiles, the logits of
 * the tiles are blended with Gaussian weights (see tiles.ts), and each pixel gets the class of its largest logit.
 *
 *     z(y, x) = sum over tiles of w(y, x) logits(y, x) / sum over tiles of w(y, x)
 *
 * In memory are a batch of tiles and one sum of logits, [H, W, K] float32, whatever the network would need for the whole.
 */

import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkModel} from '../../architectures/check_model.js';
import {BELOW_ONE, checkNumber, positiveInteger, sizePair} from '../../kernels/common/arguments.js';
import {checkDataFormat, type DataFormat, mapShape} from '../../kernels/common/data_format.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {orAborted} from '../data/checked_reads.js';
import {channelsOf, type ImageInput, pixelImage} from '../data/image_input.js';
import {type ImageBatch, imageList, type NetInputLike} from '../data/image_list.js';
import {type NormaliseArgs, normaliser} from '../data/normalise.js';
import {orientedCrop} from '../data/oriented_crop.js';
import type {PixelImage} from '../data/segmentation_dataset.js';
import {ConfigError, SwintError} from '../errors.js';
import {checkWatched, type Watched} from '../inference/progress.js';
import {withPreparation} from '../inference/segmenter_metadata.js';
import {nextTurn} from '../next_turn.js';
import {checkSegmenter} from './check_model.js';
import {type AxisTiles, axisTiles} from './tiles.js';

const WHO = 'predictSegmentation';

/**
 * Beside the tiles: mean, std and dataFormat that the model was trained with; its logits are in the same format. A model of
 * `trainSegmentation` knows them, and they are taken from it where they are not given.
 */
export interface TileOptions extends NormaliseArgs {
  /**
   * Side of a tile, or [rows, columns]; default that of the images which the model takes, 512 where it takes any. An image
   * that is not larger is predicted as a whole.
   */
  tile?: number | readonly [number, number];
  /** Share of a tile that the next one covers again, in [0, 1); default 0.25. */
  overlap?: number;
  /** Tiles per call of the model; default 1. */
  batchSize?: number;
}

export interface PredictSegmentationOptions
  extends TileOptions,
    Watched<{image: number; images: number; tiles: number; total: number}> {
  /** Whether to return the softmax of every pixel too, K times as much as the image; default false. */
  probabilities?: boolean;
}

const OPTIONS = {
  ...{tile: true, overlap: true, batchSize: true, probabilities: true},
  ...{mean: true, std: true, dataFormat: true, signal: true, onProgress: true},
} as const satisfies ArgumentNames<PredictSegmentationOptions>;

export interface PredictedMask {
  /** Class index of each pixel, [height, width]. */
  mask: Uint8Array;
  width: number;
  height: number;
  /** [height, width, K], where asked for. */
  probabilities?: Float32Array;
}

/**
 * Classes of the pixels of an image, of any size.
 *
 *     const {mask, width, height} = await predictSegmentation(model, document.querySelector('img'));
 *
 * @param model Maps images [B, C, H, W] to logits [B, K, H, W] (or with channels last), K at most 255; H and W a tile's. An
 *   image smaller than the one size that a model takes is continued with the pixels of its border for the prediction.
 * @param image Bytes [height, width, C], with the model's number of channels; for a model of three channels also RGBA bytes
 *   (an ImageData), composited on white, a tensor of bytes, or what a canvas can draw, as `classify` takes them.
 *   An array of them, a tensor of bytes [B, height, width, 3] or a NetInput of several images gives an array of results.
 * @param given Tiles, probabilities, how images are prepared; signal, and onProgress, told after each call of the model how many
 *   of the tiles of which image are done.
 * @throws ShapeError where the bytes do not fit the size; DataError for what is no image; ConfigError for an unusable
 *   option, or a model that does not fit; SwintError where a logit is not finite; the signal's reason.
 */
export async function predictSegmentation(
  model: tfl.LayersModel,
  image: PixelImage | ImageInput,
  given?: PredictSegmentationOptions,
): Promise<PredictedMask>;
export async function predictSegmentation(
  model: tfl.LayersModel,
  images: readonly (PixelImage | ImageInput)[] | tf.Tensor4D,
  given?: PredictSegmentationOptions,
): Promise<PredictedMask[]>;
export async function predictSegmentation(
  model: tfl.LayersModel,
  images: NetInputLike,
  given?: PredictSegmentationOptions,
): Promise<PredictedMask | PredictedMask[]>;
export async function predictSegmentation(
  model: tfl.LayersModel,
  images: PixelImage | ImageInput | readonly (PixelImage | ImageInput)[] | ImageBatch,
  given: PredictSegmentationOptions = {},
): Promise<PredictedMask | PredictedMask[]> {
  return predictSegmentationWith(async (_, same) => same, model, images, given);
}

/** `predictSegmentation` for images each of which `read` makes one of. */
export async function predictSegmentationWith<T>(
  read: (who: string, image: T | ImageInput) => Promise<PixelImage | ImageInput>,
  model: tfl.LayersModel,
  given: T | readonly T[] | ImageBatch,
  options: PredictSegmentationOptions,
): Promise<PredictedMask | PredictedMask[]> {
  checkArguments(WHO, options, OPTIONS);
  checkWatched(WHO, options);
  checkModel(WHO, model);
  const {images, several} = await imageList(WHO, given);
  const masks: PredictedMask[] = [];
  for (const [number, image] of images.entries()) {
    const who = several ? `${WHO}(image ${number})` : WHO;
    const picture = await orAborted(read(who, image), options.signal);
    masks.push(await predictOne(who, model, picture, options, [number, images.length]));
  }
  return several ? masks : masks[0]!;
}

/** @param place Number of the image, and how many there are. */
async function predictOne(
  who: string,
  model: tfl.LayersModel,
  image: PixelImage | ImageInput,
  given: PredictSegmentationOptions,
  place: readonly [number, number],
): Promise<PredictedMask> {
  const options = withPreparation(model, given);
  const {dataFormat = 'channelsFirst'} = options;
  checkDataFormat(WHO, dataFormat);
  const [modelChannels, ...modelSize] = inputOf(model, dataFormat);
  const pixels = await pixelImage(who, image, modelChannels);
  const {width, height} = pixels;
  // Where a tile is given, it is what has to fit; and of another data format the sizes are others.
  const fits = options.tile === undefined && channelsOf(WHO, pixels) === modelChannels;
  const size = fits ? modelSize : [null, null];
  const tile = options.tile ?? [size[0] ?? 512, size[1] ?? 512];
  const padded = continued(pixels, [Math.max(height, size[0] ?? 1), Math.max(width, size[1] ?? 1)]);
  const {sums, classes, rows, columns} = await blendedLogits(model, padded, {...options, tile}, place);
  const mask = new Uint8Array(height * width);
  const probabilities = options.probabilities ? new Float32Array(height * width * classes) : undefined;
  for (let i = 0; i < mask.length; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    const from = (y * padded.width + x) * classes;
    let best = 0;
    for (let k = 1; k < classes; k++) if (sums[from + k] > sums[from + best]) best = k;
    mask[i] = best;
    if (!probabilities) continue;
    const logits = sums.subarray(from, from + classes);
    toProbabilities(logits, rows.total[y] * columns.total[x]);
    probabilities.set(logits, i * classes);
  }
  return probabilities ? {mask, width, height, probabilities} : {mask, width, height};
}

/** Channels, rows and columns of the images that a model takes; null for any, or where it takes no images at all. */
function inputOf(model: tfl.LayersModel, dataFormat: DataFormat): (number | null)[] {
  const shape = model.inputs[0]?.shape ?? [];
  if (shape.length !== 4) return [null, null, null];
  const [, a, b, c] = shape;
  return dataFormat === 'channelsFirst' ? [a, b, c] : [c, a, b];
}

/** The image with its last row and column repeated up to a size. */
function continued(image: PixelImage, [height, width]: readonly [number, number]): PixelImage {
  if (height === image.height && width === image.width) return image;
  const channels = channelsOf(WHO, image);
  const data = new Uint8Array(height * width * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = Math.min(y, image.height - 1) * image.width + Math.min(x, image.width - 1);
      for (let c = 0; c < channels; c++) data[to++] = image.data[from * channels + c];
    }
  }
  return {data, width, height};
}

/** Weighted logits of one pixel, in place, to their softmax. */
function toProbabilities(logits: Float32Array, weight: number): void {
  const highest = Math.max(...logits);
  let sum = 0;
  for (let k = 0; k < logits.length; k++) {
    logits[k] = Math.exp((logits[k] - highest) / weight);
    sum += logits[k];
  }
  for (let k = 0; k < logits.length; k++) logits[k] /= sum;
}

interface BlendedLogits {
  /** Sum over the tiles of w logits, [H, W, K]. */
  sums: Float32Array;
  classes: number;
  rows: AxisTiles;
  columns: AxisTiles;
}

async function blendedLogits(
  model: tfl.LayersModel,
  image: PixelImage,
  options: PredictSegmentationOptions & Required<Pick<TileOptions, 'tile'>>,
  [number, images]: readonly [number, number],
): Promise<BlendedLogits> {
  const {data, width, height} = image;
  const {tile, overlap = 0.25, batchSize = 1, dataFormat = 'channelsFirst'} = options;
  const [tileHeight, tileWidth] = sizePair(WHO, 'tile', tile);
  positiveInteger(WHO, 'batchSize', batchSize);
  checkNumber(WHO, 'overlap', overlap, BELOW_ONE);
  const channels = channelsOf(WHO, image);
  const rows = axisTiles(height, tileHeight, overlap);
  const columns = axisTiles(width, tileWidth, overlap);
  const size = [rows.length, columns.length] as const;
  const classes = checkSegmenter(WHO, model, {channels, size, dataFormat});
  const normalise = normaliser(WHO, channels, options);

  const corners = rows.starts.flatMap((top) => columns.starts.map((left) => ({top, left})));
  const area = rows.length * columns.length;
  const sums = new Float32Array(height * width * classes);
  for (let done = 0; done < corners.length; done += batchSize) {
    const batch = corners.slice(done, done + batchSize);
    const values = new Float32Array(batch.length * area * channels);
    for (const [i, corner] of batch.entries()) {
      const view = {...corner, height: rows.length, width: columns.length};
      normalise(orientedCrop(data, width, channels, view), values, i * area * channels);
    }
    const logits = await logitsOf(model, values, [batch.length, ...size, channels], dataFormat);
    if (logits.length !== batch.length * area * classes) {
      throw new ConfigError(
        `${WHO}: the model must return logits for ${size.join('x')} pixels and ${classes} classes; got ${logits.length} ` +
          `numbers for ${batch.length} of them.`,
      );
    }
    for (const [i, {top, left}] of batch.entries()) {
      let from = i * area * classes;
      for (let y = 0; y < rows.length; y++) {
        let to = ((top + y) * width + left) * classes;
        for (let x = 0; x < columns.length; x++) {
          const weight = rows.weights[y] * columns.weights[x];
          for (let k = 0; k < classes; k++) sums[to++] += weight * logits[from++];
        }
      }
    }
    const tiles = done + batch.length;
    options.onProgress?.({image: number, images, tiles, total: corners.length});
    await nextTurn();
    options.signal?.throwIfAborted();
  }
  const bad = sums.find((value) => !Number.isFinite(value));
  if (bad !== undefined) {
    throw new SwintError(
      `${WHO}: the model's logits must be finite; got ${bad} (the training diverged, or the weights do not belong to ` +
        `this model).`,
    );
  }
  return {sums, classes, rows, columns};
}

/** What the model returns for a batch of tiles, as [B, H, W, K]. */
async function logitsOf(
  model: tfl.LayersModel,
  values: Float32Array,
  [batch, height, width, channels]: readonly [number, number, number, number],
  dataFormat: DataFormat,
): Promise<ArrayLike<number>> {
  const first = dataFormat === 'channelsFirst';
  const logits = tf.tidy(() => {
    const images = tf.tensor4d(values, [batch, ...mapShape(dataFormat, channels, height, width)], 'float32');
    const output = model.apply(images, {training: false}) as tf.Tensor;
    return first ? tf.transpose(output, [0, 2, 3, 1]) : output;
  });
  try {
    return await logits.data();
  } finally {
    logits.dispose();
  }
}

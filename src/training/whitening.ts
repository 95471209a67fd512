/**
 * A whitened first convolution: its filters turn patches of the training images into values that are uncorrelated and of
 * about equal variance.
 *
 *     S = covariance of the patches [kh kw C] of the normalised training images = sum_i value_i v_i v_i^T
 *     filter i = v_i / sqrt(value_i + eps)      filter n + i = -filter i,      n = kh kw C
 *
 * The negatives keep what an activation like GELU takes away from each. The network has the layer, named 'whiten', and
 * decides that it takes no step. Source: Page 2019, "How to Train Your ResNet 8: Bag of Tricks"; Jordan 2024, "94% on
 * CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.2, whose eps this is.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {showShape} from '../../kernels/common/shapes.js';
import {type BatchesArgs, batches} from '../data/batches.js';
import type {ImageDataset} from '../data/dataset.js';
import type {Seed} from '../data/shuffle.js';
import {balancedIndices, subset} from '../data/subset.js';
import {ConfigError, DataError} from '../errors.js';
import type {ImageOptions} from './evaluate.js';
import {symmetricEigen} from './symmetric_eigen.js';

const NAME = 'whiten';
const EPSILON = 5e-4;
/** Images whose patches are counted, balanced by class: five million patches of 32x32 images. */
const SAMPLE = 5000;

/** Whether the model has the layer that is whitened. */
export function hasWhitenedLayer(model: tfl.LayersModel): boolean {
  return model.layers.some(({name}) => name === NAME);
}

/**
 * The kernel [kh, kw, C, 2 kh kw C] of the layer that is whitened.
 *
 * @throws ConfigError, in the name of `who`, where the model has no such layer for images of so many channels.
 */
export function whitenedKernel(who: string, model: tfl.LayersModel, channels: number): tfl.LayerVariable {
  if (!hasWhitenedLayer(model)) {
    const names = model.layers.slice(0, 4).map(({name}) => name);
    throw new ConfigError(
      `${who}: whitening must come with a model that has a convolution named '${NAME}'; got one that begins with ` +
        `${names.join(', ')} (leave whitening out, or name the first convolution).`,
    );
  }
  const layer = model.getLayer(NAME);
  const kernel = layer.weights.find(({shape}) => shape.length === 4);
  const [rows, columns, inputs, filters] = kernel?.shape ?? [];
  const wanted = 2 * rows! * columns! * channels;
  if (kernel === undefined || inputs !== channels || filters !== wanted) {
    const shapes = layer.weights.map(({shape}) => showShape(shape)).join(' and ');
    throw new ConfigError(
      `${who}: the layer '${NAME}' must be a convolution of images of ${channels} channels with ` +
        `${Number.isNaN(wanted) ? `2 kh kw ${channels}` : wanted} filters, each vector of a patch and its negative; got ` +
        `${layer.getClassName()} with weights ${shapes || 'none'}.`,
    );
  }
  return kernel;
}

/**
 * Writes the filters that whiten the patches of (a sample of) the images into the layer's kernel.
 *
 * @throws DataError where an image cannot be read (with 'skip': none can); the signal's reason.
 */
export async function whitenFirstConvolution(
  kernel: tfl.LayerVariable,
  dataset: ImageDataset,
  images: ImageOptions,
  {seed = 0, signal}: {seed?: Seed; signal?: AbortSignal},
): Promise<void> {
  const [rows, columns, channels] = kernel.shape as [number, number, number, number];
  const moments = new PatchMoments([rows, columns, channels]);
  const indices = balancedIndices(dataset, SAMPLE, seed);
  const sample = subset(dataset, {limit: SAMPLE, seed});
  const args = {
    ...images,
    // The order of the kernel's axes.
    ...{dataFormat: 'channelsLast', batchSize: 64, signal},
    onBadImage: images.onBadImage && ((error, index) => images.onBadImage!(error, indices[index])),
  } satisfies BatchesArgs;
  for await (const batch of batches(sample, args)) {
    try {
      moments.add((await batch.images.data()) as Float32Array, batch.images.shape);
    } finally {
      tf.dispose([batch.images, batch.labels]);
    }
  }
  if (moments.count === 0) {
    throw new DataError(`whitening: at least one image of ${dataset.name} must be readable; got none.`);
  }
  const values = tf.tensor(whiteningFilters(moments.covariance()), kernel.shape as number[]);
  kernel.write(values);
  values.dispose();
}

/** The kernel [n, 2 n], n = kh kw C, for patches of that covariance [n][n]. */
function whiteningFilters(covariance: readonly Float64Array[]): Float32Array {
  const n = covariance.length;
  const kernel = new Float32Array(2 * n * n);
  for (const [i, {value, vector}] of symmetricEigen(covariance).entries()) {
    // Rounding may leave an eigenvalue of 0 a hair below it.
    const scale = 1 / Math.sqrt(Math.max(value, 0) + EPSILON);
    for (let at = 0; at < n; at++) {
      kernel[at * 2 * n + i] = vector[at] * scale;
      kernel[at * 2 * n + n + i] = -vector[at] * scale;
    }
  }
  return kernel;
}

/** Sums over patches, and over the products of their values, in float64: of normalised images no digit that counts is lost. */
class PatchMoments {
  /** Patches so far. */
  count = 0;
  private readonly sums: Float64Array;
  /** [n, n], of which the part j <= i is used. */
  private readonly products: Float64Array;

  /** @param kernel rows, columns and channels of a patch. */
  constructor(private readonly kernel: readonly [number, number, number]) {
    const n = kernel[0] * kernel[1] * kernel[2];
    this.sums = new Float64Array(n);
    this.products = new Float64Array(n * n);
  }

  /** Adds every patch that lies within an image. @param images [B, H, W, C]. */
  add(images: Float32Array, [count, height, width, channels]: readonly number[]): void {
    const [rows, columns] = this.kernel;
    const run = columns * channels;
    const patch = new Float64Array(rows * run);
    for (let b = 0; b < count!; b++) {
      for (let y = 0; y + rows <= height!; y++) {
        for (let x = 0; x + columns <= width!; x++) {
          for (let r = 0; r < rows; r++) {
            const from = ((b * height! + y + r) * width! + x) * channels!;
            for (let k = 0; k < run; k++) patch[r * run + k] = images[from + k];
          }
          this.addPatch(patch);
        }
      }
    }
  }

  private addPatch(patch: Float64Array): void {
    const {sums, products} = this;
    const n = patch.length;
    this.count++;
    for (let i = 0; i < n; i++) {
      const value = patch[i];
      sums[i] += value;
      for (let j = 0; j <= i; j++) products[i * n + j] += value * patch[j];
    }
  }

  /** Of the population, [n][n]. */
  covariance(): Float64Array[] {
    const n = this.sums.length;
    const means = this.sums.map((sum) => sum / this.count);
    return Array.from({length: n}, (_, i) =>
      means.map((mean, j) => {
        return this.products[Math.max(i, j) * n + Math.min(i, j)] / this.count - means[i] * mean;
      }),
    );
  }
}

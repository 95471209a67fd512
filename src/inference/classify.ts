/**
 * What is in a picture: the most probable classes of a classifier, by name.
 *
 *     z = model(preprocess(image))  [K]        probability = softmax(z), or z where the model ends with an activation
 *
 * How images are prepared, and the names of the classes, come from the options, else from what the model says of itself
 * (classifier_metadata.ts: a model trained here knows both), else they are ImageNet's.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {checkNumber, positiveInteger, wholeNumber} from '../../kernels/common/arguments.js';
import type {DataFormat} from '../../kernels/common/data_format.js';
import {defined} from '../../kernels/common/defined.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {orAborted} from '../data/checked_reads.js';
import {type ImageInput, rgbImage} from '../data/image_input.js';
import {type ImageBatch, imageList, type NetInputLike} from '../data/image_list.js';
import {type PreprocessConfig, preparation} from '../data/preprocess.js';
import type {RgbImage} from '../data/rgb_image.js';
import {ConfigError, SwintError} from '../errors.js';
import {nextTurn} from '../next_turn.js';
import {type ClassifierMetadata, classifierMetadata} from './classifier_metadata.js';
import {checkWatched, type Watched} from './progress.js';
import {checkViews, meanOverViews, type Views} from './views.js';

export interface ClassifyOptions extends PreprocessConfig, Watched<{images: number; total: number}> {
  /** How many classes to name, most probable first; default 5, or all where there are fewer. */
  topK?: number;
  /**
   * Names of the classes, one per output. Default those that the model was trained with, ImageNet's where it does not
   * know them and has 1000 outputs, else the classes' numbers.
   */
  labels?: readonly string[];
  /** Images that go through the model together; default 8. */
  batchSize?: number;
  /**
   * Views of each image whose outputs (logits, or probabilities where the model ends with them) are averaged: 1, the image
   * itself (default); 2, and its mirror image; 6, both of them also shifted by a pixel both ways.
   */
  views?: Views;
}

const OPTIONS = {
  ...{
    topK: true,
    labels: true,
    batchSize: true,
    views: true,
    imageSize: true,
    cropFraction: true,
    cropMode: true,
  },
  ...{interpolation: true, mean: true, std: true, dataFormat: true},
  ...{signal: true, onProgress: true},
} as const satisfies ArgumentNames<ClassifyOptions>;

export interface Prediction {
  /** Number of the class, from 0. */
  index: number;
  label: string;
  /** 0 to 1. */
  probability: number;
}

/**
 * Classifies one image, or several.
 *
 *     const [best] = await classify(model, document.querySelector('img'));
 *     console.log(`${best.label}, ${(100 * best.probability).toFixed(1)} %`);
 *
 * @param model Maps images [B, 3, H, W] or [B, H, W, 3] to logits [B, K], or to probabilities with a softmax or sigmoid
 *   as its last activation.
 * @param image See `preprocess`; an array of images, a tensor of bytes [B, h, w, 3] or a NetInput of several images gives an
 *   array of results.
 * @param options topK, labels, batchSize, signal, onProgress (told after each batch how many images are done), and how images
 *   are prepared, see PreprocessConfig.
 * @returns The classes, most probable first; equal ones by their numbers.
 * @throws ConfigError for a model that is no such classifier, labels that are not one per class, and unusable options;
 *   DataError or ShapeError for what is no image; SwintError where an output is not finite; the signal's reason.
 */
export async function classify(
  model: tfl.LayersModel,
  image: ImageInput,
  options?: ClassifyOptions,
): Promise<Prediction[]>;
export async function classify(
  model: tfl.LayersModel,
  images: readonly ImageInput[] | tf.Tensor4D,
  options?: ClassifyOptions,
): Promise<Prediction[][]>;
export async function classify(
  model: tfl.LayersModel,
  images: NetInputLike,
  options?: ClassifyOptions,
): Promise<Prediction[] | Prediction[][]>;
export async function classify(
  model: tfl.LayersModel,
  images: ImageInput | readonly ImageInput[] | ImageBatch,
  options: ClassifyOptions = {},
): Promise<Prediction[] | Prediction[][]> {
  return classifyWith(rgbImage, model, images, options);
}

/** `classify` for images that `read` turns into RGB bytes, one batch of them at a time. */
export async function classifyWith<T>(
  read: (who: string, image: T | ImageInput) => Promise<RgbImage>,
  model: tfl.LayersModel,
  given: T | readonly T[] | ImageBatch,
  options: ClassifyOptions,
): Promise<Prediction[] | Prediction[][]> {
  checkArguments('classify', options, OPTIONS);
  checkWatched('classify', options);
  const metadata = classifierMetadata(model);
  const {classes, probabilities} = checkHead('classify', model);
  const {views = 1, signal, onProgress, ...imageOptions} = options;
  const config = configFor('classify', model, metadata, imageOptions);
  const {shape, write} = preparation('classify', config);
  const {topK = Math.min(5, classes), batchSize = 8} = options;
  const {dataFormat} = config;
  const [height, width] = dataFormat === 'channelsFirst' ? shape.slice(1) : shape;
  checkViews('classify', 'views', views, [height!, width!]);
  checkNumber('classify', 'topK', topK, wholeNumber(1, classes), {fix: `the model has ${classes} classes`});
  positiveInteger('classify', 'batchSize', batchSize);
  const labels = await labelsFor(classes, metadata, options);

  const {images, several} = await imageList('classify', given);
  const volume = shape[0] * shape[1] * shape[2];
  const results: Prediction[][] = [];
  for (let start = 0; start < images.length; start += batchSize) {
    const batch = images.slice(start, start + batchSize);
    const values = new Float32Array(batch.length * volume);
    for (const [i, image] of batch.entries()) {
      const who = several ? `classify(image ${start + i})` : 'classify';
      write(await orAborted(read(who, image), signal), values, i * volume);
    }
    const outputs = await outputsOf(model, tf.tensor4d(values, [batch.length, ...shape]), dataFormat, views);
    for (let i = 0; i < batch.length; i++) {
      const row = Array.from({length: classes}, (_, k) => outputs[i * classes + k]!);
      results.push(strongest(probabilities ? row : softmax(row), labels, topK));
    }
    onProgress?.({images: results.length, total: images.length});
    // Some backends (wasm, cpu) compute without a turn of the event loop, in which the signal comes.
    if (results.length < images.length) await nextTurn();
    signal?.throwIfAborted();
  }
  return several ? results : results[0]!;
}

/**
 * How many classes there are, and whether the outputs are probabilities already: by the last layer, never by values.
 *
 * @throws ConfigError, in the name of `who`, for a model that is no classifier.
 */
export function checkHead(who: string, model: tfl.LayersModel): {classes: number; probabilities: boolean} {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new ConfigError(
      `${who}: the model must have one input and one output; got ${model.inputs.length} and ${model.outputs.length}.`,
    );
  }
  const {shape} = model.outputs[0]!;
  const classes = shape[1];
  if (shape.length !== 2 || classes == null) {
    throw new ConfigError(
      `${who}: the model must return one value per class for each image, [B, K]; ` +
        `got ${showShape(shape)} (a backbone or a segmentation network has no classes of images).`,
    );
  }
  const activation = lastActivation(model);
  if (!['linear', 'softmax', 'sigmoid'].includes(activation)) {
    throw new ConfigError(
      `${who}: the model must end with logits, softmax or sigmoid; got ${activation}, from which no probability follows.`,
    );
  }
  return {classes, probabilities: activation !== 'linear'};
}

/** 'linear' for a layer without activation. */
function lastActivation(model: tfl.LayersModel): string {
  let layer = model.outputs[0]!.sourceLayer;
  // A model within a model is a layer of it.
  while (layer instanceof tfl.LayersModel) layer = layer.outputs[0]!.sourceLayer;
  if (layer.getClassName() === 'Softmax') return 'softmax';
  const {activation} = layer.getConfig();
  return typeof activation === 'string' ? activation : 'linear';
}

/**
 * How a model's images are prepared: options before what the model says of itself, undefined standing for one that is not
 * given; both have to fit the model's input.
 *
 * @throws ConfigError, in the name of `who`, where they do not.
 */
export function configFor(
  who: string,
  model: tfl.LayersModel,
  metadata: ClassifierMetadata,
  options: PreprocessConfig,
): PreprocessConfig & {imageSize: number | readonly [number, number]; dataFormat: DataFormat} {
  const input = model.inputs[0]!.shape.slice(1);
  const {dataFormat = input[0] === 3 ? 'channelsFirst' : 'channelsLast'} = {...metadata, ...defined(options)};
  const [channels, height, width] = dataFormat === 'channelsFirst' ? input : [input[2], input[0], input[1]];
  if (input.length !== 3 || channels !== 3) {
    throw new ConfigError(
      `${who}: the model must take RGB images, [B, 3, H, W] or [B, H, W, 3]; ` +
        `got ${showShape(model.inputs[0]!.shape)} in ${dataFormat}.`,
    );
  }
  const fixed = height != null && width != null ? ([height, width] as const) : undefined;
  const imageSize = options.imageSize ?? fixed ?? metadata.imageSize;
  if (imageSize === undefined) {
    throw new ConfigError(
      `${who}: imageSize must be given for a model that takes images of any size; got none (for example 224).`,
    );
  }
  const [rows, columns] = typeof imageSize === 'number' ? [imageSize, imageSize] : imageSize;
  if ((height ?? rows) !== rows || (width ?? columns) !== columns) {
    throw new ConfigError(
      `${who}: imageSize must be what the model takes, ${height ?? '?'}x${width ?? '?'}; got ${rows}x${columns}.`,
    );
  }
  return {...metadata, ...defined(options), imageSize, dataFormat};
}

async function labelsFor(
  classes: number,
  {classNames}: ClassifierMetadata,
  {labels}: ClassifyOptions,
): Promise<readonly string[]> {
  const given = labels ?? classNames;
  if (given !== undefined) {
    if (given.length !== classes) {
      throw new ConfigError(
        `classify: labels must be one for each of the ${classes} classes; got ${given.length}` +
          `${labels ? '' : ' in the metadata of the model (give the labels of the head that it has now)'}.`,
      );
    }
    return given;
  }
  // Loaded when needed: they are 14 KB that a program with classes of its own never wants.
  if (classes === 1000) return (await import('../data/imagenet_labels.js')).imagenetLabels;
  return Array.from({length: classes}, (_, index) => String(index));
}

/** Disposes the images. */
async function outputsOf(
  model: tfl.LayersModel,
  images: tf.Tensor4D,
  dataFormat: DataFormat,
  views: Views,
): Promise<ArrayLike<number>> {
  let result: tf.Tensor;
  try {
    result = meanOverViews(model, images, dataFormat, views);
  } finally {
    images.dispose();
  }
  try {
    const outputs = await result.data();
    const odd = outputs.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0) {
      throw new SwintError(
        `classify: the model's outputs must be finite; got ${outputs[odd]} ` +
          '(the training diverged, or the weights do not belong to this model).',
      );
    }
    return outputs;
  } finally {
    result.dispose();
  }
}

/** exp(z - max) / sum: the shift keeps exp from overflowing. */
function softmax(logits: readonly number[]): number[] {
  const highest = logits.reduce((a, b) => Math.max(a, b));
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

function strongest(probabilities: readonly number[], labels: readonly string[], topK: number): Prediction[] {
  return probabilities
    .map((probability, index) => ({index, label: labels[index]!, probability}))
    .sort((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, topK);
}

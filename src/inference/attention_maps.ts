/**
 * Attention as data: what each cell of each map takes from the cells of its window, head by head, and rollout, which sums
 * all layers up into one map over the picture.
 *
 *     softmax(S) [nW, heads, N, N] of every block,  nW windows of N cells;  see kernels/contracts/window_attention
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.2; Abnar & Zuidema 2020, "Quantifying Attention Flow in
 * Transformers" (attention_rollout.ts says how windows, shift and merging are rolled out).
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {checkModel} from '../../architectures/check_model.js';
import {checkNumber, checkNumbers, wholeNumber} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {orAborted} from '../data/checked_reads.js';
import type {ImageInput} from '../data/image_input.js';
import {type ImageBatch, imageList, type NetInputLike} from '../data/image_list.js';
import type {PreprocessConfig} from '../data/preprocess.js';
import type {Crop} from '../data/resize.js';
import type {PixelImage} from '../data/segmentation_dataset.js';
import {ConfigError} from '../errors.js';
import {nextTurn} from '../next_turn.js';
import {attentionRollout} from './attention_rollout.js';
import {type AttentionRun, type LayerAttention, type MapSize, runWithAttention} from './attention_run.js';
import {preparedImage} from './prepared_image.js';
import {checkWatched, type Watched} from './progress.js';

const WHO = 'attentionMaps';

export interface AttentionMapsOptions extends PreprocessConfig, Watched<{images: number; total: number}> {
  /**
   * Cell of the output's map, [row, column], that rollout starts from, such as the pixel of a segmentation; default all cells
   * alike. Only for a model with one output, which is a map.
   */
  cell?: readonly [number, number];
}

const OPTIONS = {
  ...{cell: true, imageSize: true, cropFraction: true, cropMode: true},
  ...{interpolation: true, mean: true, std: true, dataFormat: true},
  ...{signal: true, onProgress: true},
} as const satisfies ArgumentNames<AttentionMapsOptions>;

/** A map of numbers, row by row. */
export interface RolloutMap {
  width: number;
  height: number;
  /** [height, width], from 0; they sum to 1. */
  values: Float32Array;
}

export interface AttentionMaps {
  /** The attention of each block, in the order in which they are computed. */
  layers: LayerAttention[];
  /** Which pixels of the model's input its output was made of, by rollout. */
  rollout: RolloutMap;
  /**
   * The part of the picture that the model's input shows, in pixels of the picture, fractions of them included: where to draw
   * `rollout`, and the maps of `attentionOfCell`.
   */
  region: Crop;
}

/**
 * What the attention of a model looks at in a picture. Plain data, which may be sent to another thread.
 *
 *     const {layers, rollout, region} = await attentionMaps(model, document.querySelector('img'));
 *     const map = attentionOfCell(layers[0], [10, 12]);     // what that cell takes from the others, [rows, columns]
 *
 * @param model With SwinT, swinBlock or windowAttention layers in it, of its own or in models within it.
 * @param image As `classify` takes it; for a network that returns maps as `predictSegmentation` takes it, but as one
 *   piece: as large as it is, where the model takes that, else reduced to imageSize.
 *   An array of images, a tensor of bytes [B, h, w, 3] or a NetInput of several images gives an array of results.
 * @param options cell, signal, onProgress, and how images are prepared, see PreprocessConfig; by default as the model says.
 * @throws ConfigError for a model without attention or with several inputs, or an unusable option; DataError or ShapeError
 *   for what is no image; the signal's reason.
 */
export async function attentionMaps(
  model: tfl.LayersModel,
  image: PixelImage | ImageInput,
  options?: AttentionMapsOptions,
): Promise<AttentionMaps>;
export async function attentionMaps(
  model: tfl.LayersModel,
  images: readonly (PixelImage | ImageInput)[] | tf.Tensor4D,
  options?: AttentionMapsOptions,
): Promise<AttentionMaps[]>;
export async function attentionMaps(
  model: tfl.LayersModel,
  images: NetInputLike,
  options?: AttentionMapsOptions,
): Promise<AttentionMaps | AttentionMaps[]>;
export async function attentionMaps(
  model: tfl.LayersModel,
  images: PixelImage | ImageInput | readonly (PixelImage | ImageInput)[] | ImageBatch,
  options: AttentionMapsOptions = {},
): Promise<AttentionMaps | AttentionMaps[]> {
  return attentionMapsWith(async (_, same) => same, model, images, options);
}

/** `attentionMaps` for images each of which `read` makes one of. */
export async function attentionMapsWith<T>(
  read: (who: string, image: T | ImageInput) => Promise<PixelImage | ImageInput>,
  model: tfl.LayersModel,
  given: T | readonly T[] | ImageBatch,
  options: AttentionMapsOptions,
): Promise<AttentionMaps | AttentionMaps[]> {
  checkArguments(WHO, options, OPTIONS);
  checkWatched(WHO, options);
  checkModel(WHO, model);
  if (model.inputs.length !== 1) {
    throw new ConfigError(`${WHO}: the model must have one input; got ${model.inputs.length}.`);
  }
  const {signal, onProgress, ...rest} = options;
  const {images, several} = await imageList(WHO, given);
  const results: AttentionMaps[] = [];
  for (const [i, image] of images.entries()) {
    const who = several ? `${WHO}(image ${i})` : WHO;
    results.push(await mapsOf(who, model, await orAborted(read(who, image), signal), rest));
    onProgress?.({images: results.length, total: images.length});
    if (results.length < images.length) await nextTurn();
    signal?.throwIfAborted();
  }
  return several ? results : results[0];
}

async function mapsOf(
  who: string,
  model: tfl.LayersModel,
  image: PixelImage | ImageInput,
  {cell, ...config}: Omit<AttentionMapsOptions, 'signal' | 'onProgress'>,
): Promise<AttentionMaps> {
  const {values, shape, dataFormat, region} = await preparedImage(who, model, image, config);
  const input = tf.tensor4d(values, [1, ...shape]);
  let run: AttentionRun;
  try {
    run = await runWithAttention(model, input, dataFormat);
  } finally {
    input.dispose();
  }
  const layers = run.steps.flatMap(({attention}) => attention);
  if (layers.length === 0) {
    throw new ConfigError(
      `${WHO}: the model must have a layer with window attention; got none in ${model.name} (SwinT, swinBlock, ` +
        'windowAttention, and the networks made of them; no convolutional twin).',
    );
  }
  if (cell !== undefined) checkCell(cell, run);
  const [height, width] = run.sizes.get(run.image) as MapSize;
  return {layers, rollout: {width, height, values: attentionRollout(run, cell)}, region};
}

function checkCell(cell: readonly [number, number], {outputs, sizes}: AttentionRun): void {
  checkNumbers(WHO, 'cell', cell, {count: 2, per: 'axis', rule: wholeNumber(0)});
  const size = outputs.length === 1 ? sizes.get(outputs[0]) : undefined;
  if (size && cell[0] < size[0] && cell[1] < size[1]) return;
  const has = size
    ? `a map of ${showShape(size)} cells`
    : 'a model whose output is not one map (leave cell out)';
  throw new ConfigError(
    `${WHO}: cell must be a row and a column of the output's map; got ${showShape(cell)} for ${has}.`,
  );
}

/**
 * What one cell takes from the cells of its map: its row of softmax(S), put back where the cells of its window lie.
 *
 * @param attention One of the `layers` of `attentionMaps`.
 * @param cell [row, column] on the map of `attention.size`.
 * @param head Number of the head, from 0; default the mean of all heads.
 * @returns [rows, columns], 0 outside of the window. They sum to 1, less what the cells take that padding added, which are
 *   on no map (only 'attended' padding is attended).
 * @throws ConfigError for a cell or head that there is not.
 */
export function attentionOfCell(
  attention: LayerAttention,
  cell: readonly [number, number],
  head?: number,
): Float32Array {
  const who = 'attentionOfCell';
  const {size, heads, tokens, cells, probabilities} = attention;
  checkNumbers(who, 'cell', cell, {count: 2, per: 'axis', rule: wholeNumber(0)});
  for (const axis of [0, 1]) checkNumber(who, `cell[${axis}]`, cell[axis], wholeNumber(0, size[axis] - 1));
  if (head !== undefined) checkNumber(who, 'head', head, wholeNumber(0, heads - 1));
  const place = cells.indexOf(cell[0] * size[1] + cell[1]);
  const [window, query] = [Math.floor(place / tokens), place % tokens];
  const of = head === undefined ? Array.from({length: heads}, (_, h) => h) : [head];
  const map = new Float32Array(size[0] * size[1]);
  for (const h of of) {
    const from = ((window * heads + h) * tokens + query) * tokens;
    for (let k = 0; k < tokens; k++) {
      const to = cells[window * tokens + k];
      if (to >= 0) map[to] += probabilities[from + k] / of.length;
    }
  }
  return map;
}

/** How well a segmentation network does on a set of images with masks: each image as a whole, tile by tile. */

import type * as tfl from '@tensorflow/tfjs-layers';
import {checkModel} from '../../architectures/check_model.js';
import {checkNumber, wholeNumber} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {checkLabelledImage, orAborted} from '../data/checked_reads.js';
import type {SegmentationDataset} from '../data/segmentation_dataset.js';
import {segmenterMetadata, withPreparation} from '../inference/segmenter_metadata.js';
import {nextTurn} from '../next_turn.js';
import {checkSegmenter} from './check_model.js';
import {predictSegmentation, type TileOptions} from './predict_segmentation.js';
import {meanRandScore, type RandScore, randScore} from './rand_score.js';
import {
  addConfusion,
  confusionMatrix,
  emptyConfusion,
  type PixelConfusion,
  type SegmentationScores,
  segmentationScores,
} from './segmentation_metrics.js';

export interface EvaluateSegmentationOptions extends TileOptions {
  /**
   * Index of the class whose pixels part segments, for the Rand score; default the class that the model names as its border
   * in its metadata, else none.
   */
  border?: number;
  /** Told of each image when it is done. */
  onImage?: (result: {
    /** Index in the data set. */
    index: number;
    /** Predicted class of each pixel, [height, width]. */
    mask: Uint8Array;
    /** Of this image alone. */
    scores: SegmentationScores;
    /** Of this image alone; null without a border, or without a true segment. */
    rand: RandScore | null;
  }) => void | Promise<void>;
  /** Stops the evaluation after the current image; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

const OPTIONS = {
  ...{tile: true, overlap: true, batchSize: true, onImage: true, signal: true, border: true},
  ...{mean: true, std: true, dataFormat: true},
} as const satisfies ArgumentNames<EvaluateSegmentationOptions>;

/** Figures over all pixels of all images, and the counts that they come from. */
export interface SegmentationEvaluation extends SegmentationScores {
  confusion: PixelConfusion;
  /** Mean over the images of the foreground-restricted Rand score, see rand_score.ts; null without a border. */
  rand: RandScore | null;
}

/**
 * Predicts the mask of every image, without augmentation and in inference mode, and compares it with the true one.
 *
 * @param model Maps images to logits of the data set's classes; see `predictSegmentation`.
 * @throws ConfigError where model and data set do not fit; DataError for an unreadable image; SwintError where a logit is
 *     not finite.
 */
export async function evaluateSegmentation(
  model: tfl.LayersModel,
  dataset: SegmentationDataset,
  given: EvaluateSegmentationOptions = {},
): Promise<SegmentationEvaluation> {
  const who = `evaluateSegmentation(${dataset.name})`;
  checkArguments(who, given, OPTIONS);
  checkModel(who, model);
  const {onImage, signal, border: parting, ...tiles} = withPreparation(model, given);
  const {dataFormat = 'channelsFirst'} = tiles;
  const {channels, classNames, ignoreIndex} = dataset;
  const classes = classNames.length;
  const use = {channels, size: null, classes, dataFormat};
  checkSegmenter(who, model, use);
  const border = borderOf(model, dataset, parting);
  const confusion = emptyConfusion(classes);
  const rands: RandScore[] = [];
  for (let index = 0; index < dataset.size; index++) {
    const image = checkLabelledImage(dataset, index, await orAborted(dataset.read(index), signal));
    const {mask} = await predictSegmentation(model, image, tiles);
    const counts = confusionMatrix(image.mask, mask, classes, ignoreIndex);
    addConfusion(confusion, counts.flat());
    const {width, height} = image;
    const rand = border === null ? null : randScore(image.mask, mask, {width, height, border, ignoreIndex});
    if (rand !== null) rands.push(rand);
    await onImage?.({index, mask, scores: segmentationScores(counts), rand});
    // The computations of some backends (wasm, cpu) never let the event loop run: a signal comes in here.
    await nextTurn();
    signal?.throwIfAborted();
  }
  return {...segmentationScores(confusion), confusion, rand: meanRandScore(rands)};
}

/** The class that parts segments; null for none. */
function borderOf(
  model: tfl.LayersModel,
  {name, classNames}: SegmentationDataset,
  border?: number,
): number | null {
  if (border !== undefined) {
    const fix = {fix: 'the index of a class'};
    checkNumber(
      `evaluateSegmentation(${name})`,
      'border',
      border,
      wholeNumber(0, classNames.length - 1),
      fix,
    );
    return border;
  }
  const index = classNames.indexOf(segmenterMetadata(model).border ?? '');
  return index < 0 ? null : index;
}

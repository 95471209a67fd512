/** What a classifier's training does with its images: the options of `train`, checked, and the batches that follow. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {flag} from '../../kernels/common/arguments.js';
import type {ArgumentNames} from '../../kernels/common/known_arguments.js';
import {type AugmentArgs, checkAugmentation} from '../data/augment.js';
import type {BatchesArgs} from '../data/batches.js';
import type {ImageDataset} from '../data/dataset.js';
import {checkMix, type MixArgs} from '../data/mix_images.js';
import {checkRandomErasing} from '../data/random_erasing.js';
import {checkViews, type Views} from '../inference/views.js';
import type {ImageOptions} from './evaluate.js';
import {checkProgressiveResizing, type ProgressiveResizing, sizeByShare} from './progressive_resizing.js';
import {whitenedKernel} from './whitening.js';

/** All are off by default. Those drawn at random follow from the seed, the pass over the images and the image's index. */
export interface TrainingImageOptions extends AugmentArgs, MixArgs, Pick<BatchesArgs, 'randomErasing'> {
  /** Smaller images in the first part of the steps; the model must take images of any size. */
  progressiveResizing?: ProgressiveResizing;
  /** Whether the filters of the layer named 'whiten' are set before the first step, from the training images. */
  whitening?: boolean;
  /**
   * Views of each image in the test at the end of the training, see `evaluate`; default 1. The tests after the epochs take
   * one view; with more, the test images are gone through once more at the end.
   */
  testViews?: Views;
}

export const TRAINING_IMAGE_OPTIONS = {
  ...{flip: true, cropPadding: true, paddingMode: true, mixup: true, cutmix: true, randomErasing: true},
  ...{progressiveResizing: true, whitening: true, testViews: true},
} as const satisfies ArgumentNames<TrainingImageOptions>;

/**
 * @param model as checked by `checkClassifier`.
 * @throws ConfigError, in the name of `who`, for an unusable option or a model that does not fit one.
 */
export function checkTrainingImages(
  who: string,
  model: tfl.LayersModel,
  {train, test}: {train: ImageDataset; test: ImageDataset},
  options: TrainingImageOptions & ImageOptions,
): void {
  const {progressiveResizing, testViews = 1, dataFormat = 'channelsFirst'} = options;
  checkAugmentation(who, train.height, train.width, options);
  checkRandomErasing(who, options.randomErasing ?? 0);
  checkMix(who, options);
  checkViews(who, 'testViews', testViews, [test.height, test.width]);
  if (progressiveResizing !== undefined) {
    checkProgressiveResizing(who, model, train, dataFormat, progressiveResizing);
  }
  if (flag(who, 'whitening', options.whitening, false)) whitenedKernel(who, model, train.channels);
}

/** Where a pass over the training images lies in the training. */
interface PassPlace {
  /** Number of the pass, from 0. */
  pass: number;
  /** Steps of a pass, those of batches without a readable image included. */
  stepsPerPass: number;
  /** Share of the training that is done at a step, counted from 0 over all passes. */
  done: (step: number) => number;
}

/** What `batches` is told of the changes that the images of a pass undergo. */
export function imageChanges(
  dataset: ImageDataset,
  options: TrainingImageOptions,
  {pass, stepsPerPass, done}: PassPlace,
): Pick<BatchesArgs, keyof AugmentArgs | keyof MixArgs | 'randomErasing' | 'sizeOf'> {
  const {flip, cropPadding, paddingMode, mixup, cutmix, randomErasing, progressiveResizing} = options;
  const size = progressiveResizing && sizeByShare(dataset, progressiveResizing);
  return {
    ...{flip, cropPadding, paddingMode, mixup, cutmix, randomErasing},
    sizeOf: size && ((batch) => size(done(pass * stepsPerPass + batch))),
  };
}

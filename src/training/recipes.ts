/**
 * Recipes: settings of a training that go together, under one name. A recipe fills in what the caller leaves out; whatever
 * is given, `false` and 0 included, stays.
 *
 * 'small-images' is for photos of about 32x32 pixels, ten or more thousand of them, some minutes of training and a network
 * with a norm after each convolution: batches of 250, label smoothing 0.1, alternating flip, crops out of 2 reflected
 * pixels, Muon at 0.15 for filters, which keep one norm, and at half of that for dense layers, AdamW at a fifteenth of it for
 * all else, a rate that falls linearly from the first step, a whitened first convolution where the network has one, six
 * views in the final test. Source: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (airbench), for the
 * images, and its airbench94_muon for the optimizer; rates and batch size by trials of some minutes on CIFAR-10.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {oneOf} from '../../kernels/common/arguments.js';
import {defined} from '../../kernels/common/defined.js';
import type {Views} from '../inference/views.js';
import type {TrainingImageOptions} from './image_options.js';
import {Muon} from './muon.js';
import {hasWhitenedLayer} from './whitening.js';

export type RecipeName = 'small-images';

export const RECIPES = ['small-images'] as const satisfies readonly RecipeName[];

/** The options of `train` that a recipe has a say in. */
interface RecipeOptions extends TrainingImageOptions {
  recipe?: RecipeName;
  batchSize?: number;
  labelSmoothing?: number;
  learningRate?: number;
  warmupEpochs?: number;
  optimizer?: tf.Optimizer;
  weightDecay?: number;
  /** Only whether there is one matters here. */
  schedule?: unknown;
}

/**
 * The options with what their recipe fills in; the options themselves where they name none.
 *
 * @throws ConfigError, in the name of `who`, for an unknown recipe.
 */
export function withRecipe<Options extends RecipeOptions>(
  who: string,
  model: tfl.LayersModel,
  options: Options,
): Options {
  if (options.recipe === undefined) return options;
  oneOf(who, 'recipe', options.recipe, RECIPES);
  return {...smallImages(options), whitening: hasWhitenedLayer(model), ...defined(options)};
}

/** What 'small-images' fills in, whatever the network. */
interface SmallImages {
  batchSize: number;
  labelSmoothing: number;
  flip: 'alternating';
  cropPadding: number;
  paddingMode: 'reflect';
  testViews: Views;
  learningRate?: number;
  schedule?: 'triangular';
  warmupEpochs?: number;
}

export function smallImages(options: RecipeOptions): SmallImages {
  const {optimizer, schedule, flip} = options;
  return {
    ...{batchSize: 250, labelSmoothing: 0.1},
    ...{flip: 'alternating', cropPadding: 2, paddingMode: 'reflect'},
    // Where a mirror image is not to be learned, it is not to be tested either.
    testViews: flip === false ? 1 : 6,
    // The rate belongs to the optimizer, the warm-up to the schedule.
    ...(optimizer === undefined && {learningRate: 0.15}),
    ...(schedule === undefined && {schedule: 'triangular', warmupEpochs: 0}),
  };
}

/** The optimizer that a recipe takes where the caller gives none; undefined without a recipe. */
export function recipeOptimizer({
  recipe,
  learningRate,
  weightDecay,
}: RecipeOptions): tf.Optimizer | undefined {
  if (recipe === undefined) return undefined;
  return new Muon({
    ...{
      learningRate,
      momentum: 0.6,
      newtonSchulzSteps: 3,
      normalizeFilters: true,
      denseRateRatio: 0.5,
      weightDecay,
    },
    adamw: {rateRatio: 1 / 15, weightDecay},
  });
}

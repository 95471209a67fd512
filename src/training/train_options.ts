/** The options of `train`; those that a `tf.data.Dataset` takes too are in train_on_batches.ts. */
import type * as tf from '@tensorflow/tfjs-core';
import type {ArgumentNames} from '../../kernels/common/known_arguments.js';
import type {Averaging} from './averaging.js';
import type {TrainingCallback} from './callbacks.js';
import type {ResumeOptions} from './checkpoints.js';
import {type Evaluation, IMAGE_OPTIONS, type ImageOptions} from './evaluate.js';
import {TRAINING_IMAGE_OPTIONS, type TrainingImageOptions} from './image_options.js';
import type {RecipeName} from './recipes.js';
import type {Schedule} from './schedule.js';
import type {BatchReport, EpochReport} from './training_history.js';
import type {ScheduleName} from './training_plan.js';

export interface TrainOptions extends ImageOptions, TrainingImageOptions, ResumeOptions {
  /**
   * Settings that go together, for what is left out here; default none. 'small-images' is for photos of about 32x32 pixels
   * and some minutes; say `flip: false` where a mirror image means something else.
   */
  recipe?: RecipeName;
  /** Passes over the training set; default 10. */
  epochs?: number;
  /**
   * Steps that count as one epoch; default one pass over the training set. With it, passes run on from epoch to epoch,
   * so that one pass can be watched and tested in several parts.
   */
  stepsPerEpoch?: number;
  /** Images per step; default 32. */
  batchSize?: number;
  /** Images per batch of the evaluation; default the larger of 64 and batchSize. */
  testBatchSize?: number;
  /** Leave out an epoch's last batch if it is not full; default true where the training set fills one batch. */
  dropRemainder?: boolean;
  /** Decides order and augmentation; default 0. Weights and dropout have seeds of their own in the model. */
  seed?: number;
  /** Highest learning rate; default 1e-3. */
  learningRate?: number;
  /** AdamW's weight decay; default 0.05. */
  weightDecay?: number;
  /** Epochs of linear warm-up, fractions allowed; default a twentieth of the training, of a triangle a fifth. */
  warmupEpochs?: number;
  /**
   * How the rate falls after the warm-up: 'cosine', 'triangular' (linearly), 'plateau' (to a tenth where the loss of the test
   * gets no better for three epochs); or the rate by update, in place of warm-up too. See `cosineSchedule`,
   * `triangularSchedule` and `plateauSchedule`. Default 'cosine'.
   */
  schedule?: ScheduleName | Schedule;
  /**
   * In place of AdamW. Without `schedule` or `learningRate` its own rate stays; with a schedule by name and no
   * `learningRate` its own rate is the highest. The caller disposes it.
   */
  optimizer?: tf.Optimizer;
  /**
   * Steps whose gradients make one update of the weights: batches of batchSize with the effect of a larger one, but for
   * batch norm, which sees each by itself. Schedules count updates. Default 1.
   */
  accumulateSteps?: number;
  /** The model is tested with, and at the end has, an average of the weights of its updates. Default none. */
  averaging?: Averaging;
  /** Share s of the target spread over all classes, in [0, 1); default 0. */
  labelSmoothing?: number;
  /** Largest global norm of a step's gradients; larger ones are scaled down to it. Default none. */
  clipNorm?: number;
  /**
   * Seconds of training after which it stops at the end of a step and evaluates; default none. Where the time is spent
   * before the epochs are done, a schedule by name and progressive resizing follow the time: the rate is at its end when it
   * stops.
   */
  maxSeconds?: number;
  /**
   * Epochs in a row without a higher test accuracy after which it stops; at least 1, default none. What chooses the epoch is
   * no longer a fair test of it: where the figure matters, give a validation set as `data.test` and keep a test set apart.
   */
  patience?: number;
  /**
   * Whether the weights of the epoch of the highest test accuracy are put back at the end, however it ended. Takes the memory
   * of a copy of the weights. Default: where `patience` is given.
   */
  restoreBest?: boolean;
  /**
   * Stops at the end of a step, or while images are read; the promise still resolves with what there is. Before the mean
   * and standard deviation of the training set are known, these are empty. Where there are checkpoints, one is written.
   */
  signal?: AbortSignal;
  onBatch?: (report: BatchReport) => void;
  /** Told after each batch of an evaluation how many of the test images are done. */
  onTestBatch?: (progress: {epoch: number; images: number; total: number}) => void;
  onEpoch?: (report: EpochReport, evaluation: Evaluation | null) => void | Promise<void>;
  /**
   * Keras's callbacks, one or several: `tf.callbacks.earlyStopping(...)`, what tfjs-vis's `fitCallbacks` returns, or any object
   * with `onEpochEnd` and the like. See `TrainingCallback`.
   */
  callbacks?: TrainingCallback | readonly TrainingCallback[];
}

export const TRAIN_OPTIONS = {
  ...IMAGE_OPTIONS,
  ...TRAINING_IMAGE_OPTIONS,
  recipe: true,
  ...{
    epochs: true,
    stepsPerEpoch: true,
    batchSize: true,
    testBatchSize: true,
    dropRemainder: true,
    seed: true,
  },
  ...{
    learningRate: true,
    weightDecay: true,
    warmupEpochs: true,
    schedule: true,
    optimizer: true,
    clipNorm: true,
  },
  ...{accumulateSteps: true, averaging: true},
  ...{
    labelSmoothing: true,
    maxSeconds: true,
    patience: true,
    restoreBest: true,
  },
  ...{signal: true, onBatch: true, onTestBatch: true, onEpoch: true, callbacks: true},
  ...{checkpoint: true, resume: true},
} as const satisfies ArgumentNames<TrainOptions>;

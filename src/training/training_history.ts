/** What the training of a classifier tells: after each step, after each epoch, and at its end. */
import type {Views} from '../inference/views.js';
import type {EpochRecord} from './epochs.js';
import type {Evaluation} from './evaluate.js';
import type {Ending} from './steps.js';

/** What is known after a step. */
export interface BatchReport {
  /** Epoch, from 1. */
  epoch: number;
  /** Epochs of the whole training. */
  epochs: number;
  /** Step of the epoch, from 1. */
  step: number;
  /** Steps of an epoch, as planned; unreadable images that are skipped can make it fewer. */
  steps: number;
  /** Loss of this step's batch, label smoothing and regularisation included. */
  loss: number;
  /** Share of the batch that was classified correctly. */
  accuracy: number;
  /** Means over the epoch's images so far. */
  runningLoss: number;
  runningAccuracy: number;
  /** Rate this step was taken with; null where the caller's own optimizer keeps it to itself. */
  learningRate: number | null;
  /** Milliseconds since the step before was finished, data included. */
  stepMs: number;
}

/** One line of the history. */
export interface EpochReport extends EpochRecord {
  /** Running mean over the epoch's batches. */
  trainLoss: number;
  trainAccuracy: number;
  /** Null where the training was aborted before the evaluation. */
  testLoss: number | null;
  testAccuracy: number | null;
}

export interface TrainingHistory {
  epochs: EpochReport[];
  /** Why it ended: all epochs done, none better within `patience`, the time budget spent, or the signal aborted. */
  stopped: Ending | 'early';
  /** Epoch of the highest test accuracy, the first of equal ones; null where none was evaluated. */
  bestEpoch: number | null;
  /** Epoch whose weights were put back at the end; null where the model has those of its last step. */
  restoredEpoch: number | null;
  /** Steps taken, and the median of their times in milliseconds, data included; null without a step. */
  steps: number;
  stepMs: number | null;
  /** Training images per second over all steps, evaluations not counted; null without a step. */
  imagesPerSecond: number | null;
  /** Seconds from start to end, evaluations included. */
  seconds: number;
  /** The normalisation used; a caller of the trained model needs it. */
  mean: number[];
  std: number[];
  /**
   * Result on the test set: of the restored epoch, else of the last one that was evaluated; null where the training was
   * aborted before any.
   */
  evaluation: Evaluation | null;
  /** Views of each image in that evaluation: those asked for, or 1 where the signal came before them. */
  testViews: Views;
}

/** What the training of a segmentation network tells: after each step, after each epoch, and at its end. */
import type {EpochRecord} from './epochs.js';
import type {SegmentationEvaluation} from './evaluate_segmentation.js';
import type {DoneStep, Ending} from './steps.js';

/** What is known after a step. */
export interface SegmentationBatchReport extends Omit<DoneStep, 'counts'> {
  /** Epoch, from 1. */
  epoch: number;
  /** Epochs of the whole training. */
  epochs: number;
  /** Steps of an epoch. */
  steps: number;
  /** Share of the batch's pixels whose class was predicted. */
  pixelAccuracy: number;
}

/** One line of the history. */
export interface SegmentationEpochReport extends EpochRecord {
  /** Mean over the epoch's crops. */
  trainLoss: number;
  /** Over all pixels of the epoch's crops. */
  trainPixelAccuracy: number;
  trainMeanIou: number;
  /** Over all pixels of the test images; null where the training was aborted before the evaluation. */
  testPixelAccuracy: number | null;
  testMeanIou: number | null;
}

export interface SegmentationHistory {
  epochs: SegmentationEpochReport[];
  stopped: Ending;
  /** Steps taken, and the median of their times in milliseconds, data included; null without a step. */
  steps: number;
  stepMs: number | null;
  /** Seconds from start to end, evaluations included. */
  seconds: number;
  /** The normalisation used; `predictSegmentation` needs it. */
  mean: number[];
  std: number[];
  /** Result on the test set after the last epoch; null where the training was aborted before any. */
  evaluation: SegmentationEvaluation | null;
}

/**
 * How well predicted masks agree with true ones, from counts of pixels c[t][p], t the true and p the predicted class:
 *
 *   pixel accuracy = sum_k c[k][k] / sum c
 *   IoU_k  = c[k][k] / (row_k + column_k - c[k][k])           mIoU = the mean over the classes that occur
 *   Dice_k = 2 c[k][k] / (row_k + column_k)
 *
 * A class that occurs neither in the true nor in the predicted masks has no IoU and no Dice, and is left out of the means.
 *
 * Source: Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", section 5.
 */
import {DataError} from '../errors.js';

/** Pixels by [true class][predicted class]. */
export type PixelConfusion = number[][];

export interface SegmentationScores {
  /** Share of the counted pixels whose class is predicted; NaN where none are counted. */
  pixelAccuracy: number;
  /** Intersection over union of each class; null for a class that occurs nowhere. */
  iou: (number | null)[];
  /** Mean over the classes that occur; NaN where none do. */
  meanIou: number;
  /** Dice coefficient (F1) of each class; null for a class that occurs nowhere. */
  dice: (number | null)[];
  meanDice: number;
}

/** A matrix of zeros. */
export function emptyConfusion(classes: number): PixelConfusion {
  return Array.from({length: classes}, () => new Array<number>(classes).fill(0));
}

/** Adds counts, row by row in one array, to a matrix. */
export function addConfusion(confusion: PixelConfusion, counts: ArrayLike<number>): void {
  for (const [truth, row] of confusion.entries()) {
    for (let k = 0; k < row.length; k++) row[k] += counts[truth * row.length + k];
  }
}

/**
 * Counts pixels by true and predicted class.
 *
 * @param truth class index of each pixel, or ignoreIndex.
 * @param predicted class index of each pixel, as many.
 * @throws DataError where the lengths differ, or a class is none of 0 to classes - 1.
 */
export function confusionMatrix(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
  ignoreIndex?: number,
): PixelConfusion {
  if (truth.length !== predicted.length) {
    throw new DataError(
      `confusionMatrix: both masks must have the same number of pixels; got ${truth.length} and ${predicted.length}.`,
    );
  }
  const counts = new Float64Array(classes * classes);
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i];
    const p = predicted[i];
    if (t === ignoreIndex) continue;
    const known =
      Number.isInteger(t) && Number.isInteger(p) && Math.min(t, p) >= 0 && Math.max(t, p) < classes;
    if (!known) {
      throw new DataError(
        `confusionMatrix: classes must be whole numbers from 0 to ${classes - 1}; got ${t} for ${p} at pixel ${i}.`,
      );
    }
    counts[t * classes + p]++;
  }
  return Array.from({length: classes}, (_, row) => [...counts.subarray(row * classes, (row + 1) * classes)]);
}

/** The figures of a matrix of counts. */
export function segmentationScores(confusion: PixelConfusion): SegmentationScores {
  const rows = confusion.map(sum);
  const columns = confusion.map((_, k) => sum(confusion.map((row) => row[k])));
  const right = confusion.map((row, k) => row[k]);
  const ratio = (above: number, below: number) => (below === 0 ? null : above / below);
  const iou = right.map((hits, k) => ratio(hits, rows[k] + columns[k] - hits));
  const dice = right.map((hits, k) => ratio(2 * hits, rows[k] + columns[k]));
  return {pixelAccuracy: sum(right) / sum(rows), iou, meanIou: mean(iou), dice, meanDice: mean(dice)};
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Of what is not null. */
function mean(values: readonly (number | null)[]): number {
  const present = values.filter((value) => value !== null);
  return sum(present) / present.length;
}

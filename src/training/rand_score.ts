/**
 * How well the segments of a mask agree with the true ones: the foreground-restricted Rand score, for images in which pixels
 * of one class, the border, part segments, as membranes part cells. One missing pixel of a border joins two segments, which
 * hardly changes the share of right pixels, and much this score.
 *
 *     segments      pixels of one class other than the border that hang together by their sides
 *     n_ij          pixels in segment i of the prediction and segment j of the truth; pixels of the true border do not count
 *     split = sum n_ij^2 / sum_j t_j^2      merge = sum n_ij^2 / sum_i s_i^2      with t_j = sum_i n_ij, s_i = sum_j n_ij
 *     score = sum n_ij^2 / (sum_i s_i^2 / 2 + sum_j t_j^2 / 2), the harmonic mean of both
 *
 * split is the probability that two pixels (drawn with replacement) of one true segment are in one predicted segment; merge
 * the one that two pixels of one predicted segment are in one true segment. Before it is compared, the predicted border is
 * thinned to nothing: its pixels go to the segment that is nearest by steps from side to side. So the width of a border does
 * not count, only what it parts. The challenge's own program leaves thinned borders of one pixel, which differs little.
 * Where nothing but border is predicted, each pixel is a segment of its own.
 *
 * Source: Arganda-Carreras et al. 2015, "Crowdsourcing the creation of image segmentation algorithms for connectomics",
 * Frontiers in Neuroanatomy 9:142, the Rand F-score V^Rand with alpha = 1/2 of the ISBI 2012 challenge.
 */
import {positiveInteger} from '../../kernels/common/arguments.js';
import {ShapeError} from '../errors.js';

export interface RandScore {
  /** 0 to 1, the harmonic mean of split and merge. */
  score: number;
  /** Low where true segments are split. */
  split: number;
  /** Low where true segments are merged. */
  merge: number;
}

export interface RandScoreArgs {
  width: number;
  height: number;
  /** Class index of the border. */
  border: number;
  /** Value in `truth` of pixels that count for nothing; default none. They part true segments too. */
  ignoreIndex?: number;
}

/**
 * @param truth Class index of each pixel, [height, width].
 * @param predicted The same of the prediction.
 * @returns null where the truth has no segment.
 * @throws ShapeError where a mask has another size.
 */
export function randScore(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  {width, height, border, ignoreIndex}: RandScoreArgs,
): RandScore | null {
  for (const [side, length] of Object.entries({width, height})) positiveInteger('randScore', side, length);
  const pixels = width * height;
  if (truth.length !== pixels || predicted.length !== pixels) {
    throw new ShapeError(
      `randScore: both masks must have ${pixels} pixels (${height}x${width}); got ${truth.length} and ${predicted.length}.`,
    );
  }
  const trueSegments = segments(truth, width, (value) => value === border || value === ignoreIndex);
  const found = segments(predicted, width, (value) => value === border);
  grow(found, width);
  const [joint, ofPrediction, ofTruth] = [new Counts(), new Counts(), new Counts()];
  for (let i = 0; i < pixels; i++) {
    const t = trueSegments.labels[i]!;
    if (t === 0) continue;
    // A pixel that no segment reached is one by itself.
    const s = found.labels[i]! || found.count + 1 + i;
    joint.add(s * (trueSegments.count + 1) + t);
    ofPrediction.add(s);
    ofTruth.add(t);
  }
  const both = joint.sumOfSquares();
  if (both === 0) return null;
  const [s, t] = [ofPrediction.sumOfSquares(), ofTruth.sumOfSquares()];
  return {score: (2 * both) / (s + t), split: both / t, merge: both / s};
}

interface Segments {
  /** Number of the segment of each pixel, from 1; 0 for the border. */
  labels: Int32Array;
  count: number;
}

/** The pixels of one class that hang together by their sides. */
function segments(mask: ArrayLike<number>, width: number, isBorder: (value: number) => boolean): Segments {
  const labels = new Int32Array(mask.length);
  const queue = new Int32Array(mask.length);
  let count = 0;
  for (let start = 0; start < mask.length; start++) {
    if (labels[start] !== 0 || isBorder(mask[start]!)) continue;
    labels[start] = ++count;
    queue[0] = start;
    for (let next = 0, end = 1; next < end; next++) {
      const from = queue[next]!;
      for (const to of neighbours(from, width, mask.length)) {
        if (labels[to] !== 0 || mask[to] !== mask[from]) continue;
        labels[to] = count;
        queue[end++] = to;
      }
    }
  }
  return {labels, count};
}

/** Gives each pixel of the border to the segment that reaches it in the fewest steps, the first one of equals. */
function grow({labels}: Segments, width: number): void {
  const queue = new Int32Array(labels.length);
  let end = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] !== 0) queue[end++] = i;
  for (let next = 0; next < end; next++) {
    const from = queue[next]!;
    for (const to of neighbours(from, width, labels.length)) {
      if (labels[to] !== 0) continue;
      labels[to] = labels[from]!;
      queue[end++] = to;
    }
  }
}

/** Pixels above, to the left, to the right and below. */
function neighbours(i: number, width: number, pixels: number): number[] {
  const x = i % width;
  const found: number[] = [];
  if (i >= width) found.push(i - width);
  if (x > 0) found.push(i - 1);
  if (x < width - 1) found.push(i + 1);
  if (i + width < pixels) found.push(i + width);
  return found;
}

/** How often each number occurs. */
class Counts {
  private readonly counts = new Map<number, number>();

  add(key: number): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  sumOfSquares(): number {
    let sum = 0;
    for (const count of this.counts.values()) sum += count * count;
    return sum;
  }
}

/** The mean over images, each score by itself; null for none. */
export function meanRandScore(scores: readonly RandScore[]): RandScore | null {
  if (scores.length === 0) return null;
  const mean = (figure: keyof RandScore) => scores.reduce((sum, one) => sum + one[figure], 0) / scores.length;
  return {score: mean('score'), split: mean('split'), merge: mean('merge')};
}

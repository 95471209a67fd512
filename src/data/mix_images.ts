/**
 * Mixtures of the images of a batch, each with a partner out of the same batch; the classes of both count, by their shares.
 *
 *     mixup    x = s x_i + (1 - s) x_j                        s of Beta(alpha, alpha)
 *     cutmix   x = x_i outside a rectangle, x_j inside it     the rectangle takes 1 - s of the image
 *
 * One share, one rectangle and one order of partners hold for a batch. CutMix's rectangle has sqrt(1 - s) of both sides
 * around a uniform centre; what juts out is cut off, and the share is then that of the pixels that are left. Where both
 * are on, each batch takes one of them, with probability 1/2 each (as timm does).
 *
 * Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"; Yun et al. 2019, "CutMix: Regularization
 * Strategy to Train Strong Classifiers with Localizable Features".
 */
import {checkNumber, FROM_ZERO} from '../../kernels/common/arguments.js';
import type {DataFormat} from '../../kernels/common/data_format.js';
import {symmetricBeta} from './beta.js';
import {type Random, randomStream, shuffled} from './shuffle.js';

export interface MixArgs {
  /** Alpha of mixup; 0 is off; default 0. */
  mixup?: number;
  /** Alpha of CutMix; 0 is off; default 0. */
  cutmix?: number;
}

/** What the images of a batch were mixed with. */
export interface Mix {
  /** For each image of the batch its partner's place in the batch. */
  partners: number[];
  /** Share of the image itself, 0 to 1; the partner has the rest. */
  share: number;
}

/** Size of the images of a batch. */
interface ImageSize {
  channels: number;
  height: number;
  width: number;
  dataFormat: DataFormat;
}

/** @throws ConfigError, in the name of `who`, for an alpha that is negative or no number. */
export function checkMix(who: string, {mixup = 0, cutmix = 0}: MixArgs): void {
  checkNumber(who, 'mixup', mixup, FROM_ZERO);
  checkNumber(who, 'cutmix', cutmix, FROM_ZERO);
}

/**
 * Mixes the images of a batch in place.
 *
 * @param values the images one after the other, [B, C, H, W] or [B, H, W, C].
 * @param count B.
 * @param key decides what is drawn; see `randomStream`.
 * @returns undefined where neither is on.
 */
export function mixImages(
  values: Float32Array,
  count: number,
  size: ImageSize,
  {mixup = 0, cutmix = 0}: MixArgs,
  key: string,
): Mix | undefined {
  if (mixup === 0 && cutmix === 0) return undefined;
  const random = randomStream(key);
  const cuts = mixup === 0 || (cutmix > 0 && random() < 0.5);
  const drawn = symmetricBeta(cuts ? cutmix : mixup, random);
  const places = Array.from({length: count}, (_, place) => place);
  const partners = shuffled(places, `${key}/partners`);
  const originals = values.slice();
  if (cuts) {
    const box = rectangle(size, drawn, random);
    pasteRectangles(values, originals, partners, size, box);
    const share = 1 - (box.rows * box.columns) / (size.height * size.width);
    return {partners, share};
  }
  const volume = values.length / count;
  for (const [place, partner] of partners.entries()) {
    for (let at = 0; at < volume; at++) {
      const other = originals[partner * volume + at]!;
      values[place * volume + at] = drawn * values[place * volume + at]! + (1 - drawn) * other;
    }
  }
  return {partners, share: drawn};
}

interface Rectangle {
  top: number;
  left: number;
  rows: number;
  columns: number;
}

/** A rectangle of about 1 - share of the image around a random centre, cut off at the image's edges. */
function rectangle({height, width}: ImageSize, share: number, random: Random): Rectangle {
  const side = Math.sqrt(1 - share);
  const along = (extent: number): [number, number] => {
    const length = Math.floor(extent * side);
    const start = Math.floor(random() * extent) - Math.floor(length / 2);
    const from = Math.max(start, 0);
    return [from, Math.min(start + length, extent) - from];
  };
  const [top, rows] = along(height);
  const [left, columns] = along(width);
  return {top, left, rows, columns};
}

function pasteRectangles(
  values: Float32Array,
  originals: Float32Array,
  partners: readonly number[],
  {channels, height, width, dataFormat}: ImageSize,
  {top, left, rows, columns}: Rectangle,
): void {
  const volume = channels * height * width;
  // A plane is [H, W] of one channel, or all of [H, W, C].
  const [planes, cell] = dataFormat === 'channelsFirst' ? [channels, 1] : [1, channels];
  for (const [place, partner] of partners.entries()) {
    for (let plane = 0; plane < planes; plane++) {
      for (let y = top; y < top + rows; y++) {
        const start = (plane * height * width + y * width + left) * cell;
        const row = originals.subarray(partner * volume + start, partner * volume + start + columns * cell);
        values.set(row, place * volume + start);
      }
    }
  }
}

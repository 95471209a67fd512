/**
 * Antialiased bilinear resize of an image of bytes, [h, w, 3] -> [H, W, 3].
 *
 * Per axis, output cell x has its centre at c = (x + 0.5) s with s = in / out, and is the weighted mean of the input
 * cells i whose centres lie within the filter: weight max(0, 1 - |i + 0.5 - c| / max(s, 1)), normalised to sum 1.
 * The triangle widens when the image shrinks, so that every input pixel counts; when it grows this is plain
 * bilinear interpolation with half-pixel centres. As PIL's `Image.resize(size, BILINEAR)`, within one grey level
 * (PIL rounds between the two axes, this does not).
 */

import {ConfigError, DataError} from '../errors.js';

const CHANNELS = 3;

/**
 * @param pixels RGB bytes, [h, w, 3].
 * @param from [h, w].
 * @param to [H, W].
 * @returns new RGB bytes, [H, W, 3].
 * @throws ConfigError if a size is not a positive whole number, DataError if `pixels` has another length than h w 3.
 */
export function resizeBilinear(
  pixels: Uint8Array,
  from: readonly [number, number],
  to: readonly [number, number],
): Uint8Array {
  for (const side of [...from, ...to]) {
    if (!Number.isInteger(side) || side < 1) {
      throw new ConfigError(
        `resizeBilinear: heights and widths must be positive whole numbers; got ${side}.`,
      );
    }
  }
  const [h, w] = from;
  const [H, W] = to;
  if (pixels.length !== h * w * CHANNELS) {
    throw new DataError(
      `resizeBilinear: an image of ${h}x${w} must have ${h * w * CHANNELS} RGB bytes; got ${pixels.length}.`,
    );
  }
  if (h === H && w === W) return pixels.slice();

  const across = filterTaps(w, W);
  const rows = new Float32Array(h * W * CHANNELS); // [h, W, 3]
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < W; x++) {
      const {first, weights} = across[x]!;
      let red = 0;
      let green = 0;
      let blue = 0;
      let at = (y * w + first) * CHANNELS;
      for (let k = 0; k < weights.length; k++, at += CHANNELS) {
        const weight = weights[k]!;
        red += weight * pixels[at]!;
        green += weight * pixels[at + 1]!;
        blue += weight * pixels[at + 2]!;
      }
      const put = (y * W + x) * CHANNELS;
      rows[put] = red;
      rows[put + 1] = green;
      rows[put + 2] = blue;
    }
  }

  const down = filterTaps(h, H);
  const stride = W * CHANNELS;
  const result = new Uint8Array(H * stride); // [H, W, 3]
  for (let y = 0; y < H; y++) {
    const {first, weights} = down[y]!;
    for (let x = 0; x < stride; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * rows[(first + k) * stride + x]!;
      result[y * stride + x] = sum + 0.5; // a weighted mean of bytes: never outside 0..255
    }
  }
  return result;
}

interface Taps {
  /** First input cell that counts. */
  first: number;
  /** Weights of the input cells from `first` on; they sum to 1. */
  weights: Float64Array;
}

function filterTaps(size: number, newSize: number): Taps[] {
  const scale = size / newSize;
  const radius = Math.max(scale, 1);
  return Array.from({length: newSize}, (_, x) => {
    const centre = (x + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - radius + 0.5));
    const end = Math.min(size, Math.floor(centre + radius + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      weights[k] = Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / radius);
      sum += weights[k]!;
    }
    for (let k = 0; k < weights.length; k++) weights[k]! /= sum;
    return {first, weights};
  });
}

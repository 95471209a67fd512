/**
 * Antialiased resize of an image of bytes, [h, w, 3] -> [H, W, 3], bilinear or bicubic.
 *
 * Per axis, output cell x has its centre at c = (x + 0.5) s with s = in / out, and is the weighted mean of the input
 * cells i around it: weight f((i + 0.5 - c) / max(s, 1)), normalised to sum 1, with
 *
 *     bilinear   f(t) = 1 - |t|                                for |t| < 1
 *     bicubic    f(t) = (a + 2) |t|^3 - (a + 3) t^2 + 1        for |t| < 1
 *                       a |t|^3 - 5 a t^2 + 8 a |t| - 4 a      for 1 <= |t| < 2,  a = -0.5
 *
 * (Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing"). The filter widens when the image
 * shrinks, so that every input pixel counts. Columns first, then rows, each rounded and clipped to a byte, with weights
 * in steps of 2^-22: the bytes are those of Pillow's `Image.resize(size, BILINEAR or BICUBIC)`, on every machine.
 */

import {oneOf, positiveInteger} from '../../kernels/common/arguments.js';
import {DataError} from '../errors.js';

const CHANNELS = 3;

/** How pixels between pixels are made up. */
export type Interpolation = 'bilinear' | 'bicubic';

/** A part of a resized image. */
export interface Crop {
  top: number;
  left: number;
  height: number;
  width: number;
}

interface Filter {
  /** Half its width in input cells, of an image that does not shrink. */
  radius: number;
  weight: (t: number) => number;
}

const FILTERS: Readonly<Record<Interpolation, Filter>> = {
  bilinear: {radius: 1, weight: (t) => Math.max(0, 1 - Math.abs(t))},
  bicubic: {radius: 2, weight: cubic},
};

export const INTERPOLATIONS = ['bilinear', 'bicubic'] as const satisfies readonly Interpolation[];

function cubic(t: number): number {
  const a = -0.5;
  const x = Math.abs(t);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
}

/**
 * Resizes a whole image.
 *
 * @param pixels RGB bytes, [h, w, 3].
 * @param from [h, w].
 * @param to [H, W].
 * @param interpolation 'bilinear' (default) or 'bicubic'.
 * @returns new RGB bytes, [H, W, 3].
 * @throws ConfigError if a size is no whole number from 1 or the interpolation unknown, DataError if `pixels` has
 *   another length than h w 3.
 */
export function resizeImage(
  pixels: Uint8Array,
  from: readonly [number, number],
  to: readonly [number, number],
  interpolation: Interpolation = 'bilinear',
): Uint8Array {
  return resizeAndCrop(pixels, from, to, {top: 0, left: 0, height: to[0], width: to[1]}, interpolation);
}

/**
 * Resizes a whole image of any number of channels, [h, w, C] -> [H, W, C], bilinear. Each channel goes through the code
 * for RGB as if it were all three, which no image of three channels has to.
 */
export function resizePixels(
  pixels: Uint8Array,
  from: readonly [number, number],
  to: readonly [number, number],
  channels: number,
): Uint8Array {
  if (channels === CHANNELS) return resizeImage(pixels, from, to);
  const result = new Uint8Array(to[0] * to[1] * channels);
  for (let c = 0; c < channels; c++) {
    const plane = Uint8Array.from({length: from[0] * from[1] * CHANNELS}, (_, at) => {
      return pixels[Math.floor(at / CHANNELS) * channels + c]!;
    });
    const resized = resizeImage(plane, from, to);
    for (let cell = 0; cell < to[0] * to[1]; cell++) result[cell * channels + c] = resized[cell * CHANNELS]!;
  }
  return result;
}

/**
 * A part of the resized image; the rest of it is never computed.
 *
 * @param crop lies within [H, W].
 * @returns new RGB bytes, [crop.height, crop.width, 3].
 * @throws as `resizeImage`.
 */
export function resizeAndCrop(
  pixels: Uint8Array,
  from: readonly [number, number],
  to: readonly [number, number],
  crop: Crop,
  interpolation: Interpolation,
): Uint8Array {
  checkArguments(pixels, from, to, interpolation);
  const [h, w] = from;
  const [H, W] = to;
  const filter = FILTERS[interpolation];
  const across = filterTaps(w, W, crop.left, crop.width, filter);
  const down = filterTaps(h, H, crop.top, crop.height, filter);
  const firstRow = down[0]!.first;
  const last = down[down.length - 1]!;
  const endRow = last.first + last.weights.length;
  const rows = resizeColumns(pixels, w, firstRow, endRow, across); // [endRow - firstRow, crop.width, 3]

  const stride = crop.width * CHANNELS;
  const result = new Uint8ClampedArray(crop.height * stride);
  for (let y = 0; y < crop.height; y++) {
    const {first, weights} = down[y]!;
    const start = (first - firstRow) * stride;
    for (let x = 0; x < stride; x++) {
      let sum = 0.5;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * rows[start + k * stride + x]!;
      result[y * stride + x] = Math.floor(sum);
    }
  }
  return new Uint8Array(result.buffer);
}

/** Rows [firstRow, endRow) of the image, resized along their length: [rows, across.length, 3], clipped bytes. */
function resizeColumns(
  pixels: Uint8Array,
  w: number,
  firstRow: number,
  endRow: number,
  across: readonly Taps[],
): Uint8ClampedArray {
  const width = across.length;
  const result = new Uint8ClampedArray((endRow - firstRow) * width * CHANNELS);
  for (let y = firstRow; y < endRow; y++) {
    for (let x = 0; x < width; x++) {
      const {first, weights} = across[x]!;
      let red = 0.5;
      let green = 0.5;
      let blue = 0.5;
      let at = (y * w + first) * CHANNELS;
      for (let k = 0; k < weights.length; k++, at += CHANNELS) {
        const weight = weights[k]!;
        red += weight * pixels[at]!;
        green += weight * pixels[at + 1]!;
        blue += weight * pixels[at + 2]!;
      }
      const put = ((y - firstRow) * width + x) * CHANNELS;
      // Down, not to the even number as the array itself would round.
      result[put] = Math.floor(red);
      result[put + 1] = Math.floor(green);
      result[put + 2] = Math.floor(blue);
    }
  }
  return result;
}

interface Taps {
  /** First input cell that counts. */
  first: number;
  /** Weights of the input cells from `first` on; they sum to 1, all but the rounding. */
  weights: Float64Array;
}

/** Steps of the weights. Sums of them times bytes are exact in a double, so that every order gives the same byte. */
const STEPS = 2 ** 22;

/** What makes the output cells [start, start + count) of `newSize` from `size` input cells. */
function filterTaps(size: number, newSize: number, start: number, count: number, filter: Filter): Taps[] {
  const scale = size / newSize;
  const widening = Math.max(scale, 1);
  const radius = filter.radius * widening;
  return Array.from({length: count}, (_, i) => {
    const centre = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - radius + 0.5));
    const end = Math.min(size, Math.floor(centre + radius + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      weights[k] = filter.weight((first + k + 0.5 - centre) / widening);
      sum += weights[k]!;
    }
    for (let k = 0; k < weights.length; k++) weights[k] = Math.round((weights[k]! / sum) * STEPS) / STEPS;
    return {first, weights};
  });
}

function checkArguments(
  pixels: Uint8Array,
  from: readonly [number, number],
  to: readonly [number, number],
  interpolation: Interpolation,
): void {
  for (const side of [...from, ...to]) {
    positiveInteger('resizeImage', 'each height and width', side);
  }
  oneOf('resizeImage', 'interpolation', interpolation, INTERPOLATIONS);
  const [h, w] = from;
  if (pixels.length !== h * w * CHANNELS) {
    throw new DataError(
      `resizeImage: an image of ${h}x${w} must have ${h * w * CHANNELS} RGB bytes; got ${pixels.length}.`,
    );
  }
}

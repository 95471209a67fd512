/**
 * Masks over images: each class in a colour of its own, or what a prediction got right and wrong, mixed into the image.
 *
 *     pixel = (1 - opacity) image + opacity colour
 *
 * On plain arrays, in browsers and in Node alike.
 */

import {checkNumber, positiveInteger, SHARE} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {type PixelBytes, rgbFromBytes} from '../data/image_input.js';
import type {RgbImage} from '../data/rgb_image.js';
import {ShapeError} from '../errors.js';

/** Red, green, blue in bytes. */
export type Rgb = readonly [number, number, number];

/** Colours that people with any colour vision tell apart (Okabe & Ito 2008). */
const PALETTE: readonly Rgb[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

/** Colours of `overlayErrors`. */
export const ERROR_COLORS = {
  /** The class is there and was predicted. */
  hit: [0, 158, 115],
  /** It was predicted where the background is. */
  falseAlarm: [213, 94, 0],
  /** It is there, and the background was predicted. */
  miss: [0, 114, 178],
  /** Another class is there. */
  confusion: [240, 228, 66],
} as const satisfies Record<string, Rgb>;

/** Colour of class `index` by default: none for the background, distinct ones for the others, again after seven. */
export function classColor(index: number, background = 0): Rgb | null {
  if (index === background) return null;
  return PALETTE[(index > background ? index - 1 : index) % PALETTE.length]!;
}

export interface OverlayArgs {
  /** The class that is left as it is where no colours are given; default 0. */
  background?: number;
  /** Colour of each class, null to leave it as it is; default `classColor`. */
  colors?: readonly (Rgb | null)[];
  /** Share of the colour, 0 to 1; default 0.5. */
  opacity?: number;
  /** Draws the border of each area in its full colour; default false. */
  outline?: boolean;
}

const OVERLAY = {
  ...{background: true, colors: true, opacity: true, outline: true},
} as const satisfies ArgumentNames<OverlayArgs>;

/**
 * The image with its mask over it. Pixels of a class without a colour are left as they are.
 *
 * @param image RGB bytes, [height, width, 3], or RGBA bytes as those of an ImageData, composited on white.
 * @param mask class index of each pixel, [height, width].
 * @throws ShapeError where the two do not fit; ConfigError for an opacity out of range.
 */
export function overlayMask(image: PixelBytes, mask: ArrayLike<number>, args: OverlayArgs = {}): RgbImage {
  checkArguments('overlayMask', args, OVERLAY);
  const {background = 0, colors, outline = false} = args;
  const {width, height} = image;
  return painted('overlayMask', image, [mask], args.opacity, (i) => {
    const index = mask[i]!;
    const color = colors ? colors[index] : classColor(index, background);
    if (!color) return null;
    return {color, full: outline && onBorder(mask, i, width, height)};
  });
}

export interface OverlayErrorsArgs {
  /** The class that is not looked for; default 0. */
  background?: number;
  /** Label of pixels that count for nothing; default none. */
  ignoreIndex?: number;
  /** Share of the colour, 0 to 1; default 0.6. */
  opacity?: number;
}

const ERRORS = {
  ...{background: true, ignoreIndex: true, opacity: true},
} as const satisfies ArgumentNames<OverlayErrorsArgs>;

/**
 * The image with what a prediction got right and wrong in the colours of `ERROR_COLORS`; where both say background, it is
 * left as it is.
 *
 * @param image as for `overlayMask`.
 * @throws ShapeError where image and masks do not fit; ConfigError for an opacity out of range.
 */
export function overlayErrors(
  image: PixelBytes,
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  args: OverlayErrorsArgs = {},
): RgbImage {
  checkArguments('overlayErrors', args, ERRORS);
  const {background = 0, ignoreIndex, opacity = 0.6} = args;
  return painted('overlayErrors', image, [truth, predicted], opacity, (i) => {
    if (truth[i] === ignoreIndex) return null;
    const [there, said] = [truth[i] !== background, predicted[i] !== background];
    if (there && said) return {color: truth[i] === predicted[i] ? ERROR_COLORS.hit : ERROR_COLORS.confusion};
    if (said) return {color: ERROR_COLORS.falseAlarm};
    return there ? {color: ERROR_COLORS.miss} : null;
  });
}

/**
 * Images of one height next to each other, with white columns in between.
 *
 * @throws ShapeError where the heights differ, or for no image.
 */
export function sideBySide(images: readonly RgbImage[], gap = 4): RgbImage {
  const height = images[0]?.height ?? 0;
  if (height === 0 || images.some((image) => image.height !== height)) {
    throw new ShapeError(
      `sideBySide: there must be images of one height; got [${images.map((image) => image.height)}].`,
    );
  }
  const width = images.reduce((sum, image) => sum + image.width + gap, -gap);
  const data = new Uint8Array(width * height * 3).fill(255);
  let left = 0;
  for (const image of images) {
    for (let y = 0; y < height; y++) {
      const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
      data.set(row, (y * width + left) * 3);
    }
    left += image.width + gap;
  }
  return {data, width, height};
}

/** What is painted over a pixel. */
interface Paint {
  color: Rgb;
  /** Whether nothing of the image shows through. */
  full?: boolean;
}

function painted(
  who: string,
  image: PixelBytes,
  masks: readonly ArrayLike<number>[],
  opacity = 0.5,
  paintOf: (pixel: number) => Paint | null,
): RgbImage {
  const {width, height} = image;
  for (const [side, length] of Object.entries({width, height})) {
    positiveInteger(who, `the image's ${side}`, length, {error: ShapeError});
  }
  const area = width * height;
  const channels = image.data.length / area;
  if ((channels !== 3 && channels !== 4) || masks.some((mask) => mask.length !== area)) {
    throw new ShapeError(
      `${who}: an image of ${height}x${width} must have ${area * 3} RGB bytes and ${area} pixels in a mask; got ` +
        `${image.data.length} and ${masks.map((mask) => mask.length).join(' and ')}.`,
    );
  }
  checkNumber(who, 'opacity', opacity, SHARE);
  const {data} = rgbFromBytes(who, image);
  const result = Uint8Array.from(data);
  for (let i = 0; i < area; i++) {
    const paint = paintOf(i);
    if (paint === null) continue;
    const share = paint.full ? 1 : opacity;
    for (let c = 0; c < 3; c++) {
      result[3 * i + c] = Math.round((1 - share) * data[3 * i + c]! + share * paint.color[c]!);
    }
  }
  return {data: result, width, height};
}

/** Whether a pixel has a neighbour of another class above, below, left or right. */
function onBorder(mask: ArrayLike<number>, i: number, width: number, height: number): boolean {
  const [x, y] = [i % width, Math.floor(i / width)];
  return (
    (x > 0 && mask[i - 1] !== mask[i]) ||
    (x < width - 1 && mask[i + 1] !== mask[i]) ||
    (y > 0 && mask[i - width] !== mask[i]) ||
    (y < height - 1 && mask[i + width] !== mask[i])
  );
}

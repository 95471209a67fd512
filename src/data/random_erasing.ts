/**
 * Random erasing: a rectangle of a training image is filled with random bytes, or with the mean, so that the network
 * does not learn to rely on one part of an object.
 *
 * With probability p an image of H W pixels loses a rectangle of
 *
 *     S = u H W,  u uniform in the area range      r = uniform in the ratio range
 *     rows = round(sqrt(S r))    columns = round(sqrt(S / r))
 *
 * at a uniform place; a rectangle that does not fit is drawn again, a hundred times at most.
 *
 * Source: Zhong et al. 2020, "Random Erasing Data Augmentation", algorithm 1: area 0.02 to 0.4, ratio 0.3 to 1 / 0.3,
 * random bytes.
 */
import {checkNumber, checkNumbers, oneOf, SHARE} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {ConfigError} from '../errors.js';
import type {Random} from './shuffle.js';

export interface RandomErasingArgs {
  /** Share of the images that lose a rectangle, 0 to 1. */
  probability: number;
  /** Least and largest share of the image that the rectangle takes; default [0.02, 0.4]. */
  area?: readonly [number, number];
  /** Least and largest ratio of its height to its width; default [0.3, 1 / 0.3]. */
  ratio?: readonly [number, number];
  /** What fills it: random bytes, one for each value, or the mean of each channel; default 'random'. */
  fill?: 'random' | 'mean';
}

const ARGUMENTS = {
  ...{probability: true, area: true, ratio: true, fill: true},
} as const satisfies ArgumentNames<RandomErasingArgs>;

/** The draws after which an image is left whole, for ranges of which hardly a rectangle fits. */
const ATTEMPTS = 100;

const ABOVE_ZERO_TO_ONE = {
  what: 'a number in (0, 1]',
  holds: (value: number) => value > 0 && value <= 1,
};
const RATIO = {what: 'a number above 0', holds: (value: number) => value > 0 && value < Infinity};

/** The arguments with their defaults, from a probability or all of them. */
function settings(args: number | RandomErasingArgs) {
  const {
    probability,
    area = [0.02, 0.4],
    ratio = [0.3, 1 / 0.3],
    fill = 'random',
  } = typeof args === 'number' ? {probability: args} : args;
  return {probability, area, ratio, fill};
}

/** @throws ConfigError, in the name of `who`, for an argument out of its range. */
export function checkRandomErasing(who: string, args: number | RandomErasingArgs): void {
  const name = 'randomErasing';
  if (typeof args === 'number') {
    checkNumber(who, name, args, SHARE);
    return;
  }
  checkArguments(`${who}: ${name}`, args, ARGUMENTS);
  const {probability, area, ratio, fill} = settings(args);
  checkNumber(who, `${name}.probability`, probability, SHARE);
  oneOf(who, `${name}.fill`, fill, ['random', 'mean']);
  checkNumbers(who, `${name}.area`, area, {count: 2, per: 'end of the range', rule: ABOVE_ZERO_TO_ONE});
  checkNumbers(who, `${name}.ratio`, ratio, {count: 2, per: 'end of the range', rule: RATIO});
  for (const [of, [least, largest]] of Object.entries({area, ratio})) {
    if (least > largest) {
      throw new ConfigError(
        `${who}: ${name}.${of} must be the least and the largest value; got ${least} before ${largest}.`,
      );
    }
  }
}

/**
 * The image with a rectangle erased, or the image itself where none is.
 *
 * @param pixels bytes [H, W, C]; they are left as they are.
 * @param mean byte of each channel that 'mean' fills with.
 * @param random uniform numbers in [0, 1).
 */
export function erasePart(
  pixels: Uint8Array,
  height: number,
  width: number,
  mean: readonly number[],
  args: number | RandomErasingArgs,
  random: Random,
): Uint8Array {
  const {probability, area, ratio, fill} = settings(args);
  if (random() >= probability) return pixels;
  const between = ([least, largest]: readonly [number, number]) => least + (largest - least) * random();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const size = between(area) * height * width;
    const form = between(ratio);
    const rows = Math.round(Math.sqrt(size * form));
    const columns = Math.round(Math.sqrt(size / form));
    if (rows < 1 || columns < 1 || rows > height || columns > width) continue;
    const top = Math.floor(random() * (height - rows + 1));
    const left = Math.floor(random() * (width - columns + 1));
    const result = pixels.slice();
    for (let y = top; y < top + rows; y++) {
      for (let x = left; x < left + columns; x++) {
        for (const [c, byte] of mean.entries()) {
          const value = fill === 'mean' ? byte : Math.floor(random() * 256);
          result[(y * width + x) * mean.length + c] = value;
        }
      }
    }
    return result;
  }
  return pixels;
}

/** How the values of options are read, strictly: what somebody cannot have meant is refused. */
import {
  ABOVE_ZERO,
  BELOW_ONE,
  COUNT,
  FROM_ZERO,
  type NumberRule,
  SHARE,
  wholeNumber,
} from '../../kernels/common/arguments.js';
import type {ProgressiveResizing} from '../training/progressive_resizing.js';

/** Says what the value must be, and what came. Never returns. */
export type Refuse = (rule: string, given: string) => never;

/** Turns the text of a value into what it means. */
export type Reader<T> = (given: string, refuse: Refuse) => T;

const numberReader =
  ({what, holds}: NumberRule): Reader<number> =>
  (given, refuse) => {
    // Number('') is 0, and Number accepts spaces and 0x: none of them is what somebody meant.
    const value = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
    return Number.isFinite(value) && holds(value) ? value : refuse(what, given);
  };

export const count = numberReader(COUNT);
export const whole = numberReader(wholeNumber(0));
export const fromZero = numberReader(FROM_ZERO);
export const positive = numberReader(ABOVE_ZERO);
export const belowOne = numberReader(BELOW_ONE);

/** Several values with commas between. */
export const listOf =
  <T>(reader: Reader<T>): Reader<T[]> =>
  (given, refuse) =>
    given.split(',').map((part) => reader(part, refuse));

/** A whole number, or two as 7x5: rows and columns. */
export const size: Reader<number | [number, number]> = (given, refuse) => {
  const rule = () => refuse('a whole number from 1, or two as 7x5', given);
  const sides = given.split('x').map((side) => count(side, rule));
  if (sides.length > 2) rule();
  return sides.length === 1 ? sides[0] : [sides[0], sides[1]];
};

/** One size for all stages, or one for each, with commas between. */
export const windows: Reader<number | [number, number] | [number, number][]> = (given, refuse) => {
  if (!given.includes(',')) return size(given, refuse);
  return listOf(size)(given, refuse).map((one): [number, number] =>
    typeof one === 'number' ? [one, one] : one,
  );
};

/** Pixels and a share of the training, with a comma between. */
export const resizing: Reader<ProgressiveResizing> = (given, refuse) => {
  const [pixels, share, ...more] = given.split(',');
  const rule = () => refuse('pixels and a share up to 1, as 24,0.6', given);
  if (share === undefined || more.length > 0) rule();
  return {from: count(pixels, rule), until: numberReader(SHARE)(share, rule)};
};

/** One of some numbers, written as they are here. */
export const oneOfNumbers =
  <const T extends number>(numbers: readonly T[]): Reader<T> =>
  (given, refuse) =>
    numbers.find((number) => String(number) === given) ?? refuse(`one of ${numbers.join(', ')}`, given);

export const oneOf =
  <const T extends string>(words: readonly T[]): Reader<T> =>
  (given, refuse) =>
    words.find((word) => word === given) ?? refuse(`one of ${words.join(', ')}`, given);

/** The name of a file or folder. */
export const path =
  (what: string): Reader<string> =>
  (given, refuse) =>
    // An option here means that the value is missing; a name that begins so can be written ./-name.
    given === '' || given.startsWith('-') ? refuse(what, given) : given;

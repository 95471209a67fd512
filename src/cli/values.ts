/** How the values of options are read, strictly: what somebody cannot have meant is refused. */

/** Says what the value must be, and what came. Never returns. */
export type Refuse = (rule: string, given: string) => never;

/** Turns the text of a value into what it means. */
export type Reader<T> = (given: string, refuse: Refuse) => T;

const numberReader =
  (rule: string, holds: (value: number) => boolean): Reader<number> =>
  (given, refuse) => {
    // Number('') is 0, and Number accepts spaces and 0x: none of them is what somebody meant.
    const value = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
    return Number.isFinite(value) && holds(value) ? value : refuse(rule, given);
  };

export const count = numberReader('a whole number from 1', (value) => Number.isInteger(value) && value >= 1);
export const whole = numberReader('a whole number from 0', (value) => Number.isInteger(value) && value >= 0);
export const fromZero = numberReader('a number from 0', (value) => value >= 0);
export const positive = numberReader('a number above 0', (value) => value > 0);
export const belowOne = numberReader('a number in [0, 1)', (value) => value >= 0 && value < 1);

/** Several values with commas between. */
export const listOf =
  <T>(reader: Reader<T>): Reader<T[]> =>
  (given, refuse) =>
    given.split(',').map((part) => reader(part, refuse));

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

/**
 * Checks of arguments. Each throws one error that names who, the rule, what came and, where it is known, the fix:
 *
 *     setupBackend: threads must be a whole number from 1; got 0 (leave it out for all cores).
 *
 * The error is a ConfigError unless another class is given.
 */
import {ConfigError, type SwintError} from './errors.js';
import {showValue} from './show_value.js';

/** A size given as one number for both axes or as [rows, columns]. */
export type Size = number | [number, number];

/** A rule for a number: in words, as they follow 'must be', and as a test. */
export interface NumberRule {
  what: string;
  holds: (value: number) => boolean;
}

export interface CheckOptions {
  /** What is thrown. Default ConfigError. */
  error?: new (
    message: string,
  ) => SwintError;
  /** What to do about it, in brackets behind the message. Default: nothing is said. */
  fix?: string;
}

/** Whole numbers from one number on, or up to another. */
export function wholeNumber(from: number, to = Infinity): NumberRule {
  return {
    what: `a whole number from ${from}${to === Infinity ? '' : ` to ${to}`}`,
    holds: (value) => Number.isInteger(value) && value >= from && value <= to,
  };
}

export const WHOLE: NumberRule = {what: 'a whole number', holds: Number.isInteger};
/** A number of things, of which there is at least one. */
export const COUNT = wholeNumber(1);
export const FINITE: NumberRule = {what: 'a finite number', holds: Number.isFinite};
export const FROM_ZERO: NumberRule = {
  what: 'a number from 0',
  holds: (value) => value >= 0 && value < Infinity,
};
export const ABOVE_ZERO: NumberRule = {
  what: 'a number above 0',
  holds: (value) => value > 0 && value < Infinity,
};
/** A part of a whole. */
export const SHARE: NumberRule = {what: 'a number from 0 to 1', holds: (value) => value >= 0 && value <= 1};
/** A part that is neither nothing nor the whole. */
export const BETWEEN_ZERO_AND_ONE: NumberRule = {
  what: 'a number in (0, 1)',
  holds: (value) => value > 0 && value < 1,
};
/** A part that is never the whole, such as a dropout rate. */
export const BELOW_ONE: NumberRule = {what: 'a number in [0, 1)', holds: (value) => value >= 0 && value < 1};

const keeps = (value: unknown, {holds}: NumberRule): value is number =>
  typeof value === 'number' && holds(value);

function refusal(
  who: string,
  name: string,
  what: string,
  value: unknown,
  {error = ConfigError, fix}: CheckOptions = {},
): SwintError {
  return new error(`${who}: ${name} must be ${what}; got ${showValue(value)}${fix ? ` (${fix})` : ''}.`);
}

/** A number that keeps a rule. */
export function checkNumber(
  who: string,
  name: string,
  value: unknown,
  rule: NumberRule,
  options?: CheckOptions,
): number {
  if (!keeps(value, rule)) throw refusal(who, name, rule.what, value, options);
  return value;
}

/**
 * A list of numbers that all keep a rule, one per channel, stage or whatever `per` says; `count` is how many, or the counts
 * that there may be.
 */
export function checkNumbers(
  who: string,
  name: string,
  values: unknown,
  {count, per, rule}: {count: number | number[]; per: string; rule: NumberRule},
): readonly number[] {
  const counts = [count].flat();
  if (
    !Array.isArray(values) ||
    !counts.includes(values.length) ||
    !values.every((value) => keeps(value, rule))
  ) {
    throw refusal(who, name, `${counts.join(' or ')} numbers, one per ${per}, each ${rule.what}`, values);
  }
  return values;
}

/** A whole number from 1. */
export function positiveInteger(who: string, name: string, value: unknown, options?: CheckOptions): number {
  return checkNumber(who, name, value, COUNT, options);
}

/** A whole number from 1 or a pair of them, as [rows, columns]. */
export function sizePair(who: string, name: string, value: unknown): [number, number] {
  const pair = Array.isArray(value) ? value : [value, value];
  if (pair.length !== 2 || !pair.every((side) => keeps(side, COUNT))) {
    throw refusal(who, name, `${COUNT.what} or two of them, [rows, columns]`, value);
  }
  return [pair[0], pair[1]];
}

/** A rate: 0 up to, and not including, 1. */
export function rate(who: string, name: string, value: unknown): number {
  return checkNumber(who, name, value, BELOW_ONE);
}

/** A finite number above zero. */
export function positive(who: string, name: string, value: unknown): number {
  return checkNumber(who, name, value, ABOVE_ZERO);
}

/** True or false; the default where none is given (a saved configuration may hold null). */
export function flag(who: string, name: string, value: unknown, whenAbsent: boolean): boolean {
  if (value === undefined || value === null) return whenAbsent;
  if (typeof value !== 'boolean') throw refusal(who, name, 'true or false', value);
  return value;
}

/** A whole number, or undefined where none is given (a saved configuration may hold null). */
export function optionalSeed(who: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return checkNumber(who, 'seed', value, WHOLE);
}

/** One of a few texts or numbers. */
export function oneOf<T extends string | number>(
  who: string,
  name: string,
  value: unknown,
  choices: readonly T[],
  options?: CheckOptions,
): T {
  if (!choices.includes(value as T)) {
    throw refusal(who, name, `one of ${choices.map(showValue).join(', ')}`, value, options);
  }
  return value as T;
}

/** One of a few texts, or undefined where none is given. */
export function optionalOneOf<T extends string>(
  who: string,
  name: string,
  value: unknown,
  choices: readonly T[],
  options?: CheckOptions,
): T | undefined {
  return value === undefined || value === null ? undefined : oneOf(who, name, value, choices, options);
}

/** One argument under two names: an error where both are given and differ. */
export function sameOr<T>(
  who: string,
  [name, value]: [string, T | undefined],
  [alias, other]: [string, T | undefined],
): T | undefined {
  if (value !== undefined && other !== undefined && value !== other) {
    throw new ConfigError(
      `${who}: ${name} and ${alias} are one argument; got ${showValue(value)} and ${showValue(other)} (give one of them).`,
    );
  }
  return value ?? other;
}

/** The numbers of heads near `heads` that divide `channels`, for an error message. */
export function fittingHeads(channels: number, heads: number): string {
  const divisors = Array.from({length: channels}, (_, i) => i + 1).filter((n) => channels % n === 0);
  const below = divisors.filter((n) => n < heads).at(-1);
  const above = divisors.find((n) => n > heads);
  return [below, above].filter((n) => n !== undefined).join(' or ');
}

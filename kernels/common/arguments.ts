/** Checks of layer arguments: each throws one ConfigError naming the layer, the rule, what came and, if known, the fix. */
import {ConfigError} from './errors.js';

/** A size given as one number for both axes or as [rows, columns]. */
export type Size = number | [number, number];

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
}

function isPositiveInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

/** A positive integer. */
export function positiveInteger(who: string, name: string, value: unknown): number {
  if (!isPositiveInteger(value)) {
    throw new ConfigError(`${who}: ${name} must be a positive integer; got ${show(value)}.`);
  }
  return value;
}

/** A positive integer or a pair of them, as [rows, columns]. */
export function sizePair(who: string, name: string, value: unknown): [number, number] {
  const pair = Array.isArray(value) ? value : [value, value];
  if (pair.length !== 2 || !pair.every(isPositiveInteger)) {
    throw new ConfigError(
      `${who}: ${name} must be a positive integer or two of them [rows, columns]; got ${show(value)}.`,
    );
  }
  return [pair[0], pair[1]];
}

/** A rate: 0 up to, and not including, 1. */
export function rate(who: string, name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value < 1)) {
    throw new ConfigError(`${who}: ${name} must be a rate, 0 <= rate < 1; got ${show(value)}.`);
  }
  return value;
}

/** A finite number greater than zero. */
export function positive(who: string, name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
    throw new ConfigError(`${who}: ${name} must be a number greater than 0; got ${show(value)}.`);
  }
  return value;
}

/** An integer, or undefined where none is given (a saved configuration may hold null). */
export function optionalSeed(who: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value)) {
    throw new ConfigError(`${who}: seed must be an integer; got ${JSON.stringify(value)}.`);
  }
  return value as number;
}

/** One of a few words. */
export function oneOf<T extends string>(who: string, name: string, value: unknown, words: readonly T[]): T {
  if (!words.includes(value as T)) {
    throw new ConfigError(
      `${who}: ${name} must be one of ${words.map(show).join(', ')}; got ${show(value)}.`,
    );
  }
  return value as T;
}

/** One argument under two names: an error where both are given and differ. */
export function sameOr<T>(
  who: string,
  [name, value]: [string, T | undefined],
  [alias, other]: [string, T | undefined],
): T | undefined {
  if (value !== undefined && other !== undefined && value !== other) {
    throw new ConfigError(
      `${who}: ${name} and ${alias} are one argument; got ${show(value)} and ${show(other)} (give one of them).`,
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

/**
 * Comparisons that numbers must pass. Unlike tfjs's expectArraysClose they accept no NaN or infinity anywhere unless
 * it is in the expected values too, and small values count by the norm of the whole.
 */
import {AssertionError} from 'chai';

type Values = ArrayLike<number>;

function sameLength(what: string, actual: Values, expected: Values): void {
  if (actual.length !== expected.length) {
    throw new AssertionError(`${what}: expected ${expected.length} values, got ${actual.length}`);
  }
}

/** NaN where NaN is expected, infinity of the same sign where infinity is, and finite elsewhere. */
function sameKind(what: string, actual: Values, expected: Values): void {
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i]) ? !Number.isFinite(actual[i]) : !Object.is(actual[i], expected[i])) {
      throw new AssertionError(`${what}: at ${i} expected ${expected[i]}, got ${actual[i]}`);
    }
  }
}

/** 0 for values that are the same, NaN and infinities included. */
function distance(a: number, b: number): number {
  return Object.is(a, b) ? 0 : Math.abs(a - b);
}

/** The largest absolute difference must not exceed `tolerance`. */
export function expectAbsClose(what: string, actual: Values, expected: Values, tolerance: number): void {
  sameLength(what, actual, expected);
  sameKind(what, actual, expected);
  let worst = 0;
  for (let i = 1; i < expected.length; i++) {
    if (distance(actual[i], expected[i]) > distance(actual[worst], expected[worst])) worst = i;
  }
  const difference = expected.length === 0 ? 0 : distance(actual[worst], expected[worst]);
  if (difference > tolerance) {
    throw new AssertionError(
      `${what}: at ${worst} expected ${expected[worst]}, got ${actual[worst]}: off by ${difference}, more than ${tolerance}`,
    );
  }
}

/**
 * ||actual - expected|| / ||expected|| must not exceed `tolerance`. Where the expected values are all but zero
 * (a norm below `floor`, default 0), the difference is measured against `floor` instead.
 */
export function expectRelativeClose(
  what: string,
  actual: Values,
  expected: Values,
  tolerance: number,
  floor = 0,
): void {
  sameLength(what, actual, expected);
  sameKind(what, actual, expected);
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += distance(actual[i], expected[i]) ** 2;
    if (Number.isFinite(expected[i])) norm += expected[i] ** 2;
  }
  const relative = difference === 0 ? 0 : Math.sqrt(difference) / Math.max(Math.sqrt(norm), floor);
  if (!(relative <= tolerance)) {
    throw new AssertionError(`${what}: relative L2 error ${relative}, more than ${tolerance}`);
  }
}

/** Equal to the last bit (NaN equals NaN, 0 does not equal -0). */
export function expectBitEqual(what: string, actual: Values, expected: Values): void {
  sameLength(what, actual, expected);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) {
      throw new AssertionError(`${what}: at ${i} expected ${expected[i]}, got ${actual[i]}`);
    }
  }
}

/**
 * exp, erf and what GELU is made of, of four numbers at once.
 *
 *   exp(x)        x = n ln 2 + f, |f| <= ln 2 / 2: 2^n p(f). Error about 1 unit in the last place.
 *   softmaxExp(x) for x <= 0: 2^n p(f) with x / ln 2 = n + f. Absolute error 1e-7. At least 2^-100, which keeps what is
 *                 computed with it clear of denormal numbers: they are slow.
 *   erf(x)        x P(x^2) / Q(x^2), degrees 6 and 4, on |x| <= 3.76, exactly +-1 from there on. Absolute error 3e-7.
 *
 * The coefficients of erf and of 2^f are minimax fits made for this file; those of exp are the classical ones of Cephes
 * (expf). NaN gives NaN: comparisons are arranged so that it passes through.
 *
 * In inner loops constants are read from memory, where `writeConstants` has put them: engines make a vector constant anew
 * each time, in several instructions, which takes a quarter of the time of such a function.
 */

// @ts-expect-error: decorator
@inline
export function exp(x: v128): v128 {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  const magic = f32x4.splat(12582912);
  const low = f32x4.splat(-87.33654);
  const kept = f32x4.pmin(f32x4.pmax(x, low), f32x4.splat(88.72283));
  const shifted = f32x4.add(f32x4.mul(kept, f32x4.splat(1.44269504)), magic);
  const n = f32x4.sub(shifted, magic);
  let f = f32x4.sub(kept, f32x4.mul(n, f32x4.splat(0.693359375)));
  f = f32x4.sub(f, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(f, f), p), f), f32x4.splat(1));
  // In two factors, because 2^128 is none: 2^n = 2^(n/2) 2^(n - n/2).
  const whole = i32x4.sub(shifted, i32x4.splat(0x4b400000));
  const half = i32x4.shr_s(whole, 1);
  const bias = i32x4.splat(127);
  const first = i32x4.shl(i32x4.add(half, bias), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(whole, half), bias), 23);
  const y = f32x4.mul(f32x4.mul(p, first), second);
  const tooHigh = f32x4.gt(x, f32x4.splat(88.72283));
  const finite = v128.andnot(y, f32x4.lt(x, low));
  return v128.bitselect(f32x4.splat(Infinity), finite, tooHigh);
}

// Constants in memory, 16 bytes each. ------------------------------------------------------------------------------------

const HALF: usize = 0;
const ONE: usize = 16;
const SQRT_HALF: usize = 32;
const END: usize = 48;
const MINUS_END: usize = 64;
const P0: usize = 80;
const Q0: usize = 192;
const MAGIC: usize = 272;
const LOWEST: usize = 288;
const LOG2E: usize = 304;
const E0: usize = 320;
const BIAS: usize = 416;
const MINUS_HALF_LOG2E: usize = 432;
const DENSITY: usize = 448;

/** Writes the constants of the functions below, less than 512 bytes. */
export function writeConstants(at: usize): void {
  v128.store(at, f32x4.splat(0.5), HALF);
  v128.store(at, f32x4.splat(1), ONE);
  v128.store(at, f32x4.splat(0.7071067811865476), SQRT_HALF);
  v128.store(at, f32x4.splat(3.76), END);
  v128.store(at, f32x4.splat(-3.76), MINUS_END);
  v128.store(at, f32x4.splat(2.175455726671771e-8), P0);
  v128.store(at, f32x4.splat(-0.0000020335633053036872), P0 + 16);
  v128.store(at, f32x4.splat(0.0001381833280902356), P0 + 32);
  v128.store(at, f32x4.splat(0.0033937026746571064), P0 + 48);
  v128.store(at, f32x4.splat(0.04951665177941322), P0 + 64);
  v128.store(at, f32x4.splat(0.1916590929031372), P0 + 80);
  v128.store(at, f32x4.splat(1.128378987312317), P0 + 96);
  v128.store(at, f32x4.splat(0.0008935103542171419), Q0);
  v128.store(at, f32x4.splat(0.013686023652553558), Q0 + 16);
  v128.store(at, f32x4.splat(0.11162219941616058), Q0 + 32);
  v128.store(at, f32x4.splat(0.503183901309967), Q0 + 48);
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  v128.store(at, f32x4.splat(12582912), MAGIC);
  v128.store(at, f32x4.splat(-100), LOWEST);
  v128.store(at, f32x4.splat(1.4426950408889634), LOG2E);
  v128.store(at, f32x4.splat(0.0013264722656458616), E0);
  v128.store(at, f32x4.splat(0.009671512991189957), E0 + 16);
  v128.store(at, f32x4.splat(0.05550733581185341), E0 + 32);
  v128.store(at, f32x4.splat(0.24022242426872253), E0 + 48);
  v128.store(at, f32x4.splat(0.6931470036506653), E0 + 64);
  v128.store(at, f32x4.splat(1), E0 + 80);
  v128.store(at, i32x4.splat(0x4b400000 - 127), BIAS);
  v128.store(at, f32x4.splat(-0.7213475204444817), MINUS_HALF_LOG2E);
  v128.store(at, f32x4.splat(0.3989422804014327), DENSITY);
}

/** acc a + the constant at `offset`. */
// @ts-expect-error: decorator
@inline
function step(acc: v128, a: v128, constants: usize, offset: usize): v128 {
  return f32x4.add(f32x4.mul(acc, a), v128.load(constants + offset));
}

/** 2^y for y <= 0 or NaN; 2^-100 for what is less. */
// @ts-expect-error: decorator
@inline
function powerOfTwo(y: v128, constants: usize): v128 {
  const magic = v128.load(constants, MAGIC);
  const kept = f32x4.pmax(y, v128.load(constants, LOWEST));
  const shifted = f32x4.add(kept, magic);
  const f = f32x4.sub(kept, f32x4.sub(shifted, magic));
  let p = step(v128.load(constants, E0), f, constants, E0 + 16);
  p = step(p, f, constants, E0 + 32);
  p = step(p, f, constants, E0 + 48);
  p = step(p, f, constants, E0 + 64);
  p = step(p, f, constants, E0 + 80);
  return f32x4.mul(p, i32x4.shl(i32x4.sub(shifted, v128.load(constants, BIAS)), 23));
}

/** exp(x) for x <= 0 or NaN, as a softmax needs it. */
// @ts-expect-error: decorator
@inline
export function softmaxExp(x: v128, constants: usize): v128 {
  return powerOfTwo(f32x4.mul(x, v128.load(constants, LOG2E)), constants);
}

/** erf(z / sqrt 2) */
// @ts-expect-error: decorator
@inline
function erfOfRoot(z: v128, constants: usize): v128 {
  const x = f32x4.mul(z, v128.load(constants, SQRT_HALF));
  const t = f32x4.pmin(f32x4.pmax(x, v128.load(constants, MINUS_END)), v128.load(constants, END));
  const u = f32x4.mul(t, t);
  let p = step(v128.load(constants, P0), u, constants, P0 + 16);
  p = step(p, u, constants, P0 + 32);
  p = step(p, u, constants, P0 + 48);
  p = step(p, u, constants, P0 + 64);
  p = step(p, u, constants, P0 + 80);
  p = step(p, u, constants, P0 + 96);
  let q = step(v128.load(constants, Q0), u, constants, Q0 + 16);
  q = step(q, u, constants, Q0 + 32);
  q = step(q, u, constants, Q0 + 48);
  q = step(q, u, constants, ONE);
  return f32x4.div(f32x4.mul(t, p), q);
}

/** Exact GELU: z Phi(z) = z/2 (1 + erf(z / sqrt 2)). */
// @ts-expect-error: decorator
@inline
export function gelu(z: v128, constants: usize): v128 {
  const half = f32x4.mul(z, v128.load(constants, HALF));
  return f32x4.add(half, f32x4.mul(half, erfOfRoot(z, constants)));
}

/** Its derivative: Phi(z) + z phi(z), phi the standard normal density. */
// @ts-expect-error: decorator
@inline
export function geluDerivative(z: v128, constants: usize): v128 {
  const half = v128.load(constants, HALF);
  const cdf = f32x4.add(half, f32x4.mul(half, erfOfRoot(z, constants)));
  const square = f32x4.mul(f32x4.mul(z, z), v128.load(constants, MINUS_HALF_LOG2E));
  const density = f32x4.mul(powerOfTwo(square, constants), v128.load(constants, DENSITY));
  // 0 and not 2^-100 far out, where z is large enough to make a number of it.
  const far = f32x4.lt(square, v128.load(constants, LOWEST));
  return f32x4.add(cdf, f32x4.mul(z, v128.andnot(density, far)));
}

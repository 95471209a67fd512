/**
 * Functions of four numbers at once: exp, erf and what GELU is made of.
 *
 *   exp(x)   x = n ln 2 + f, |f| <= ln 2 / 2: 2^n p(f), p of degree 6; 0 below -87.3. Error about 1 unit in the last place.
 *   erf(x)   x P(x^2) / Q(x^2), degrees 6 and 4, on |x| <= 3.76, exactly +-1 from there on. Absolute error 3e-7.
 *
 * The coefficients of erf are a minimax fit made for this file; those of exp are the classical ones of Cephes (expf).
 * NaN gives NaN: comparisons are arranged so that it passes through.
 */

/** acc + a b. */
// @ts-ignore: decorator
@inline
export function madd(acc: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, acc);
  return f32x4.add(acc, f32x4.mul(a, b));
}

/** Sum of the four. */
// @ts-ignore: decorator
@inline
export function sumOf(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** Largest of the four. */
// @ts-ignore: decorator
@inline
export function maxOf(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** The first `count` of four numbers, 0 to 4; the others are 0. */
// @ts-ignore: decorator
@inline
export function loadSome(address: usize, count: i32): v128 {
  if (count >= 4) return v128.load(address);
  let v = f32x4.splat(0);
  if (count > 0) v = f32x4.replace_lane(v, 0, load<f32>(address));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(address, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(address, 8));
  return v;
}

// @ts-ignore: decorator
@inline
export function storeSome(address: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(address, v);
    return;
  }
  if (count > 0) store<f32>(address, f32x4.extract_lane(v, 0));
  if (count > 1) store<f32>(address, f32x4.extract_lane(v, 1), 4);
  if (count > 2) store<f32>(address, f32x4.extract_lane(v, 2), 8);
}

// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  const magic = f32x4.splat(12582912);
  const low = f32x4.splat(-87.33654);
  const kept = f32x4.pmin(f32x4.pmax(x, low), f32x4.splat(88.72283));
  const shifted = f32x4.add(f32x4.mul(kept, f32x4.splat(1.44269504)), magic);
  const n = f32x4.sub(shifted, magic);
  let f = f32x4.sub(kept, f32x4.mul(n, f32x4.splat(0.693359375)));
  f = f32x4.sub(f, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
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

/** exp for x <= 0 or NaN, as a softmax needs it. */
// @ts-ignore: decorator
@inline
export function expNegative(x: v128): v128 {
  const magic = f32x4.splat(12582912);
  const low = f32x4.splat(-87.33654);
  const kept = f32x4.pmax(x, low);
  const shifted = f32x4.add(f32x4.mul(kept, f32x4.splat(1.44269504)), magic);
  const n = f32x4.sub(shifted, magic);
  let f = f32x4.sub(kept, f32x4.mul(n, f32x4.splat(0.693359375)));
  f = f32x4.sub(f, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, f), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(f, f), p), f), f32x4.splat(1));
  const power = i32x4.shl(i32x4.sub(shifted, i32x4.splat(0x4b400000 - 127)), 23);
  return v128.andnot(f32x4.mul(p, power), f32x4.lt(x, low));
}

// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  const end = f32x4.splat(3.76);
  const t = f32x4.pmin(f32x4.pmax(x, f32x4.neg(end)), end);
  const u = f32x4.mul(t, t);
  let p = f32x4.splat(2.175455726671771e-8);
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(-0.0000020335633053036872));
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.0001381833280902356));
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.0033937026746571064));
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.04951665177941322));
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(0.1916590929031372));
  p = f32x4.add(f32x4.mul(p, u), f32x4.splat(1.128378987312317));
  let q = f32x4.splat(0.0008935103542171419);
  q = f32x4.add(f32x4.mul(q, u), f32x4.splat(0.013686023652553558));
  q = f32x4.add(f32x4.mul(q, u), f32x4.splat(0.11162219941616058));
  q = f32x4.add(f32x4.mul(q, u), f32x4.splat(0.503183901309967));
  q = f32x4.add(f32x4.mul(q, u), f32x4.splat(1));
  return f32x4.div(f32x4.mul(t, p), q);
}

/** Exact GELU: z Phi(z) = z/2 (1 + erf(z / sqrt 2)). */
// @ts-ignore: decorator
@inline
export function gelu(z: v128): v128 {
  const half = f32x4.mul(z, f32x4.splat(0.5));
  return f32x4.add(half, f32x4.mul(half, erf(f32x4.mul(z, f32x4.splat(0.7071067811865476)))));
}

/** Its derivative: Phi(z) + z phi(z), phi the standard normal density. */
// @ts-ignore: decorator
@inline
export function geluDerivative(z: v128): v128 {
  const half = f32x4.splat(0.5);
  const cdf = f32x4.add(half, f32x4.mul(half, erf(f32x4.mul(z, f32x4.splat(0.7071067811865476)))));
  const square = f32x4.mul(f32x4.mul(z, z), f32x4.splat(-0.5));
  const density = f32x4.mul(expNegative(square), f32x4.splat(0.3989422804014327));
  return f32x4.add(cdf, f32x4.mul(z, density));
}

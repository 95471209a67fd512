/**
 * Random numbers of the symmetric beta distribution, Beta(a, a) on [0, 1]: x / (x + y) with x and y of the gamma
 * distribution Gamma(a).
 *
 * Source: Marsaglia & Tsang 2000, "A Simple Method for Generating Gamma Variables", which is for a >= 1; a smaller one is
 * that of a + 1 times u^(1 / a). Logarithms are compared and added, because u^(1 / a) of a small a is 0 as a number.
 */
import type {Random} from './shuffle.js';

/** @param a above 0; near 0 nearly all draws are 0 or 1, 1 is uniform. */
export function symmetricBeta(a: number, random: Random): number {
  const x = logGamma(a, random);
  const y = logGamma(a, random);
  return 1 / (1 + Math.exp(y - x));
}

/** Logarithm of a draw of Gamma(a). */
function logGamma(a: number, random: Random): number {
  if (a < 1) return logGamma(a + 1, random) + Math.log(1 - random()) / a;
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const z = normal(random);
    const v = (1 + c * z) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random()) < (z * z) / 2 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** A draw of the normal distribution (Box & Muller 1958). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

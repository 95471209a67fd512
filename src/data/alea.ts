/**
 * Alea, Johannes Baagoe's generator of uniform random numbers: three fractions of 32 bits and a carry,
 *
 *     t = 2091639 s0 + c 2^-32,   c = floor(t),   (s0, s1, s2) = (s1, s2, t - c),   the next number is s2
 *
 * whose start is mashed from the characters of a key. The streams are those of `alea` in the package seedrandom, which
 * is CommonJS and so cannot be loaded by a page without a bundler.
 *
 * Source: https://github.com/nquinlan/better-random-numbers-for-javascript-mirror (MIT licence).
 */

const TWO_32 = 0x100000000;

/** A stream of uniform random numbers in [0, 1); `int32` gives 32 random bits as a signed integer. */
export type RandomStream = (() => number) & {int32(): number};

/** Hashes strings to fractions in [0, 1); each result depends on all strings so far. */
function mashing(): (text: string) => number {
  let n = 0xefc8249d;
  return (text) => {
    for (let i = 0; i < text.length; i++) {
      n += text.charCodeAt(i);
      let h = 0.02519603282416938 * n;
      n = h >>> 0;
      h -= n;
      h *= n;
      n = h >>> 0;
      h -= n;
      n += h * TWO_32;
    }
    return (n >>> 0) / TWO_32;
  };
}

/** The stream of a key. */
export function alea(key: string): RandomStream {
  const mash = mashing();
  const start = [mash(' '), mash(' '), mash(' ')];
  let [s0, s1, s2] = start.map((fraction) => {
    const rest = fraction - mash(key);
    return rest < 0 ? rest + 1 : rest;
  }) as [number, number, number];
  let carry = 1;
  const next = () => {
    const t = 2091639 * s0 + carry / TWO_32;
    carry = Math.floor(t);
    [s0, s1, s2] = [s1, s2, t - carry];
    return s2;
  };
  return Object.assign(next, {int32: () => (next() * TWO_32) | 0});
}

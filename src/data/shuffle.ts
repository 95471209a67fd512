/**
 * Seeded random order: Fisher-Yates over Alea. Every random choice of the data code goes
 * through a string key such as `7/epoch/3`, so that it does not depend on what was drawn before.
 */

import {alea, type RandomStream} from './alea.js';

export type {RandomStream} from './alea.js';

/** What a caller may give as a seed; `1` and `'1'` are the same seed. */
export type Seed = number | string;

/** A function of uniform random numbers in [0, 1). */
export type Random = () => number;

/** An independent random stream for `key`. */
export function randomStream(key: string): RandomStream {
  return alea(key);
}

/** A new array with the elements of `items` in the random order that `key` stands for. */
export function shuffled<T>(items: readonly T[], key: string): T[] {
  const random = randomStream(key);
  const order = items.slice();
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}

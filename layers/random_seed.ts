/** Where the random numbers of a layer come from. */

/** A seed for the layer's use number `use` of randomness: derived from its own, or a fresh one where it has none. */
export function derivedSeed(seed: number | undefined, use: number): number {
  return ((seed ?? Math.floor(Math.random() * 2 ** 31)) + 7919 * use) % 2 ** 31;
}

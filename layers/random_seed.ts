/** Where the random numbers of a layer come from. */

/** A seed for the layer's use number `use` of randomness: derived from its own, or a fresh one where it has none. */
export function derivedSeed(seed: number | undefined, use: number): number {
  return ((seed ?? Math.floor(Math.random() * 2 ** 31)) + 7919 * use) % 2 ** 31;
}

/** A layer that draws random numbers in training. How often it has drawn decides, with its seed, what it draws next. */
export interface RandomLayer {
  /** Draws so far; set it to go on where another layer of the same seed is. */
  randomUses: number;
}

/** What is planned over all blocks of a network: their drop-path rates, and seeds for the layers. */

/** A drop-path rate per block, growing linearly from 0 to `last`. */
export function dropPathRates(last: number, blocks: number): number[] {
  return Array.from({length: blocks}, (_, i) => (last * i) / Math.max(blocks - 1, 1));
}

/**
 * Seeds for one layer after the other, undefined without a seed to start from. They are a thousand apart: a stage counts up
 * from its own, one per weight.
 */
export function seedCounter(seed: number | undefined): () => number | undefined {
  let count = 0;
  return () => (seed === undefined ? undefined : seed + 1000 * ++count);
}

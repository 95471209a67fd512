/**
 * Weights in the order in which products read them (assembly/arithmetic/pack.ts).
 *
 * A weight that is multiplied with few rows is packed for longer than it is multiplied. Such a one is kept packed from
 * its second use on: in training, where every step makes new weights, none is. Tensors never change; a variable that is
 * assigned to has new data. What is kept goes with the data it was made from.
 */
import type * as tf from '@tensorflow/tfjs-core';

/** What packing needs of the module. */
interface Packer {
  packPanels(b: number, ldb: number, k: number, n: number, transposed: number, to: number): void;
  panelBytes(k: number, n: number): number;
  sharedScratch(bytes: number): number;
}

interface Heap {
  allocate(bytes: number): number;
  free(address: number): void;
}

/** A right factor B [K, N]: it lies so, or as [N, K]. */
interface Factor {
  k: number;
  n: number;
  transposed: boolean;
}

/** From this many rows on packing costs less than 2 % of the product. */
const MANY_ROWS = 400;

interface Kept {
  uses: number;
  /** Address of the panels; 0 as long as there are none. */
  panels: number;
  bytes: number;
}

export class PackedWeights {
  private readonly kept = new Map<tf.DataId, [plain?: Kept, transposed?: Kept]>();
  private held = 0;

  constructor(
    private readonly packer: () => Packer,
    private readonly heap: Heap,
  ) {}

  /** Bytes held. */
  get bytes(): number {
    return this.held;
  }

  /**
   * The panels of `weight`, which lies at `at`, for a product with `rows` rows. Panels that are not kept are made at `to`,
   * without it in the scratch memory, where they are good until the next kernel.
   */
  panels(weight: tf.TensorInfo, at: number, factor: Factor, rows: number, to?: number): number {
    if (rows >= MANY_ROWS) return this.pack(at, factor, to);
    const which = factor.transposed ? 1 : 0;
    const entry = this.kept.get(weight.dataId) ?? [];
    this.kept.set(weight.dataId, entry);
    entry[which] ??= {uses: 0, panels: 0, bytes: 0};
    const one = entry[which];
    one.uses++;
    if (one.panels === 0) {
      if (one.uses < 2) return this.pack(at, factor, to);
      const bytes = this.packer().panelBytes(factor.k, factor.n);
      one.panels = this.pack(at, factor, this.heap.allocate(bytes));
      one.bytes = bytes;
      this.held += bytes;
    }
    return one.panels;
  }

  private pack(
    at: number,
    {k, n, transposed}: Factor,
    to = this.packer().sharedScratch(this.packer().panelBytes(k, n)),
  ): number {
    this.packer().packPanels(at, 4 * (transposed ? k : n), k, n, transposed ? 1 : 0, to);
    return to;
  }

  /** To be called when data is gone. */
  forget(dataId: tf.DataId): void {
    for (const one of this.kept.get(dataId) ?? []) {
      if (one && one.panels !== 0) {
        this.heap.free(one.panels);
        this.held -= one.bytes;
      }
    }
    this.kept.delete(dataId);
  }

  /** Gives back everything that is kept. */
  clear(): void {
    for (const dataId of [...this.kept.keys()]) this.forget(dataId);
  }
}

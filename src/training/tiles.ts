/**
 * The tiles that cover an axis, and the weights with which they blend: along an axis of n cells, tiles of t cells begin at
 *
 *     0, s, 2s, ..., n - t     with s = floor(t (1 - overlap)), the last one moved back so that it ends with the axis
 *
 * and cell i of a tile has the weight exp(-((i - (t - 1) / 2) / (t / 8))^2 / 2), a Gaussian: what a network says of a
 * tile's border, where it sees half of the surroundings, counts little against what another tile says of the same place.
 * A tile's weight at (y, x) is the product of both axes' weights, and so is the sum of the weights of all tiles there.
 *
 * Source: MONAI, sliding_window_inference with mode 'gaussian', sigma_scale 0.125.
 */

/** The tiles of an axis. */
export interface AxisTiles {
  /** Cells of a tile: the whole axis where that is shorter. */
  length: number;
  /** First cell of each tile. */
  starts: number[];
  /** Weight of each cell of a tile, [length]. */
  weights: Float64Array;
  /** Sum over the tiles of their weights at each cell of the axis, [cells]. */
  total: Float64Array;
}

/**
 * @param cells of the axis.
 * @param tile cells of a tile.
 * @param overlap share of a tile that the next one covers again, in [0, 1).
 */
export function axisTiles(cells: number, tile: number, overlap: number): AxisTiles {
  const length = Math.min(tile, cells);
  const step = Math.max(1, Math.floor(length * (1 - overlap)));
  const starts: number[] = [];
  for (let start = 0; start + length < cells; start += step) starts.push(start);
  starts.push(cells - length);
  const sigma = length / 8;
  const weights = Float64Array.from({length}, (_, i) =>
    // A single tile has nothing to blend with, and its values stay as they are.
    starts.length === 1 ? 1 : Math.exp(-(((i - (length - 1) / 2) / sigma) ** 2) / 2),
  );
  const total = new Float64Array(cells);
  for (const start of starts) {
    for (let i = 0; i < length; i++) total[start + i] += weights[i];
  }
  return {length, starts, weights, total};
}

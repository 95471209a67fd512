/**
 * Which entry of the relative position bias table belongs to a pair of tokens: integers only.
 *
 *   index(i, j) = (yi - yj + Wh - 1) (2 Ww - 1) + (xi - xj + Ww - 1),   i the query, j the key
 *
 * The table has (2 Wh - 1)(2 Ww - 1) rows, laid out for windowSize [Wh, Ww]. A clamped window uses the
 * rows around its centre, so that equal offsets share one bias whatever the size of the map.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.2, "Relative position bias"; microsoft/Swin-Transformer.
 */
import type {Pair} from './windows.js';

/** Number of rows of the table of a window: (2 Wh - 1)(2 Ww - 1). */
export function relativeTableSize(windowSize: Pair): number {
  return (2 * windowSize[0] - 1) * (2 * windowSize[1] - 1);
}

/** Row of the table for each pair of tokens of `window`, [N, N] (query before key). */
export function relativePositionIndex(windowSize: Pair, window: Pair = windowSize): Int32Array {
  const [height, width] = window;
  const tokens = height * width;
  const index = new Int32Array(tokens * tokens);
  for (let q = 0; q < tokens; q++) {
    for (let k = 0; k < tokens; k++) {
      const dy = Math.floor(q / width) - Math.floor(k / width);
      const dx = (q % width) - (k % width);
      index[q * tokens + k] = (dy + windowSize[0] - 1) * (2 * windowSize[1] - 1) + (dx + windowSize[1] - 1);
    }
  }
  return index;
}

/**
 * Log-spaced relative coordinates of every row of the table, [(2 Wh - 1)(2 Ww - 1), 2] as (y, x):
 *
 *   sign(d) log2(1 + |8 d / (w - 1)|) / log2(8),   d = -(W - 1) .. W - 1
 *
 * with w the window the weights were trained with. An axis of one token has the coordinate 0.
 *
 * Source: Liu et al. 2022, "Swin Transformer V2", section 3.3, "Log-spaced continuous position bias".
 */
export function logSpacedCoordinates(windowSize: Pair, pretrained: Pair = windowSize): Float32Array {
  const [height, width] = [2 * windowSize[0] - 1, 2 * windowSize[1] - 1];
  const coordinates = new Float32Array(height * width * 2);
  const logSpaced = (distance: number, window: number) =>
    (Math.sign(distance) * Math.log2(1 + Math.abs((8 * distance) / Math.max(window - 1, 1)))) / 3;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      coordinates[2 * (y * width + x)] = logSpaced(y - windowSize[0] + 1, pretrained[0]);
      coordinates[2 * (y * width + x) + 1] = logSpaced(x - windowSize[1] + 1, pretrained[1]);
    }
  }
  return coordinates;
}

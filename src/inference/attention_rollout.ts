/**
 * Attention rollout: which cells of the image an output of the network was made of, as far as attention tells.
 *
 *     r_out            1 for the output; of a map 1 / (H W) for each cell, or 1 for a chosen one
 *     block            r <- r M,  M = rows of (I + A) divided by their sum,  A = mean over the heads of softmax(S)
 *     several inputs   r is shared equally between them, as I + A shares it between a block's input and its attention
 *     merging          a cell's r goes in equal parts to the cells that it was made of (2x2, fewer at an odd border)
 *     expanding        a cell's r goes to the cell that it came from
 *
 * Attention in windows: A is zero outside of a cell's window, and a shifted window's cells have their place on the map, so
 * that A is one matrix over all cells whatever the windows. What goes to cells that padding added ('attended') is left out
 * before rows are divided by their sum. Computed is r from the output back to the image, one vector for each map, and never
 * a product of matrices.
 *
 * Between attention layers cells are taken to stay in their place: convolutions, norms and MLPs move nothing, pooling and
 * strides are as merging, and other changes of size go by the areas that cells cover. Outputs that are no maps, such as
 * pooled features, take equal parts of all cells. Rollout does not see the values: it is a sketch, no explanation.
 *
 * Source: Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", section 3 (there for one sequence without
 * windows, read forward as a product of matrices).
 */
import type * as tf from '@tensorflow/tfjs-core';
import type {AttentionRun, LayerAttention, MapSize, RunStep} from './attention_run.js';

/** Shares of the cells of a map, or one number for a tensor that is no map. */
type Shares = Float64Array;

/** Layers whose other inputs say only how large the result is. */
const SIZED_BY_OTHERS: Readonly<Record<string, AxisRule>> = {SwinCropLike: 'first', SwinCropValid: 'middle'};

/** How the cells of an axis come from another: by their areas, or cut out at the start or in the middle. */
type AxisRule = 'areas' | 'first' | 'middle';

/**
 * @param cell Row and column of the output's map to start from; default all cells alike.
 * @returns the share of each cell of the image, [H, W]; they sum to 1.
 */
export function attentionRollout(run: AttentionRun, cell?: readonly [number, number]): Float32Array {
  const shares = new Map<tf.Tensor, Shares>();
  for (const output of run.outputs) {
    const size = run.sizes.get(output);
    add(shares, output, startAt(size, cell), 1 / run.outputs.length);
  }
  for (const step of [...run.steps].reverse()) rollBack(step, run, shares);
  return Float32Array.from(shares.get(run.image) ?? []);
}

function startAt(size: MapSize | undefined, cell: readonly [number, number] | undefined): Shares {
  if (!size) return Float64Array.of(1);
  const [height, width] = size;
  const start = new Float64Array(height * width);
  if (cell) start[cell[0] * width + cell[1]] = 1;
  else start.fill(1 / start.length);
  return start;
}

function add(shares: Map<tf.Tensor, Shares>, tensor: tf.Tensor, more: Shares, factor: number): void {
  const sum = shares.get(tensor) ?? new Float64Array(more.length);
  for (let i = 0; i < more.length; i++) sum[i] += factor * more[i];
  shares.set(tensor, sum);
}

/** Moves the shares of what a layer returned to what it was given. */
function rollBack(
  {className, inputs, outputs, attention}: RunStep,
  run: AttentionRun,
  shares: Map<tf.Tensor, Shares>,
) {
  const cut = SIZED_BY_OTHERS[className];
  const sources = cut ? inputs.slice(0, 1) : inputs;
  for (const output of outputs) {
    let share = shares.get(output);
    if (!share) continue;
    shares.delete(output);
    let size = run.sizes.get(output);
    for (const one of [...attention].reverse()) {
      share = throughAttention(moved(share, size, one.size, 'areas'), one);
      size = one.size;
    }
    for (const input of sources) {
      add(shares, input, moved(share, size, run.sizes.get(input), cut ?? 'areas'), 1 / sources.length);
    }
  }
}

/** r M. */
function throughAttention(shares: Shares, attention: LayerAttention): Shares {
  const {windows, heads, tokens, cells, probabilities, residual} = attention;
  const before = new Float64Array(shares.length);
  for (let w = 0; w < windows; w++) {
    const own = cells.subarray(w * tokens, (w + 1) * tokens);
    for (let q = 0; q < tokens; q++) {
      if (own[q] < 0 || shares[own[q]] === 0) continue;
      const row = new Float64Array(tokens);
      for (let h = 0; h < heads; h++) {
        const from = ((w * heads + h) * tokens + q) * tokens;
        for (let k = 0; k < tokens; k++) if (own[k] >= 0) row[k] += probabilities[from + k] / heads;
      }
      if (residual) row[q] += 1;
      let sum = row.reduce((a, b) => a + b);
      // All of it went to cells that padding added: nothing is known of where this cell came from but its place.
      if (sum === 0) sum = row[q] = 1;
      for (let k = 0; k < tokens; k++) if (own[k] >= 0) before[own[k]] += (shares[own[q]] * row[k]) / sum;
    }
  }
  return before;
}

/** Shares of a map's cells as shares of the cells of the map that it was made of. */
function moved(shares: Shares, from: MapSize | undefined, to: MapSize | undefined, rule: AxisRule): Shares {
  if (!to) return Float64Array.of(shares.reduce((a, b) => a + b, 0));
  const result = new Float64Array(to[0] * to[1]);
  if (!from) return result.fill(shares[0] / result.length);
  const rows = axisParts(from[0], to[0], rule);
  const columns = axisParts(from[1], to[1], rule);
  for (const [y, {first: top, weights: down}] of rows.entries()) {
    for (const [x, {first: left, weights: across}] of columns.entries()) {
      const share = shares[y * from[1] + x];
      for (let i = 0; i < down.length; i++) {
        for (let j = 0; j < across.length; j++) {
          result[(top + i) * to[1] + left + j] += share * down[i] * across[j];
        }
      }
    }
  }
  return result;
}

/** Which cells of an axis a cell was made of: from `first` on, in these parts, which sum to 1. */
interface Parts {
  first: number;
  weights: number[];
}

/** For each of `size` cells the cells of an axis of `before` that it was made of. */
function axisParts(size: number, before: number, rule: AxisRule): Parts[] {
  if (rule !== 'areas') {
    const offset = rule === 'first' ? 0 : Math.floor((before - size) / 2);
    return Array.from({length: size}, (_, i) => ({first: i + offset, weights: [1]}));
  }
  // Merging and strides, of odd maps too: cell i was made of the cells from i * stride on.
  const stride = Math.round(before / size);
  const exact = stride >= 1 && Math.ceil(before / stride) === size ? stride : before / size;
  return Array.from({length: size}, (_, i) => {
    const [start, end] = [i * exact, Math.min((i + 1) * exact, before)];
    const first = Math.floor(start + 1e-9);
    const last = Math.max(Math.ceil(end - 1e-9), first + 1);
    const covered = Array.from(
      {length: last - first},
      (_, k) => Math.min(end, first + k + 1) - Math.max(start, first + k),
    );
    return {first, weights: covered.map((length) => length / (end - start))};
  });
}

/**
 * What the forward and the backward pass of window attention share: their arguments, their scratch memory, and where the
 * tokens of a window lie.
 *
 * Token t of window w is cell ((row + shift) mod padded rows, (column + shift) mod padded columns) of the padded map. A
 * cell that padding added has no place in qkv; its row is that of `padding`: the pad token, or zeros. Same rules as
 * geometry/windows.ts.
 */
import {AttentionSizes} from './sizes';

/** Added to a score for a key that 'masked' padding added. */
const PADDING_MASK: f32 = -1e9;

/** Arguments of the units, forward and backward. */
@unmanaged
export class Attention extends AttentionSizes {
  qkv: usize;
  /** [heads][N][Np], what is added to the scores. */
  bias: usize;
  /** [heads], for cosine scores; 0 for dot products. */
  logitScale: usize;
  /** [3C], the row of a cell that padding added. */
  padding: usize;
  y: usize;
  /** How the work is cut. */
  windowsPerUnit: i32;
  headsPerUnit: i32;
  headUnits: i32;
  // Backward only.
  dy: usize;
  dqkv: usize;
  /** [heads][groups][N][Np] */
  dbias: usize;
  /** [heads][groups] */
  dscale: usize;
  /** [heads][groups][3][d], 0 where not wanted. */
  dpadding: usize;
  groups: i32;
}

/** Parts of a thread's own scratch that both passes use, in bytes from its beginning. */
@unmanaged
export class AttentionScratch {
  /** Address of each token's row in qkv, [N], then its number as a cell, [N], or -1 for a padded one. */
  rows: usize;
  cells: usize;
  /** Region of each token and what is added for a padded key, [Np] each. */
  regions: usize;
  padded: usize;
  /** q and k of a head, [N][d], scaled or normalised; 1 / norm of each row, [N]. */
  q: usize;
  k: usize;
  qNorm: usize;
  kNorm: usize;
  /** q as panels of its transpose, [Np / 8][d][8]. */
  qPanels: usize;
  /** Attention weights before division by their sum, [keys N][queries Np], and 1 / sum, [Np]. */
  weights: usize;
  inverse: usize;
}

/** Bytes at the beginning of the own scratch for the addresses of its parts. */
export const TABLE: usize = 128;

/** Whole cache lines. */
// @ts-expect-error: decorator
@inline
export function wholeLines(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

/** Lays the parts out from `at` on. With `scratch` null nothing is written. Returns the end. */
export function layOutScratch(
  scratch: AttentionScratch | null,
  at: usize,
  tokens: i32,
  columns: i32,
  headSize: i32,
): usize {
  const n = <usize>tokens;
  const np = <usize>columns;
  const d = <usize>headSize;
  const rows = at;
  const cells = rows + wholeLines(4 * n);
  const regions = cells + wholeLines(4 * n);
  const padded = regions + wholeLines(4 * np);
  const q = padded + wholeLines(4 * np);
  const k = q + wholeLines(4 * n * d);
  const qNorm = k + wholeLines(4 * n * d);
  const kNorm = qNorm + wholeLines(4 * n);
  const qPanels = kNorm + wholeLines(4 * n);
  const weights = qPanels + wholeLines(4 * np * d);
  const inverse = weights + wholeLines(4 * n * np);
  const end = inverse + wholeLines(4 * np);
  if (scratch) {
    scratch.rows = rows;
    scratch.cells = cells;
    scratch.regions = regions;
    scratch.padded = padded;
    scratch.q = q;
    scratch.k = k;
    scratch.qNorm = qNorm;
    scratch.kNorm = kNorm;
    scratch.qPanels = qPanels;
    scratch.weights = weights;
    scratch.inverse = inverse;
  }
  return end;
}

// @ts-expect-error: decorator
@inline
function regionAlong(position: i32, padded: i32, window: i32, shift: i32): i32 {
  if (shift == 0 || position < padded - window) return 0;
  return position < padded - shift ? 1 : 2;
}

/**
 * Finds the tokens of window `window` of the batch. Returns whether some key is hidden from some query.
 */
export function locateTokens(job: Attention, p: AttentionScratch, window: i32): bool {
  const perMap = job.countRows * job.countColumns;
  const map = window / perMap;
  const place = window % perMap;
  const top = (place / job.countColumns) * job.windowRows;
  const left = (place % job.countColumns) * job.windowColumns;
  const paddedRows = job.countRows * job.windowRows;
  const paddedColumns = job.countColumns * job.windowColumns;
  const rowBytes = (<usize>(3 * job.heads * job.headSize)) << 2;
  const shifted =
    (job.shiftRows > 0 && top + job.windowRows == paddedRows) ||
    (job.shiftColumns > 0 && left + job.windowColumns == paddedColumns);
  let added = false;
  let token: usize = 0;
  for (let i = 0; i < job.windowRows; i++) {
    let row = top + i + job.shiftRows;
    if (row >= paddedRows) row -= paddedRows;
    const rowRegion = 3 * regionAlong(top + i, paddedRows, job.windowRows, job.shiftRows);
    for (let j = 0; j < job.windowColumns; j++) {
      let column = left + j + job.shiftColumns;
      if (column >= paddedColumns) column -= paddedColumns;
      const inside = row < job.height && column < job.width;
      const cell = inside ? (map * job.height + row) * job.width + column : -1;
      added = added || !inside;
      store<i32>(p.cells + token, cell);
      store<usize>(p.rows + token, inside ? job.qkv + <usize>cell * rowBytes : job.padding);
      const region = rowRegion + regionAlong(left + j, paddedColumns, job.windowColumns, job.shiftColumns);
      store<i32>(p.regions + token, region);
      store<f32>(p.padded + token, inside || !job.masked ? 0 : PADDING_MASK);
      token += 4;
    }
  }
  for (let t = job.tokens; t < job.columns; t++) {
    store<i32>(p.regions + token, 0);
    store<f32>(p.padded + token, 0);
    token += 4;
  }
  return shifted || (added && job.masked);
}

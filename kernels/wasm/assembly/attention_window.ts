/**
 * What the forward and the backward pass of window attention share: where the tokens of a window lie, which keys a query
 * sees, how rows are gathered, and the attention weights of one window and head.
 *
 *   qkv [B, H, W, 3C], the last axis [q | k | v], each [heads][d];  N tokens in a window;  Np = N rounded up to 8
 *
 * Scores and weights lie transposed, [keys N][queries Np]: then maxima and sums over keys are those of whole vectors,
 * four queries at a time. The columns past N belong to queries that nobody asks; they are finite, and no use is made of
 * them.
 *
 * Token t of window w is cell ((row + shift) mod padded rows, (column + shift) mod padded columns) of the padded map. A
 * cell that padding added has no place in qkv; its row is that of `padding`: the pad token, or zeros. Same rules as
 * geometry/windows.ts.
 */
import {packPanel, packTransposedPanel} from './pack';
import {rowsTimes, stripsTimes} from './tile';
import {constants, unitArguments} from './threads';
import {exp, loadSome, softmaxExp, storeSome, sumOf} from './vector';

/** Added to a score between regions of a shifted map, and for a key that 'masked' padding added. */
const REGION_MASK: f32 = -100;
const PADDING_MASK: f32 = -1e9;

const MIN_NORM: f32 = 1e-12;
const MAX_LOGIT_SCALE: f32 = 4.605170185988092;

/** Arguments of the units, forward and backward. */
@unmanaged
export class Attention {
  qkv: usize;
  /** [heads][N][Np], what is added to the scores. */
  bias: usize;
  /** [heads], for cosine scores; 0 for dot products. */
  logitScale: usize;
  /** [3C], the row of a cell that padding added. */
  padding: usize;
  y: usize;
  heads: i32;
  headSize: i32;
  tokens: i32;
  /** Np. */
  columns: i32;
  scale: f32;
  height: i32;
  width: i32;
  windowRows: i32;
  windowColumns: i32;
  shiftRows: i32;
  shiftColumns: i32;
  countRows: i32;
  countColumns: i32;
  /** Whether padded keys are never attended. */
  masked: bool;
  dropRate: f32;
  seed: i32;
  /** Windows of the whole batch. */
  windows: i32;
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
export class Places {
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
  end: usize;
}

/** Bytes at the beginning of the own scratch for the addresses of its parts. */
export const PLACES: usize = 128;

/** Whole cache lines. */
// @ts-ignore: decorator
@inline
export function line(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

/** Lays the parts out from `at` on. With `places` 0 nothing is written. Returns the end. */
export function layOut(places: Places | null, at: usize, tokens: i32, columns: i32, headSize: i32): usize {
  const n = <usize>tokens;
  const np = <usize>columns;
  const d = <usize>headSize;
  const rows = at;
  const cells = rows + line(4 * n);
  const regions = cells + line(4 * n);
  const padded = regions + line(4 * np);
  const q = padded + line(4 * np);
  const k = q + line(4 * n * d);
  const qNorm = k + line(4 * n * d);
  const kNorm = qNorm + line(4 * n);
  const qPanels = kNorm + line(4 * n);
  const weights = qPanels + line(4 * np * d);
  const inverse = weights + line(4 * n * np);
  const end = inverse + line(4 * np);
  if (places) {
    places.rows = rows;
    places.cells = cells;
    places.regions = regions;
    places.padded = padded;
    places.q = q;
    places.k = k;
    places.qNorm = qNorm;
    places.kNorm = kNorm;
    places.qPanels = qPanels;
    places.weights = weights;
    places.inverse = inverse;
    places.end = end;
  }
  return end;
}

// @ts-ignore: decorator
@inline
function regionAlong(position: i32, padded: i32, window: i32, shift: i32): i32 {
  if (shift == 0 || position < padded - window) return 0;
  return position < padded - shift ? 1 : 2;
}

/**
 * Finds the tokens of window `window` of the batch. Returns whether some key is hidden from some query.
 */
export function locate(job: Attention, p: Places, window: i32): bool {
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

/** Copies `headSize` numbers at `offset` of every token's row, times `factor`, to [N][d]. */
export function gather(rows: usize, tokens: i32, offset: usize, headSize: i32, factor: f32, to: usize): void {
  const scale = f32x4.splat(factor);
  for (let t = 0; t < tokens; t++) {
    let from = load<usize>(rows + ((<usize>t) << 2)) + offset;
    const end = from + ((<usize>headSize) << 2);
    while (from + 16 <= end) {
      v128.store(to, f32x4.mul(v128.load(from), scale));
      from += 16;
      to += 16;
    }
    while (from < end) {
      store<f32>(to, load<f32>(from) * factor);
      from += 4;
      to += 4;
    }
  }
}

/** Divides every row of x [N][d] by its length, then multiplies it by `factor`; 1 / length goes to `inverse` [N]. */
function normalise(x: usize, tokens: i32, headSize: i32, factor: f32, inverse: usize): void {
  for (let t = 0; t < tokens; t++) {
    let squares = f32x4.splat(0);
    for (let i = 0; i < headSize; i += 4) {
      const v = loadSome(x + ((<usize>i) << 2), headSize - i);
      squares = f32x4.add(squares, f32x4.mul(v, v));
    }
    const length = sqrt<f32>(sumOf(squares));
    // Not max(): a NaN has to stay one.
    const reciprocal: f32 = 1 / (length < MIN_NORM ? MIN_NORM : length);
    store<f32>(inverse + ((<usize>t) << 2), reciprocal);
    const scale = f32x4.splat(reciprocal * factor);
    for (let i = 0; i < headSize; i += 4) {
      const at = x + ((<usize>i) << 2);
      storeSome(at, f32x4.mul(loadSome(at, headSize - i), scale), headSize - i);
    }
    x += (<usize>headSize) << 2;
  }
}

/** exp(min(logitScale, ln 100)) of a head. */
export function logitFactor(job: Attention, head: i32): f32 {
  const logit = load<f32>(job.logitScale + ((<usize>head) << 2));
  return f32x4.extract_lane(exp(f32x4.splat(logit > MAX_LOGIT_SCALE ? MAX_LOGIT_SCALE : logit)), 0);
}

/** Whether the gradient of a head's logit scale passes through its upper limit. */
export function logitPasses(job: Attention, head: i32): bool {
  return !(load<f32>(job.logitScale + ((<usize>head) << 2)) > MAX_LOGIT_SCALE);
}

/** Lowers the scores of keys that are hidden from a query. */
function hide(p: Places, tokens: i32, columns: usize): void {
  const mask = f32x4.splat(REGION_MASK);
  let scores = p.weights;
  for (let key: usize = 0; key < <usize>tokens << 2; key += 4) {
    const padded = v128.load32_splat(p.padded + key);
    const added = f32x4.lt(padded, f32x4.splat(0));
    const region = v128.load32_splat(p.regions + key);
    for (let at: usize = 0; at < columns; at += 16) {
      const elsewhere = v128.and(i32x4.ne(v128.load(p.regions + at), region), mask);
      const offset = v128.bitselect(padded, elsewhere, added);
      v128.store(scores + at, f32x4.add(v128.load(scores + at), offset));
    }
    scores += columns;
  }
}

/** c [N][Np] = a b^T + addend for a, b [N][d]; `panels` takes those of b^T; the addend may be left out (0). */
export function timesTransposed(
  a: usize,
  b: usize,
  tokens: i32,
  headSize: i32,
  panels: usize,
  columns: usize,
  c: usize,
  addend: usize,
): void {
  const bytes = (<usize>headSize) << 2;
  const count = (tokens + 7) >> 3;
  for (let panel = 0; panel < count; panel++) {
    packTransposedPanel(b, bytes, headSize, tokens, panel, panels + <usize>panel * (bytes << 3));
  }
  rowsTimes(tokens, a, bytes, panels, count, headSize, c, columns, 0, addend);
}

/** c [N][wide] = a b for a [N][Np], b [N][d] as panels. */
// @ts-ignore: decorator
@inline
export function timesRows(a: usize, columns: usize, panels: usize, tokens: i32, wide: i32, c: usize): void {
  rowsTimes(tokens, a, columns, panels, wide >> 3, tokens, c, (<usize>wide) << 2, 0, 0);
}

/** c [N][wide] = a^T b for a [N][Np], b [N][d] as panels. */
// @ts-ignore: decorator
@inline
export function timesColumns(a: usize, columns: usize, panels: usize, tokens: i32, wide: i32, c: usize): void {
  stripsTimes(tokens, a, 16, columns, panels, wide >> 3, tokens, c, (<usize>wide) << 2, false);
}

/** x [N][d] as panels. */
export function packAll(x: usize, tokens: i32, headSize: i32, to: usize): void {
  for (let panel = 0; panel < (headSize + 7) >> 3; panel++) {
    packPanel(x, (<usize>headSize) << 2, tokens, headSize, panel, to + (<usize>(panel * tokens) << 5));
  }
}

/**
 * The attention weights of a window and head: exp(S - max S) at p.weights and 1 / sum at p.inverse.
 * Leaves q (scaled) and k (both normalised for cosine scores) at p.q and p.k.
 */
export function weigh(job: Attention, p: Places, head: i32, hidden: bool): void {
  const tokens = job.tokens;
  const headSize = job.headSize;
  const columns = (<usize>job.columns) << 2;
  const bytes = (<usize>headSize) << 2;
  const offset = <usize>head * bytes;
  const channels = <usize>job.heads * bytes;
  const cosine = job.logitScale != 0;
  gather(p.rows, tokens, offset, headSize, cosine ? 1 : job.scale, p.q);
  gather(p.rows, tokens, channels + offset, headSize, 1, p.k);
  if (cosine) {
    normalise(p.q, tokens, headSize, logitFactor(job, head), p.qNorm);
    normalise(p.k, tokens, headSize, 1, p.kNorm);
  }
  const bias = job.bias + <usize>(head * tokens) * columns;
  timesTransposed(p.k, p.q, tokens, headSize, p.qPanels, columns, p.weights, bias);
  if (hidden) hide(p, tokens, columns);
  softmax(p, tokens, columns);
}

/** exp(S - max S) in place and 1 / sum, over the keys of each query, eight queries at a time. */
function softmax(p: Places, tokens: i32, columns: usize): void {
  const pool = constants();
  const size = <usize>tokens * columns;
  for (let query: usize = 0; query < columns; query += 32) {
    const scores = p.weights + query;
    const end = scores + size;
    let top0 = v128.load(scores);
    let top1 = v128.load(scores, 16);
    for (let at = scores + columns; at < end; at += columns) {
      top0 = f32x4.pmax(top0, v128.load(at));
      top1 = f32x4.pmax(top1, v128.load(at, 16));
    }
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    for (let at = scores; at < end; at += columns) {
      const weight0 = softmaxExp(f32x4.sub(v128.load(at), top0), pool);
      const weight1 = softmaxExp(f32x4.sub(v128.load(at, 16), top1), pool);
      v128.store(at, weight0);
      v128.store(at, weight1, 16);
      sum0 = f32x4.add(sum0, weight0);
      sum1 = f32x4.add(sum1, weight1);
    }
    const one = f32x4.splat(1);
    v128.store(p.inverse + query, f32x4.div(one, sum0));
    v128.store(p.inverse + query, f32x4.div(one, sum1), 16);
  }
}

/**
 * The factors of dropout for four weights: 1 / (1 - rate), or 0 with probability `rate`. A hash of the seed and the
 * weight's number (the finaliser of MurmurHash3), so that forward and backward agree without keeping anything.
 */
// @ts-ignore: decorator
@inline
export function dropped(job: Attention, number: i32): v128 {
  let h = i32x4.add(i32x4.splat(number), i32x4(0, 1, 2, 3));
  h = i32x4.add(i32x4.mul(h, i32x4.splat(0x9e3779b1)), i32x4.splat(job.seed * 0x27d4eb2d));
  h = v128.xor(h, i32x4.shr_u(h, 16));
  h = i32x4.mul(h, i32x4.splat(0x85ebca6b));
  h = v128.xor(h, i32x4.shr_u(h, 13));
  h = i32x4.mul(h, i32x4.splat(0xc2b2ae35));
  h = v128.xor(h, i32x4.shr_u(h, 16));
  const uniform = f32x4.mul(f32x4.convert_i32x4_u(i32x4.shr_u(h, 8)), f32x4.splat(5.9604644775390625e-8));
  const factor = f32x4.splat(1 / (1 - job.dropRate));
  return v128.and(f32x4.ge(uniform, f32x4.splat(job.dropRate)), factor);
}

/** The number of the first weight of a key, for `dropped`. */
// @ts-ignore: decorator
@inline
export function weightNumber(job: Attention, window: i32, head: i32, key: i32): i32 {
  return ((window * job.heads + head) * job.tokens + key) * job.columns;
}

/** Arguments as a kernel gets them, into the struct; `bias` and `padding` are set by the caller. */
export function describe(
  qkv: usize,
  logitScale: usize,
  batch: i32,
  height: i32,
  width: i32,
  heads: i32,
  headSize: i32,
  windowRows: i32,
  windowColumns: i32,
  shiftRows: i32,
  shiftColumns: i32,
  countRows: i32,
  countColumns: i32,
  masked: bool,
  scale: f32,
  dropRate: f32,
  seed: i32,
): Attention {
  const job = changetype<Attention>(unitArguments());
  job.qkv = qkv;
  job.logitScale = logitScale;
  job.heads = heads;
  job.headSize = headSize;
  job.tokens = windowRows * windowColumns;
  job.columns = (job.tokens + 7) & ~7;
  job.scale = scale;
  job.height = height;
  job.width = width;
  job.windowRows = windowRows;
  job.windowColumns = windowColumns;
  job.shiftRows = shiftRows;
  job.shiftColumns = shiftColumns;
  job.countRows = countRows;
  job.countColumns = countColumns;
  job.masked = masked;
  job.dropRate = dropRate;
  job.seed = seed;
  job.windows = batch * countRows * countColumns;
  return job;
}

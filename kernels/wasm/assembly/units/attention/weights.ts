/**
 * The attention weights of one window and head, and the products that both passes make of rows and weights.
 *
 * Scores and weights lie transposed, [keys N][queries Np]: then maxima and sums over keys are those of whole vectors,
 * four queries at a time. The columns past N belong to queries that nobody asks; they are finite, and no use is made of
 * them.
 */
import {packPanel, packTransposedPanel} from '../../arithmetic/pack';
import {rowsTimes, stripsTimes} from '../../arithmetic/tile';
import {exp, softmaxExp} from '../../arithmetic/transcendental';
import {loadSome, storeSome, sumOf} from '../../arithmetic/vector';
import {constants} from '../../ground/control_block';
import {Attention, AttentionScratch} from './window';

/** Added to a score between regions of a shifted map. */
const REGION_MASK: f32 = -100;

const MIN_NORM: f32 = 1e-12;
const MAX_LOGIT_SCALE: f32 = 4.605170185988092;

/** Copies `headSize` numbers at `offset` of every token's row, times `factor`, to [N][d]. */
export function gatherRows(
  rows: usize,
  tokens: i32,
  offset: usize,
  headSize: i32,
  factor: f32,
  to: usize,
): void {
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
function normaliseRows(x: usize, tokens: i32, headSize: i32, factor: f32, inverse: usize): void {
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
function maskScores(p: AttentionScratch, tokens: i32, columns: usize): void {
  const mask = f32x4.splat(REGION_MASK);
  let scores = p.weights;
  for (let key: usize = 0; key < (<usize>tokens) << 2; key += 4) {
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
export function rowsTimesTransposed(
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
// @ts-expect-error: decorator
@inline
export function rowsTimesPanels(
  a: usize,
  columns: usize,
  panels: usize,
  tokens: i32,
  wide: i32,
  c: usize,
): void {
  rowsTimes(tokens, a, columns, panels, wide >> 3, tokens, c, (<usize>wide) << 2, 0, 0);
}

/** c [N][wide] = a^T b for a [N][Np], b [N][d] as panels. */
// @ts-expect-error: decorator
@inline
export function columnsTimesPanels(
  a: usize,
  columns: usize,
  panels: usize,
  tokens: i32,
  wide: i32,
  c: usize,
): void {
  stripsTimes(tokens, a, 16, columns, panels, wide >> 3, tokens, c, (<usize>wide) << 2, false);
}

/** x [N][d] as panels. */
export function packRows(x: usize, tokens: i32, headSize: i32, to: usize): void {
  for (let panel = 0; panel < (headSize + 7) >> 3; panel++) {
    packPanel(x, (<usize>headSize) << 2, tokens, headSize, panel, to + ((<usize>(panel * tokens)) << 5));
  }
}

/**
 * The attention weights of a window and head: exp(S - max S) at p.weights and 1 / sum at p.inverse.
 * Leaves q (scaled) and k (both normalised for cosine scores) at p.q and p.k.
 */
export function attentionWeights(job: Attention, p: AttentionScratch, head: i32, hidden: bool): void {
  const tokens = job.tokens;
  const headSize = job.headSize;
  const columns = (<usize>job.columns) << 2;
  const bytes = (<usize>headSize) << 2;
  const offset = <usize>head * bytes;
  const channels = <usize>job.heads * bytes;
  const cosine = job.logitScale != 0;
  gatherRows(p.rows, tokens, offset, headSize, cosine ? 1 : job.scale, p.q);
  gatherRows(p.rows, tokens, channels + offset, headSize, 1, p.k);
  if (cosine) {
    normaliseRows(p.q, tokens, headSize, logitFactor(job, head), p.qNorm);
    normaliseRows(p.k, tokens, headSize, 1, p.kNorm);
  }
  const bias = job.bias + <usize>(head * tokens) * columns;
  rowsTimesTransposed(p.k, p.q, tokens, headSize, p.qPanels, columns, p.weights, bias);
  if (hidden) maskScores(p, tokens, columns);
  softmax(p, tokens, columns);
}

/** exp(S - max S) in place and 1 / sum, over the keys of each query, eight queries at a time. */
function softmax(p: AttentionScratch, tokens: i32, columns: usize): void {
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
// @ts-expect-error: decorator
@inline
export function dropoutFactors(job: Attention, number: i32): v128 {
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

/** The number of the first weight of a key, for `dropoutFactors`. */
// @ts-expect-error: decorator
@inline
export function weightNumber(job: Attention, window: i32, head: i32, key: i32): i32 {
  return ((window * job.heads + head) * job.tokens + key) * job.columns;
}

/**
 * The gradient of windowAttention by recompute: dqkv [B, H, W, 3C], the bias table's, and where wanted those of the logit
 * scale and of the pad token.
 *
 *   P = softmax(S), D dropout:  dP = D dy v^T,  dS = P (dP - sum over keys of dP P),
 *   dv = (P D)^T dy,  dq = scale dS k,  dk = dS^T (scale q),  dbias = sum of dS over windows
 *
 * For cosine scores q and k stand for q / |q| and k / |k|, scale for the logit factor, and dq, dk go on through
 * dx = (dh - h (h . dh)) / |x|; the logit scale's gradient is the sum of q dq. A unit is one head and a group of windows;
 * its sums over windows are its own, and are added up in the order of the groups.
 */
import {loadSome, storeSome, sumOf} from '../../arithmetic/vector';
import {ownScratch, unitArguments} from '../../ground/control_block';
import {AttentionSizes} from './sizes';
import {
  attentionWeights,
  columnsTimesPanels,
  dropoutFactors,
  gatherRows,
  logitFactor,
  logitPasses,
  packRows,
  rowsTimesPanels,
  rowsTimesTransposed,
  weightNumber,
} from './weights';
import {Attention, AttentionScratch, layOutScratch, locateTokens, TABLE, wholeLines} from './window';

/** What the backward pass keeps in a thread's own scratch besides. `wide` is d rounded up to whole panels. */
@unmanaged
class GradientScratch extends AttentionScratch {
  /** dy and v of a head, [N][d]. */
  dy: usize;
  v: usize;
  /** dy as panels of its transpose. */
  dyTransposed: usize;
  /** dy, k and q as panels. */
  dyPanels: usize;
  kPanels: usize;
  qRowPanels: usize;
  /** dP, then dS, [keys N][queries Np]. */
  ds: usize;
  /** [N][wide]. */
  dq: usize;
  dk: usize;
  dv: usize;
  /** Address of each token's row in dy, [N]. */
  dyRows: usize;
}

/** Lays the parts out from `at` on. With `scratch` null nothing is written. Returns the end. */
function layOutGradientScratch(scratch: GradientScratch | null, at: usize, sizes: AttentionSizes): usize {
  const n = <usize>sizes.tokens;
  const d = <usize>sizes.headSize;
  const np = <usize>sizes.columns;
  const rowsBytes = wholeLines(4 * n * <usize>((sizes.headSize + 7) & ~7));
  const dy = wholeLines(layOutScratch(scratch, at, sizes.tokens, sizes.columns, sizes.headSize));
  const v = dy + wholeLines(4 * n * d);
  const dyTransposed = v + wholeLines(4 * n * d);
  const dyPanels = dyTransposed + wholeLines(4 * np * d);
  const kPanels = dyPanels + rowsBytes;
  const qRowPanels = kPanels + rowsBytes;
  const ds = qRowPanels + rowsBytes;
  const dq = ds + wholeLines(4 * n * np);
  const dk = dq + rowsBytes;
  const dv = dk + rowsBytes;
  const dyRows = dv + rowsBytes;
  if (scratch) {
    scratch.dy = dy;
    scratch.v = v;
    scratch.dyTransposed = dyTransposed;
    scratch.dyPanels = dyPanels;
    scratch.kPanels = kPanels;
    scratch.qRowPanels = qRowPanels;
    scratch.ds = ds;
    scratch.dq = dq;
    scratch.dk = dk;
    scratch.dv = dv;
    scratch.dyRows = dyRows;
  }
  return dyRows + wholeLines(4 * n);
}

/** Bytes of own scratch. */
export function gradientScratchBytes(sizes: AttentionSizes): usize {
  return layOutGradientScratch(null, TABLE, sizes);
}

/**
 * From the weights before division, and dP at `gradients`: dS = P (D dP - sum over keys of D dP P) at `gradients`, added
 * to `sums` as well, and P D at the weights. All [keys N][queries Np], eight queries at a time.
 */
function softmaxGradient(
  job: Attention,
  p: AttentionScratch,
  window: i32,
  head: i32,
  columns: usize,
  gradients: usize,
  sums: usize,
): void {
  const size = <usize>job.tokens * columns;
  const drop = job.dropRate > 0;
  const number = weightNumber(job, window, head, 0);
  for (let query: usize = 0; query < columns; query += 32) {
    const inverse0 = v128.load(p.inverse + query);
    const inverse1 = v128.load(p.inverse + query, 16);
    let along0 = f32x4.splat(0);
    let along1 = along0;
    for (let at = query; at < size; at += columns) {
      const weight0 = f32x4.mul(v128.load(p.weights + at), inverse0);
      const weight1 = f32x4.mul(v128.load(p.weights + at, 16), inverse1);
      v128.store(p.weights + at, weight0);
      v128.store(p.weights + at, weight1, 16);
      let gradient0 = v128.load(gradients + at);
      let gradient1 = v128.load(gradients + at, 16);
      if (drop) {
        gradient0 = f32x4.mul(gradient0, dropoutFactors(job, number + <i32>(at >> 2)));
        gradient1 = f32x4.mul(gradient1, dropoutFactors(job, number + <i32>(at >> 2) + 4));
        v128.store(gradients + at, gradient0);
        v128.store(gradients + at, gradient1, 16);
      }
      along0 = f32x4.add(along0, f32x4.mul(weight0, gradient0));
      along1 = f32x4.add(along1, f32x4.mul(weight1, gradient1));
    }
    for (let at = query; at < size; at += columns) {
      const weight0 = v128.load(p.weights + at);
      const weight1 = v128.load(p.weights + at, 16);
      const gradient0 = f32x4.mul(weight0, f32x4.sub(v128.load(gradients + at), along0));
      const gradient1 = f32x4.mul(weight1, f32x4.sub(v128.load(gradients + at, 16), along1));
      v128.store(gradients + at, gradient0);
      v128.store(gradients + at, gradient1, 16);
      v128.store(sums + at, f32x4.add(v128.load(sums + at), gradient0));
      v128.store(sums + at, f32x4.add(v128.load(sums + at, 16), gradient1), 16);
      if (drop) {
        v128.store(p.weights + at, f32x4.mul(weight0, dropoutFactors(job, number + <i32>(at >> 2))));
        v128.store(p.weights + at, f32x4.mul(weight1, dropoutFactors(job, number + <i32>(at >> 2) + 4)), 16);
      }
    }
  }
}

/**
 * From dh [wide] of h = x / |x| * factor, with `h` [d] at hand, the gradient of x, in place:
 * dx = (u - unit (unit . u)) / |x| with u = factor dh and unit = h / factor.
 */
function normGradient(dh: usize, h: usize, headSize: i32, factor: f32, inverse: f32): void {
  let along = f32x4.splat(0);
  for (let i = 0; i < headSize; i += 4) {
    const at = (<usize>i) << 2;
    along = f32x4.add(along, f32x4.mul(loadSome(dh + at, headSize - i), loadSome(h + at, headSize - i)));
  }
  // unit . u = (h / factor) . (factor dh) = h . dh
  const dot = f32x4.splat(sumOf(along) / factor);
  const up = f32x4.splat(factor);
  const scale = f32x4.splat(inverse);
  for (let i = 0; i < headSize; i += 4) {
    const at = (<usize>i) << 2;
    const u = f32x4.mul(loadSome(dh + at, headSize - i), up);
    const rest = f32x4.sub(u, f32x4.mul(loadSome(h + at, headSize - i), dot));
    storeSome(dh + at, f32x4.mul(rest, scale), headSize - i);
  }
}

/** Where token's gradients go: into dqkv, or added to the sums of the padded cells. */
function scatterRow(from: usize, to: usize, headSize: i32, factor: f32, add: bool): void {
  const scale = f32x4.splat(factor);
  for (let i = 0; i < headSize; i += 4) {
    const at = (<usize>i) << 2;
    let v = f32x4.mul(loadSome(from + at, headSize - i), scale);
    if (add) v = f32x4.add(v, loadSome(to + at, headSize - i));
    storeSome(to + at, v, headSize - i);
  }
}

/**
 * The gradients of a window's tokens to where they belong. `dpadding` takes those of padded cells; 0 drops them. Returns
 * `dscale`, to which the sum of q dq is added for cosine scores.
 */
function scatterGradients(
  job: Attention,
  p: GradientScratch,
  head: i32,
  factor: f32,
  dpadding: usize,
  dscale: f64,
): f64 {
  const headSize = job.headSize;
  const bytes = (<usize>headSize) << 2;
  const wideBytes = (<usize>((headSize + 7) & ~7)) << 2;
  const channels = <usize>job.heads * bytes;
  const cosine = job.logitScale != 0;
  for (let token = 0; token < job.tokens; token++) {
    const dq = p.dq + <usize>token * wideBytes;
    const dk = p.dk + <usize>token * wideBytes;
    if (cosine) {
      const q = p.q + <usize>token * bytes;
      const k = p.k + <usize>token * bytes;
      let along = f32x4.splat(0);
      for (let i = 0; i < headSize; i += 4) {
        const at = (<usize>i) << 2;
        along = f32x4.add(along, f32x4.mul(loadSome(q + at, headSize - i), loadSome(dq + at, headSize - i)));
      }
      dscale += <f64>sumOf(along);
      normGradient(dq, q, headSize, factor, load<f32>(p.qNorm + ((<usize>token) << 2)));
      normGradient(dk, k, headSize, 1, load<f32>(p.kNorm + ((<usize>token) << 2)));
    }
    const cell = load<i32>(p.cells + ((<usize>token) << 2));
    const padded = cell < 0;
    if (padded && dpadding == 0) continue;
    const to = padded ? dpadding : job.dqkv + <usize>cell * 3 * channels + <usize>head * bytes;
    const step = padded ? bytes : channels;
    scatterRow(dq, to, headSize, cosine ? 1 : factor, padded);
    scatterRow(dk, to + step, headSize, 1, padded);
    scatterRow(p.dv + <usize>token * wideBytes, to + 2 * step, headSize, 1, padded);
  }
  return dscale;
}

export function attentionGradUnit(index: i32): void {
  const job = changetype<Attention>(unitArguments());
  const p = changetype<GradientScratch>(ownScratch());
  layOutGradientScratch(p, ownScratch() + TABLE, job);
  const tokens = job.tokens;
  const headSize = job.headSize;
  const n = <usize>tokens;
  const wide = (headSize + 7) & ~7;
  const bytes = (<usize>headSize) << 2;
  const columns = (<usize>job.columns) << 2;
  const channels = <usize>job.heads * bytes;
  const head = index / job.groups;
  const group = index % job.groups;
  const first = <i32>((<i64>job.windows * group) / job.groups);
  const last = <i32>((<i64>job.windows * (group + 1)) / job.groups);
  const dbias = job.dbias + <usize>index * n * columns;
  memory.fill(dbias, 0, n * columns);
  const dpadding = job.dpadding != 0 ? job.dpadding + <usize>index * 3 * bytes : 0;
  if (dpadding != 0) memory.fill(dpadding, 0, 3 * bytes);
  const cosine = job.logitScale != 0;
  const factor: f32 = cosine ? logitFactor(job, head) : job.scale;
  const offset = <usize>head * bytes;
  let dscale: f64 = 0;

  for (let window = first; window < last; window++) {
    const hidden = locateTokens(job, p, window);
    for (let token: usize = 0; token < n << 2; token += 4) {
      const cell = load<i32>(p.cells + token);
      // The result of a padded cell is used by nobody: its dy is 0. The zeros are the caller's.
      store<usize>(p.dyRows + token, cell < 0 ? job.y : job.dy + <usize>cell * channels + offset);
    }
    attentionWeights(job, p, head, hidden);
    gatherRows(p.rows, tokens, 2 * channels + offset, headSize, 1, p.v);
    gatherRows(p.dyRows, tokens, 0, headSize, 1, p.dy);
    packRows(p.dy, tokens, headSize, p.dyPanels);
    packRows(p.k, tokens, headSize, p.kPanels);
    packRows(p.q, tokens, headSize, p.qRowPanels);

    // dP = dy v^T, transposed
    rowsTimesTransposed(p.v, p.dy, tokens, headSize, p.dyTransposed, columns, p.ds, 0);
    softmaxGradient(job, p, window, head, columns, p.ds, dbias);
    rowsTimesPanels(p.weights, columns, p.dyPanels, tokens, wide, p.dv);
    columnsTimesPanels(p.ds, columns, p.kPanels, tokens, wide, p.dq);
    rowsTimesPanels(p.ds, columns, p.qRowPanels, tokens, wide, p.dk);
    dscale = scatterGradients(job, p, head, factor, dpadding, dscale);
  }
  if (cosine) {
    store<f32>(job.dscale + ((<usize>index) << 2), logitPasses(job, head) ? <f32>dscale : 0);
  }
}

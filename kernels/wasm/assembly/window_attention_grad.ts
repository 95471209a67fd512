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
import {reserveOwnScratch, sharedScratch} from './arena';
import {
  Attention,
  describe,
  dropped,
  gather,
  layOut,
  line,
  locate,
  logitFactor,
  logitPasses,
  packAll,
  PLACES,
  Places,
  timesColumns,
  timesRows,
  timesTransposed,
  weigh,
  weightNumber,
} from './attention_window';
import {ATTENTION_GRAD} from './kinds';
import {expandBias, reduceBias} from './relative_bias';
import {ownScratch, parallel, unitArguments} from './threads';
import {loadSome, storeSome, sumOf} from './vector';

/** Units that a backward pass is cut into, if it has as many windows. */
const UNITS: i32 = 64;

function scratchFor(tokens: i32, columns: i32, headSize: i32): usize {
  const n = <usize>tokens;
  const d = <usize>headSize;
  const np = <usize>columns;
  const wide = <usize>((headSize + 7) & ~7);
  const base = line(layOut(null, PLACES, tokens, columns, headSize));
  // dy and v; dy transposed as panels; dy, k and q as panels; dS; dq, dk, dv; addresses of dy's rows.
  return base + 2 * line(4 * n * d) + line(4 * np * d) + 3 * line(4 * n * wide) + line(4 * n * np) +
    3 * line(4 * n * wide) + line(4 * n);
}

/**
 * From the weights before division, and dP at `gradients`: dS = P (D dP - sum over keys of D dP P) at `gradients`, added to
 * `sums` as well, and P D at the weights. All [keys N][queries Np], eight queries at a time.
 */
function throughSoftmax(
  job: Attention,
  p: Places,
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
        gradient0 = f32x4.mul(gradient0, dropped(job, number + <i32>(at >> 2)));
        gradient1 = f32x4.mul(gradient1, dropped(job, number + <i32>(at >> 2) + 4));
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
        v128.store(p.weights + at, f32x4.mul(weight0, dropped(job, number + <i32>(at >> 2))));
        v128.store(p.weights + at, f32x4.mul(weight1, dropped(job, number + <i32>(at >> 2) + 4)), 16);
      }
    }
  }
}

/**
 * From dh [wide] of h = x / |x| * factor, with `h` [d] at hand, the gradient of x, in place:
 * dx = (u - unit (unit . u)) / |x| with u = factor dh and unit = h / factor.
 */
function throughNorm(dh: usize, h: usize, headSize: i32, factor: f32, inverse: f32): void {
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
function scatter(from: usize, to: usize, headSize: i32, factor: f32, add: bool): void {
  const scale = f32x4.splat(factor);
  for (let i = 0; i < headSize; i += 4) {
    const at = (<usize>i) << 2;
    let v = f32x4.mul(loadSome(from + at, headSize - i), scale);
    if (add) v = f32x4.add(v, loadSome(to + at, headSize - i));
    storeSome(to + at, v, headSize - i);
  }
}

export function attentionGradUnit(index: i32): void {
  const job = changetype<Attention>(unitArguments());
  const p = changetype<Places>(ownScratch());
  const tokens = job.tokens;
  const headSize = job.headSize;
  const n = <usize>tokens;
  const d = <usize>headSize;
  const wide = (headSize + 7) & ~7;
  const wideBytes = (<usize>wide) << 2;
  const bytes = d << 2;
  const columns = (<usize>job.columns) << 2;
  const channels = <usize>job.heads * bytes;
  const cosine = job.logitScale != 0;
  const dy = line(layOut(p, ownScratch() + PLACES, tokens, job.columns, headSize));
  const v = dy + line(4 * n * d);
  const dyTransposed = v + line(4 * n * d);
  const dyPanels = dyTransposed + line(columns * d);
  const kPanels = dyPanels + line(n * wideBytes);
  const qPanels = kPanels + line(n * wideBytes);
  const ds = qPanels + line(n * wideBytes);
  const dq = ds + line(n * columns);
  const dk = dq + line(n * wideBytes);
  const dv = dk + line(n * wideBytes);
  const dyRows = dv + line(n * wideBytes);

  const head = index / job.groups;
  const group = index % job.groups;
  const first = <i32>((<i64>job.windows * group) / job.groups);
  const last = <i32>((<i64>job.windows * (group + 1)) / job.groups);
  const dbias = job.dbias + <usize>index * n * columns;
  memory.fill(dbias, 0, n * columns);
  const dpadding = job.dpadding != 0 ? job.dpadding + <usize>index * 3 * bytes : 0;
  if (dpadding != 0) memory.fill(dpadding, 0, 3 * bytes);
  const factor: f32 = cosine ? logitFactor(job, head) : job.scale;
  const offset = <usize>head * bytes;
  let dscale: f64 = 0;

  for (let window = first; window < last; window++) {
    const hidden = locate(job, p, window);
    for (let token: usize = 0; token < n << 2; token += 4) {
      const cell = load<i32>(p.cells + token);
      // The result of a padded cell is used by nobody: its dy is 0. The zeros are the caller's.
      store<usize>(dyRows + token, cell < 0 ? job.y : job.dy + <usize>cell * channels + offset);
    }
    weigh(job, p, head, hidden);
    gather(p.rows, tokens, 2 * channels + offset, headSize, 1, v);
    gather(dyRows, tokens, 0, headSize, 1, dy);
    packAll(dy, tokens, headSize, dyPanels);
    packAll(p.k, tokens, headSize, kPanels);
    packAll(p.q, tokens, headSize, qPanels);

    // dP = dy v^T, transposed
    timesTransposed(v, dy, tokens, headSize, dyTransposed, columns, ds, 0);
    throughSoftmax(job, p, window, head, columns, ds, dbias);
    timesRows(p.weights, columns, dyPanels, tokens, wide, dv);
    timesColumns(ds, columns, kPanels, tokens, wide, dq);
    timesRows(ds, columns, qPanels, tokens, wide, dk);

    for (let token = 0; token < tokens; token++) {
      const at = <usize>token * wideBytes;
      const q = p.q + <usize>token * bytes;
      const k = p.k + <usize>token * bytes;
      if (cosine) {
        let along = f32x4.splat(0);
        for (let i = 0; i < headSize; i += 4) {
          const place = (<usize>i) << 2;
          along = f32x4.add(along, f32x4.mul(loadSome(q + place, headSize - i), loadSome(dq + at + place, headSize - i)));
        }
        dscale += <f64>sumOf(along);
        throughNorm(dq + at, q, headSize, factor, load<f32>(p.qNorm + ((<usize>token) << 2)));
        throughNorm(dk + at, k, headSize, 1, load<f32>(p.kNorm + ((<usize>token) << 2)));
      }
      const cell = load<i32>(p.cells + ((<usize>token) << 2));
      const padded = cell < 0;
      if (padded && dpadding == 0) continue;
      const to = padded ? dpadding : job.dqkv + <usize>cell * 3 * channels + offset;
      const step = padded ? bytes : channels;
      scatter(dq + at, to, headSize, cosine ? 1 : factor, padded);
      scatter(dk + at, to + step, headSize, 1, padded);
      scatter(dv + at, to + 2 * step, headSize, 1, padded);
    }
  }
  if (cosine) {
    store<f32>(job.dscale + ((<usize>index) << 2), logitPasses(job, head) ? <f32>dscale : 0);
  }
}

/** As windowAttention, with dy [B, H, W, C]; dlogitScale [heads] and dpadToken [3C] are 0 where not wanted. */
export function windowAttentionGrad(
  qkv: usize,
  table: usize,
  logitScale: usize,
  padToken: usize,
  dy: usize,
  dqkv: usize,
  dtable: usize,
  dlogitScale: usize,
  dpadToken: usize,
  batch: i32,
  height: i32,
  width: i32,
  heads: i32,
  headSize: i32,
  windowRows: i32,
  windowColumns: i32,
  configuredRows: i32,
  configuredColumns: i32,
  shiftRows: i32,
  shiftColumns: i32,
  countRows: i32,
  countColumns: i32,
  masked: bool,
  scale: f32,
  dropRate: f32,
  seed: i32,
): void {
  const tokens = windowRows * windowColumns;
  const columns = (tokens + 7) & ~7;
  const windows = batch * countRows * countColumns;
  const groups = max(1, min(windows, (UNITS + heads - 1) / heads));
  const bytes = (<usize>headSize) << 2;
  const pairs = (<usize>tokens * <usize>columns) << 2;
  const biasBytes = line(<usize>heads * pairs);
  const dbiasBytes = line(<usize>(heads * groups) * pairs);
  const dscaleBytes = line(<usize>(heads * groups) << 2);
  const dpaddingBytes = line(<usize>(heads * groups) * 3 * bytes);
  const zeroBytes = 3 * <usize>heads * bytes;
  const bias = sharedScratch(biasBytes + dbiasBytes + dscaleBytes + dpaddingBytes + zeroBytes);
  const dbias = bias + biasBytes;
  const dscale = dbias + dbiasBytes;
  const dpadding = dscale + dscaleBytes;
  const zeros = dpadding + dpaddingBytes;
  memory.fill(zeros, 0, zeroBytes);
  expandBias(table, bias, heads, windowRows, windowColumns, configuredRows, configuredColumns);
  reserveOwnScratch(scratchFor(tokens, columns, headSize));
  const job = describe(
    qkv,
    logitScale,
    batch,
    height,
    width,
    heads,
    headSize,
    windowRows,
    windowColumns,
    shiftRows,
    shiftColumns,
    countRows,
    countColumns,
    masked,
    scale,
    dropRate,
    seed,
  );
  job.bias = bias;
  job.padding = padToken != 0 ? padToken : zeros;
  job.y = zeros;
  job.dy = dy;
  job.dqkv = dqkv;
  job.dbias = dbias;
  job.dscale = dscale;
  job.dpadding = dpadToken != 0 ? dpadding : 0;
  job.groups = groups;
  parallel(ATTENTION_GRAD, heads * groups);
  reduceBias(dtable, dbias, groups, heads, windowRows, windowColumns, configuredRows, configuredColumns);
  for (let head = 0; head < heads; head++) {
    if (dlogitScale != 0) {
      let sum: f32 = 0;
      for (let group = 0; group < groups; group++) {
        sum += load<f32>(dscale + ((<usize>(head * groups + group)) << 2));
      }
      store<f32>(dlogitScale + ((<usize>head) << 2), sum);
    }
    if (dpadToken == 0) continue;
    for (let part = 0; part < 3; part++) {
      for (let i = 0; i < headSize; i++) {
        let sum: f32 = 0;
        for (let group = 0; group < groups; group++) {
          sum += load<f32>(dpadding + <usize>(head * groups + group) * 3 * bytes + ((<usize>(part * headSize + i)) << 2));
        }
        store<f32>(dpadToken + ((<usize>((part * heads + head) * headSize + i)) << 2), sum);
      }
    }
  }
}

/**
 * windowAttention: softmax(S) v within the windows of a map, from qkv [B, H, W, 3C] to y [B, H, W, C].
 *
 * A unit is some windows and heads. Scores live in the thread's own scratch, those of one window and head at a time.
 * Padding, shift, partition and their reverse are addresses (attention_window.ts); nothing is copied for them.
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
  packAll,
  PLACES,
  Places,
  timesColumns,
  weigh,
  weightNumber,
} from './attention_window';
import {ATTENTION} from './kinds';
import {expandBias} from './relative_bias';
import {ownScratch, parallel, unitArguments} from './threads';
import {loadSome, storeSome} from './vector';

/** Multiplications of a unit: about 40 microseconds. */
const UNIT_WORK: i32 = 1 << 20;

/** Bytes of own scratch. */
function scratchFor(tokens: i32, columns: i32, headSize: i32): usize {
  const wide = <usize>((headSize + 7) & ~7);
  const n = <usize>tokens;
  return line(layOut(null, PLACES, tokens, columns, headSize)) + line(4 * n * <usize>headSize) + 2 * line(4 * n * wide);
}

/** Multiplies the weights of a window and head by the factors of dropout. */
function dropWeights(job: Attention, p: Places, window: i32, head: i32): void {
  for (let key = 0; key < job.tokens; key++) {
    const number = weightNumber(job, window, head, key);
    const row = p.weights + (<usize>(key * job.columns) << 2);
    for (let column = 0; column < job.columns; column += 4) {
      const at = row + ((<usize>column) << 2);
      v128.store(at, f32x4.mul(v128.load(at), dropped(job, number + column)));
    }
  }
}

export function attentionUnit(index: i32): void {
  const job = changetype<Attention>(unitArguments());
  const p = changetype<Places>(ownScratch());
  const tokens = job.tokens;
  const headSize = job.headSize;
  const bytes = (<usize>headSize) << 2;
  const wide = (headSize + 7) & ~7;
  const values = line(layOut(p, ownScratch() + PLACES, tokens, job.columns, headSize));
  const panels = values + line((<usize>(tokens * headSize)) << 2);
  const out = panels + line((<usize>(tokens * wide)) << 2);
  const channels = <usize>job.heads * bytes;
  const firstHead = (index % job.headUnits) * job.headsPerUnit;
  const lastHead = min(job.heads, firstHead + job.headsPerUnit);
  const first = (index / job.headUnits) * job.windowsPerUnit;
  const last = min(job.windows, first + job.windowsPerUnit);
  const columns = (<usize>job.columns) << 2;
  for (let window = first; window < last; window++) {
    const hidden = locate(job, p, window);
    for (let head = firstHead; head < lastHead; head++) {
      weigh(job, p, head, hidden);
      if (job.dropRate > 0) dropWeights(job, p, window, head);
      gather(p.rows, tokens, 2 * channels + <usize>head * bytes, headSize, 1, values);
      packAll(values, tokens, headSize, panels);
      timesColumns(p.weights, columns, panels, tokens, wide, out);
      for (let token = 0; token < tokens; token++) {
        const cell = load<i32>(p.cells + ((<usize>token) << 2));
        if (cell < 0) continue;
        const factor = v128.load32_splat(p.inverse + ((<usize>token) << 2));
        const from = out + (<usize>(token * wide) << 2);
        const to = job.y + <usize>cell * channels + <usize>head * bytes;
        for (let i = 0; i < headSize; i += 4) {
          const at = (<usize>i) << 2;
          storeSome(to + at, f32x4.mul(loadSome(from + at, headSize - i), factor), headSize - i);
        }
      }
    }
  }
}

/** How windows and heads are cut into units of about UNIT_WORK; by shapes alone. */
function cutUnits(job: Attention): i32 {
  const perHead = max(1, 2 * job.tokens * job.tokens * job.headSize);
  const headsAtOnce = max(1, min(job.heads, UNIT_WORK / perHead));
  job.headUnits = (job.heads + headsAtOnce - 1) / headsAtOnce;
  job.headsPerUnit = (job.heads + job.headUnits - 1) / job.headUnits;
  job.windowsPerUnit = max(1, UNIT_WORK / max(1, perHead * job.headsPerUnit));
  return ((job.windows + job.windowsPerUnit - 1) / job.windowsPerUnit) * job.headUnits;
}

/**
 * See the head of this file. `table` for the configured window; `padToken` [3C] or 0 for zeros; `logitScale` [heads] or
 * 0 for dot products; dropRate 0 for no dropout. Shift, window and counts are those in use on this map.
 */
export function windowAttention(
  qkv: usize,
  table: usize,
  logitScale: usize,
  padToken: usize,
  y: usize,
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
  const row = (<usize>(3 * heads * headSize)) << 2;
  const bias = sharedScratch((<usize>(heads * tokens) * <usize>columns << 2) + row);
  expandBias(table, bias, heads, windowRows, windowColumns, configuredRows, configuredColumns);
  const zeros = bias + (<usize>(heads * tokens) * <usize>columns << 2);
  memory.fill(zeros, 0, row);
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
  job.y = y;
  parallel(ATTENTION, cutUnits(job));
}

/**
 * windowAttention: softmax(S) v within the windows of a map, from qkv [B, H, W, 3C] to y [B, H, W, C].
 *
 * A unit is some windows and heads. Scores live in the thread's own scratch, those of one window and head at a time.
 * Padding, shift, partition and their reverse are addresses (window.ts); nothing is copied for them.
 */
import {loadSome, storeSome} from '../../arithmetic/vector';
import {ownScratch, unitArguments} from '../../ground/control_block';
import {AttentionSizes} from './sizes';
import {
  attentionWeights,
  columnsTimesPanels,
  dropoutFactors,
  gatherRows,
  packRows,
  weightNumber,
} from './weights';
import {Attention, AttentionScratch, layOutScratch, locateTokens, TABLE, wholeLines} from './window';

/** Bytes of own scratch. */
export function attentionScratchBytes(sizes: AttentionSizes): usize {
  const wide = <usize>((sizes.headSize + 7) & ~7);
  const n = <usize>sizes.tokens;
  const base = wholeLines(layOutScratch(null, TABLE, sizes.tokens, sizes.columns, sizes.headSize));
  return base + wholeLines(4 * n * <usize>sizes.headSize) + 2 * wholeLines(4 * n * wide);
}

/** Multiplies the weights of a window and head by the factors of dropout. */
function dropWeights(job: Attention, p: AttentionScratch, window: i32, head: i32): void {
  for (let key = 0; key < job.tokens; key++) {
    const number = weightNumber(job, window, head, key);
    const row = p.weights + ((<usize>(key * job.columns)) << 2);
    for (let column = 0; column < job.columns; column += 4) {
      const at = row + ((<usize>column) << 2);
      v128.store(at, f32x4.mul(v128.load(at), dropoutFactors(job, number + column)));
    }
  }
}

export function attentionUnit(index: i32): void {
  const job = changetype<Attention>(unitArguments());
  const p = changetype<AttentionScratch>(ownScratch());
  const tokens = job.tokens;
  const headSize = job.headSize;
  const bytes = (<usize>headSize) << 2;
  const wide = (headSize + 7) & ~7;
  const values = wholeLines(layOutScratch(p, ownScratch() + TABLE, tokens, job.columns, headSize));
  const panels = values + wholeLines((<usize>(tokens * headSize)) << 2);
  const out = panels + wholeLines((<usize>(tokens * wide)) << 2);
  const channels = <usize>job.heads * bytes;
  const firstHead = (index % job.headUnits) * job.headsPerUnit;
  const lastHead = min(job.heads, firstHead + job.headsPerUnit);
  const first = (index / job.headUnits) * job.windowsPerUnit;
  const last = min(job.windows, first + job.windowsPerUnit);
  const columns = (<usize>job.columns) << 2;
  for (let window = first; window < last; window++) {
    const hidden = locateTokens(job, p, window);
    for (let head = firstHead; head < lastHead; head++) {
      attentionWeights(job, p, head, hidden);
      if (job.dropRate > 0) dropWeights(job, p, window, head);
      gatherRows(p.rows, tokens, 2 * channels + <usize>head * bytes, headSize, 1, values);
      packRows(values, tokens, headSize, panels);
      columnsTimesPanels(p.weights, columns, panels, tokens, wide, out);
      for (let token = 0; token < tokens; token++) {
        const cell = load<i32>(p.cells + ((<usize>token) << 2));
        if (cell < 0) continue;
        const factor = v128.load32_splat(p.inverse + ((<usize>token) << 2));
        const from = out + ((<usize>(token * wide)) << 2);
        const to = job.y + <usize>cell * channels + <usize>head * bytes;
        for (let i = 0; i < headSize; i += 4) {
          const at = (<usize>i) << 2;
          storeSome(to + at, f32x4.mul(loadSome(from + at, headSize - i), factor), headSize - i);
        }
      }
    }
  }
}

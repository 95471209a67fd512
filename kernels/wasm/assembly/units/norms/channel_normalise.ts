/** y = (x - mean) factor + offset, with the numbers of each channel; see channels.ts. */
import {loadSome, madd, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';
import {Channels} from './channels';

/** y = (x - mean) factor + offset for up to four cells. */
// @ts-expect-error: decorator
@inline
function normalise(x: v128, mean: v128, factor: v128, offset: v128): v128 {
  return madd(offset, f32x4.sub(x, mean), factor);
}

/** Four columns of `rows` rows, 1 or 4, `row` bytes apart, from cell `at` on; the columns begin at `i`. */
// @ts-expect-error: decorator
@inline
function normaliseColumns(job: Channels, rows: i32, at: usize, row: usize, i: usize): void {
  const mean = v128.load(job.mean + i);
  const factor = v128.load(job.factor + i);
  const offset = v128.load(job.offset + i);
  let x = job.x + at + i;
  let y = job.y + at + i;
  v128.store(y, normalise(v128.load(x), mean, factor, offset));
  if (rows == 1) return;
  x += row;
  y += row;
  v128.store(y, normalise(v128.load(x), mean, factor, offset));
  x += row;
  y += row;
  v128.store(y, normalise(v128.load(x), mean, factor, offset));
  x += row;
  y += row;
  v128.store(y, normalise(v128.load(x), mean, factor, offset));
}

export function channelNormaliseUnit(index: i32): void {
  const job = changetype<Channels>(unitArguments());
  if (job.runs > 0) {
    const first = index * job.piecesPerUnit;
    const last = min(job.runs * job.pieces, first + job.piecesPerUnit);
    for (let piece = first; piece < last; piece++) {
      const run = piece / job.pieces;
      const begin = (piece % job.pieces) * job.piece;
      const at = (<usize>run * <usize>job.inner + <usize>begin) << 2;
      const channel = (<usize>(run % job.channels)) << 2;
      const mean = v128.load32_splat(job.mean + channel);
      const factor = v128.load32_splat(job.factor + channel);
      const offset = v128.load32_splat(job.offset + channel);
      let x = job.x + at;
      let y = job.y + at;
      const count = min(job.piece, job.inner - begin);
      const end = x + ((<usize>(count & ~3)) << 2);
      while (x < end) {
        v128.store(y, normalise(v128.load(x), mean, factor, offset));
        x += 16;
        y += 16;
      }
      storeSome(y, normalise(loadSome(x, count & 3), mean, factor, offset), count & 3);
    }
    return;
  }
  const row = (<usize>job.row) << 2;
  let r = index * job.rowsPerUnit;
  const last = min(job.rows, r + job.rowsPerUnit);
  for (; r + 4 <= last; r += 4) {
    const at = <usize>r * row;
    for (let i: usize = 0; i < row; i += 16) normaliseColumns(job, 4, at, row, i);
  }
  for (; r < last; r++) {
    for (let i: usize = 0; i < row; i += 16) normaliseColumns(job, 1, <usize>r * row, row, i);
  }
  if (index < job.units - 1) return;
  for (let i: usize = 0; i < (<usize>job.rest) << 2; i += 4) {
    const at = <usize>job.rows * row + i;
    const centred = load<f32>(job.x + at) - load<f32>(job.mean + i);
    store<f32>(job.y + at, centred * load<f32>(job.factor + i) + load<f32>(job.offset + i));
  }
}

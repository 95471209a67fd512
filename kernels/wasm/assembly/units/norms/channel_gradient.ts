/**
 * dx = factor (dy - offset - (x - mean) slope), with the numbers of each channel; see channels.ts. Where mean and
 * variance are not those of the batch, dx = factor dy.
 */
import {loadSome, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';
import {Channels} from './channels';

/** dx = factor (dy - offset - (x - mean) slope). */
// @ts-expect-error: decorator
@inline
function gradient(dy: v128, x: v128, mean: v128, factor: v128, offset: v128, slope: v128): v128 {
  const along = f32x4.mul(f32x4.sub(x, mean), slope);
  return f32x4.mul(f32x4.sub(f32x4.sub(dy, offset), along), factor);
}

/** As normaliseColumns. */
// @ts-expect-error: decorator
@inline
function gradientColumns(job: Channels, batch: bool, rows: i32, at: usize, row: usize, i: usize): void {
  const factor = v128.load(job.factor + i);
  const mean = batch ? v128.load(job.mean + i) : factor;
  const offset = batch ? v128.load(job.offset + i) : factor;
  const slope = batch ? v128.load(job.slope + i) : factor;
  let x = job.x + at + i;
  let dy = job.dy + at + i;
  let y = job.y + at + i;
  for (let r = 0; r < rows; r++) {
    const g = v128.load(dy);
    v128.store(y, batch ? gradient(g, v128.load(x), mean, factor, offset, slope) : f32x4.mul(g, factor));
    if (batch) x += row;
    dy += row;
    y += row;
  }
}

// @ts-expect-error: decorator
@inline
function gradientRows(job: Channels, batch: bool, index: i32): void {
  const row = (<usize>job.row) << 2;
  let r = index * job.rowsPerUnit;
  const last = min(job.rows, r + job.rowsPerUnit);
  for (; r + 4 <= last; r += 4) {
    const at = <usize>r * row;
    for (let i: usize = 0; i < row; i += 16) gradientColumns(job, batch, 4, at, row, i);
  }
  for (; r < last; r++) {
    for (let i: usize = 0; i < row; i += 16) gradientColumns(job, batch, 1, <usize>r * row, row, i);
  }
  if (index < job.units - 1) return;
  for (let i: usize = 0; i < (<usize>job.rest) << 2; i += 4) {
    const at = <usize>job.rows * row + i;
    let g = load<f32>(job.dy + at);
    if (batch) {
      g -= load<f32>(job.offset + i);
      g -= (load<f32>(job.x + at) - load<f32>(job.mean + i)) * load<f32>(job.slope + i);
    }
    store<f32>(job.y + at, g * load<f32>(job.factor + i));
  }
}

export function channelGradientUnit(index: i32): void {
  const job = changetype<Channels>(unitArguments());
  if (job.runs > 0) {
    const first = index * job.piecesPerUnit;
    const last = min(job.runs * job.pieces, first + job.piecesPerUnit);
    for (let piece = first; piece < last; piece++) {
      const run = piece / job.pieces;
      const begin = (piece % job.pieces) * job.piece;
      const at = (<usize>run * <usize>job.inner + <usize>begin) << 2;
      const channel = (<usize>(run % job.channels)) << 2;
      const factor = v128.load32_splat(job.factor + channel);
      let dy = job.dy + at;
      let y = job.y + at;
      const count = min(job.piece, job.inner - begin);
      const rest = count & 3;
      const end = dy + ((<usize>(count & ~3)) << 2);
      if (!job.batch) {
        while (dy < end) {
          v128.store(y, f32x4.mul(v128.load(dy), factor));
          dy += 16;
          y += 16;
        }
        storeSome(y, f32x4.mul(loadSome(dy, rest), factor), rest);
        continue;
      }
      const mean = v128.load32_splat(job.mean + channel);
      const offset = v128.load32_splat(job.offset + channel);
      const slope = v128.load32_splat(job.slope + channel);
      let x = job.x + at;
      while (dy < end) {
        v128.store(y, gradient(v128.load(dy), v128.load(x), mean, factor, offset, slope));
        dy += 16;
        x += 16;
        y += 16;
      }
      storeSome(y, gradient(loadSome(dy, rest), loadSome(x, rest), mean, factor, offset, slope), rest);
    }
    return;
  }
  if (job.batch) gradientRows(job, true, index);
  else gradientRows(job, false, index);
}

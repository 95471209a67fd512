/**
 * layerNorm, row by row.
 *
 *   y = s ((x - mean) inverse gamma + beta) + addend,  inverse = 1 / sqrt(var + epsilon)     x, y, addend [M, C]
 *
 * s is one factor per `scaleRows` rows; it and the addend may be left out (0). The variance is that of x - mean.
 */
import {loadSome, madd, storeSome, sumOf} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class LayerNorm {
  x: usize;
  gamma: usize;
  beta: usize;
  y: usize;
  mean: usize;
  inverse: usize;
  rows: i32;
  channels: i32;
  epsilon: f32;
  scale: usize;
  scaleRows: i32;
  addend: usize;
  rowsPerUnit: i32;
}

/** Sum of the C numbers at `x`. */
// @ts-expect-error: decorator
@inline
function rowSum(x: usize, channels: i32): f32 {
  const end = x + ((<usize>channels) << 2);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  while (x + 32 <= end) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    x += 32;
  }
  let sum = sumOf(f32x4.add(s0, s1));
  while (x < end) {
    sum += load<f32>(x);
    x += 4;
  }
  return sum;
}

/** Sum of (x - mean)^2. */
// @ts-expect-error: decorator
@inline
function rowSquares(x: usize, channels: i32, mean: f32): f32 {
  const end = x + ((<usize>channels) << 2);
  const centre = f32x4.splat(mean);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  while (x + 32 <= end) {
    const d0 = f32x4.sub(v128.load(x), centre);
    const d1 = f32x4.sub(v128.load(x, 16), centre);
    s0 = madd(s0, d0, d0);
    s1 = madd(s1, d1, d1);
    x += 32;
  }
  let sum = sumOf(f32x4.add(s0, s1));
  while (x < end) {
    const d = load<f32>(x) - mean;
    sum += d * d;
    x += 4;
  }
  return sum;
}

/** One row. */
function normaliseRow(
  x: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  channels: i32,
  mean: f32,
  inverse: f32,
): void {
  const end = x + ((<usize>channels) << 2);
  const centre = f32x4.splat(mean);
  const factor = f32x4.splat(inverse);
  while (x + 16 <= end) {
    const h = f32x4.mul(f32x4.sub(v128.load(x), centre), factor);
    v128.store(y, f32x4.add(f32x4.mul(h, v128.load(gamma)), v128.load(beta)));
    x += 16;
    y += 16;
    gamma += 16;
    beta += 16;
  }
  while (x < end) {
    store<f32>(y, (load<f32>(x) - mean) * inverse * load<f32>(gamma) + load<f32>(beta));
    x += 4;
    y += 4;
    gamma += 4;
    beta += 4;
  }
}

/** One row, with factor and addend; the addend may be y itself. */
function normaliseScaledRow(job: LayerNorm, row: i32, x: usize, y: usize, mean: f32, inverse: f32): void {
  const bytes = (<usize>job.channels) << 2;
  const s: f32 = job.scale != 0 ? load<f32>(job.scale + ((<usize>(row / job.scaleRows)) << 2)) : 1;
  const factors = f32x4.splat(s);
  const centre = f32x4.splat(mean);
  const factor = f32x4.splat(inverse);
  const addend = job.addend + <usize>row * bytes;
  for (let at: usize = 0; at < bytes; at += 16) {
    const count = <i32>((bytes - at) >> 2);
    const h = f32x4.mul(f32x4.sub(loadSome(x + at, count), centre), factor);
    let v = f32x4.add(f32x4.mul(h, loadSome(job.gamma + at, count)), loadSome(job.beta + at, count));
    v = f32x4.mul(v, factors);
    if (job.addend != 0) v = f32x4.add(v, loadSome(addend + at, count));
    storeSome(y + at, v, count);
  }
}

export function layerNormUnit(index: i32): void {
  const job = changetype<LayerNorm>(unitArguments());
  const channels = job.channels;
  const first = index * job.rowsPerUnit;
  const last = min(job.rows, first + job.rowsPerUnit);
  const bytes = (<usize>channels) << 2;
  for (let row = first; row < last; row++) {
    const x = job.x + <usize>row * bytes;
    const mean = rowSum(x, channels) / <f32>channels;
    const inverse: f32 = 1 / sqrt<f32>(rowSquares(x, channels, mean) / <f32>channels + job.epsilon);
    const y = job.y + <usize>row * bytes;
    if (job.scale == 0 && job.addend == 0) normaliseRow(x, job.gamma, job.beta, y, channels, mean, inverse);
    else normaliseScaledRow(job, row, x, y, mean, inverse);
    if (job.mean != 0) {
      store<f32>(job.mean + ((<usize>row) << 2), mean);
      store<f32>(job.inverse + ((<usize>row) << 2), inverse);
    }
  }
}

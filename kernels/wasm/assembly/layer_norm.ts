/**
 * layerNorm and its gradient, row by row.
 *
 *   y = s ((x - mean) inverse gamma + beta) + addend,  inverse = 1 / sqrt(var + epsilon)     x, y, addend [M, C]
 *   dx = (g - mean(g) - h mean(g h)) inverse,  g = u gamma,  h = (x - mean) inverse,  u = s dy
 *   dgamma = sum over rows of u h,  dbeta = sum over rows of u
 *
 * s is one factor per \`scaleRows\` rows; it and the addend may be left out (0).
 *
 * The variance is that of x - mean. Sums over rows are taken in parts of fixed length, added up in their order.
 */
import {sharedScratch} from './arena';
import {LAYER_NORM, LAYER_NORM_GRAD} from './kinds';
import {sumParts} from './product';
import {parallel, unitArguments} from './threads';
import {loadSome, madd, storeSome, sumOf} from './vector';

@unmanaged
class Norm {
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

/** Numbers of a unit: about 20 microseconds. */
const UNIT_SIZE: i32 = 65536;

/** Sum of the C numbers at `x`. */
// @ts-ignore: decorator
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
// @ts-ignore: decorator
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
function closeRow(job: Norm, row: i32, x: usize, y: usize, mean: f32, inverse: f32): void {
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
  const job = changetype<Norm>(unitArguments());
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
    else closeRow(job, row, x, y, mean, inverse);
    if (job.mean != 0) {
      store<f32>(job.mean + ((<usize>row) << 2), mean);
      store<f32>(job.inverse + ((<usize>row) << 2), inverse);
    }
  }
}

/** Forward; mean and inverse [M] are kept where they have an address. */
export function layerNorm(
  x: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  mean: usize,
  inverse: usize,
  rows: i32,
  channels: i32,
  epsilon: f32,
  scale: usize,
  scaleRows: i32,
  addend: usize,
): void {
  const job = changetype<Norm>(unitArguments());
  job.scale = scale;
  job.scaleRows = scaleRows;
  job.addend = addend;
  job.x = x;
  job.gamma = gamma;
  job.beta = beta;
  job.y = y;
  job.mean = mean;
  job.inverse = inverse;
  job.rows = rows;
  job.channels = channels;
  job.epsilon = epsilon;
  job.rowsPerUnit = max(1, UNIT_SIZE / channels);
  parallel(LAYER_NORM, (rows + job.rowsPerUnit - 1) / job.rowsPerUnit);
}

@unmanaged
class NormGrad {
  dy: usize;
  x: usize;
  mean: usize;
  inverse: usize;
  gamma: usize;
  dx: usize;
  dgamma: usize;
  dbeta: usize;
  rows: i32;
  channels: i32;
  scale: usize;
  scaleRows: i32;
  rowsPerUnit: i32;
}

export function layerNormGradUnit(index: i32): void {
  const job = changetype<NormGrad>(unitArguments());
  const channels = job.channels;
  const first = index * job.rowsPerUnit;
  const last = min(job.rows, first + job.rowsPerUnit);
  const bytes = (<usize>channels) << 2;
  const dgamma = job.dgamma + <usize>index * bytes;
  const dbeta = job.dbeta + <usize>index * bytes;
  memory.fill(dgamma, 0, bytes);
  memory.fill(dbeta, 0, bytes);
  const whole = bytes & ~15;
  for (let row = first; row < last; row++) {
    const dy = job.dy + <usize>row * bytes;
    const x = job.x + <usize>row * bytes;
    const dx = job.dx + <usize>row * bytes;
    const mean = load<f32>(job.mean + ((<usize>row) << 2));
    const inverse = load<f32>(job.inverse + ((<usize>row) << 2));
    const centre = f32x4.splat(mean);
    const factor = f32x4.splat(inverse);
    const s: f32 = job.scale != 0 ? load<f32>(job.scale + ((<usize>(row / job.scaleRows)) << 2)) : 1;
    const sV = f32x4.splat(s);
    let sums = f32x4.splat(0);
    let products = sums;
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const d = f32x4.mul(v128.load(dy + at), sV);
      const h = f32x4.mul(f32x4.sub(v128.load(x + at), centre), factor);
      const g = f32x4.mul(d, v128.load(job.gamma + at));
      sums = f32x4.add(sums, g);
      products = f32x4.add(products, f32x4.mul(g, h));
      v128.store(dgamma + at, f32x4.add(v128.load(dgamma + at), f32x4.mul(d, h)));
      v128.store(dbeta + at, f32x4.add(v128.load(dbeta + at), d));
    }
    let sum = sumOf(sums);
    let product = sumOf(products);
    for (; at < bytes; at += 4) {
      const d = load<f32>(dy + at) * s;
      const h = (load<f32>(x + at) - mean) * inverse;
      const g = d * load<f32>(job.gamma + at);
      sum += g;
      product += g * h;
      store<f32>(dgamma + at, load<f32>(dgamma + at) + d * h);
      store<f32>(dbeta + at, load<f32>(dbeta + at) + d);
    }
    sum /= <f32>channels;
    product /= <f32>channels;
    const sumV = f32x4.splat(sum);
    const productV = f32x4.splat(product);
    for (at = 0; at < whole; at += 16) {
      const h = f32x4.mul(f32x4.sub(v128.load(x + at), centre), factor);
      const g = f32x4.mul(f32x4.mul(v128.load(dy + at), sV), v128.load(job.gamma + at));
      const rest = f32x4.sub(f32x4.sub(g, sumV), f32x4.mul(h, productV));
      v128.store(dx + at, f32x4.mul(rest, factor));
    }
    for (; at < bytes; at += 4) {
      const h = (load<f32>(x + at) - mean) * inverse;
      const g = load<f32>(dy + at) * s * load<f32>(job.gamma + at);
      store<f32>(dx + at, (g - sum - h * product) * inverse);
    }
  }
}

/** Gradient: dx [M, C], dgamma [C], dbeta [C]. */
export function layerNormGrad(
  dy: usize,
  x: usize,
  mean: usize,
  inverse: usize,
  gamma: usize,
  dx: usize,
  dgamma: usize,
  dbeta: usize,
  rows: i32,
  channels: i32,
  scale: usize,
  scaleRows: i32,
): void {
  // At most 64 parts, each short enough for its sums in float32.
  const rowsPerUnit = max(max(1, UNIT_SIZE / channels), (rows + 63) / 64);
  const parts = (rows + rowsPerUnit - 1) / rowsPerUnit;
  const bytes = (<usize>channels) << 2;
  const partial = sharedScratch(2 * <usize>parts * bytes);
  const job = changetype<NormGrad>(unitArguments());
  job.dy = dy;
  job.x = x;
  job.mean = mean;
  job.inverse = inverse;
  job.gamma = gamma;
  job.dx = dx;
  job.scale = scale;
  job.scaleRows = scaleRows;
  job.dgamma = partial;
  job.dbeta = partial + <usize>parts * bytes;
  job.rows = rows;
  job.channels = channels;
  job.rowsPerUnit = rowsPerUnit;
  parallel(LAYER_NORM_GRAD, parts);
  sumParts(partial, parts, channels, dgamma);
  sumParts(partial + <usize>parts * bytes, parts, channels, dbeta);
}

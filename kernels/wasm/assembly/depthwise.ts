/**
 * The gradients of a depthwise convolution:
 *
 *   dx[b, i, j, c]      = sum over kh, kw, m of dy[b, p, q, c M + m] W[kh, kw, c, m]
 *   dW[kh, kw, c, m]    = sum over b, p, q of   dy[b, p, q, c M + m] x[b, i, j, c]
 *
 *   for i = p sh + kh dh - top, j = q sw + kw dw - left inside of x
 *   x, dx [B, H, W, C], dy [B, OH, OW, C M], W, dW [KH, KW, C, M].
 *
 * Both go along a row of dy for one tap at a time, where the cells of dx or x are a fixed step apart; 16 channels are
 * held in registers. With M above 1 it is the same loop one channel of dy at a time. A unit of dx is some of its rows;
 * a unit of dW is some rows of dy, whose sums are added up in order (see product.ts).
 */
import {parallel, unitArguments} from './threads';
import {sharedScratch} from './arena';
import {sumParts} from './product';
import {firstInside, insideUntil, Sizes} from './convolution_sizes';
import {DEPTHWISE_FILTER, DEPTHWISE_INPUT} from './kinds';
import {loadSome, madd, storeSome} from './vector';

@unmanaged
class Depthwise extends Sizes {
  /** x or dx. */
  x: usize;
  dy: usize;
  /** W or the parts of dW. */
  filter: usize;
  multiplier: i32;
  rowsPerUnit: i32;
}

/** Multiplications of a unit: about 60 microseconds. */
const UNIT_WORK: i64 = 1 << 19;

/** Multiplications below which other threads are not worth waking. */
const SMALL: i64 = 1 << 17;

/** Most parts of dW. */
const PARTS: i32 = 64;

/** Multiplications of all taps, inside or not. */
function workOf(sizes: Sizes): i64 {
  const cells = <i64>sizes.batch * <i64>sizes.outHeight * <i64>sizes.outWidth;
  return max<i64>(1, cells * <i64>(sizes.filterHeight * sizes.filterWidth) * <i64>sizes.outChannels);
}

function rowsOfUnit(rows: i32, work: i64): i32 {
  return <i32>max<i64>(1, min<i64>(rows, (UNIT_WORK * <i64>rows) / work));
}

// Input ---------------------------------------------------------------------------------------------------------------

/** dx += dy w for `count` cells, steps in bytes; 16 channels if `wide`, else the first `some` of four. */
// @ts-ignore: decorator
@inline
function addProducts(
  wide: bool,
  some: i32,
  dx: usize,
  dy: usize,
  w: usize,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  const w0 = wide ? v128.load(w) : loadSome(w, some);
  const w1 = wide ? v128.load(w, 16) : w0;
  const w2 = wide ? v128.load(w, 32) : w0;
  const w3 = wide ? v128.load(w, 48) : w0;
  for (; count > 0; count--) {
    if (wide) {
      v128.store(dx, madd(v128.load(dx), v128.load(dy), w0));
      v128.store(dx, madd(v128.load(dx, 16), v128.load(dy, 16), w1), 16);
      v128.store(dx, madd(v128.load(dx, 32), v128.load(dy, 32), w2), 32);
      v128.store(dx, madd(v128.load(dx, 48), v128.load(dy, 48), w3), 48);
    } else {
      storeSome(dx, madd(loadSome(dx, some), loadSome(dy, some), w0), some);
    }
    dx += step;
    dy += outStep;
  }
}

function addRow(dx: usize, dy: usize, w: usize, channels: i32, count: i32, step: usize, outStep: usize): void {
  let c = 0;
  for (; c + 16 <= channels; c += 16) {
    addProducts(true, 4, dx, dy, w, count, step, outStep);
    dx += 64;
    dy += 64;
    w += 64;
  }
  for (; c < channels; c += 4) {
    addProducts(false, min(4, channels - c), dx, dy, w, count, step, outStep);
    dx += 16;
    dy += 16;
    w += 16;
  }
}

/** The same where `multiplier` channels of dy and W belong to each of dx. */
function addRowOfMany(
  dx: usize,
  dy: usize,
  w: usize,
  channels: i32,
  multiplier: i32,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  for (; count > 0; count--) {
    let from = dy;
    let factor = w;
    for (let c: usize = 0; c < <usize>channels; c++) {
      let sum = load<f32>(dx + (c << 2));
      for (let m = 0; m < multiplier; m++) {
        sum += load<f32>(from) * load<f32>(factor);
        from += 4;
        factor += 4;
      }
      store<f32>(dx + (c << 2), sum);
    }
    dx += step;
    dy += outStep;
  }
}

export function depthwiseInputUnit(index: i32): void {
  const job = changetype<Depthwise>(unitArguments());
  const channels = job.channels;
  const multiplier = job.multiplier;
  const cell = (<usize>channels) << 2;
  const outCell = cell * <usize>multiplier;
  const line = <usize>job.width * cell;
  const outLine = <usize>job.outWidth * outCell;
  const step = <usize>job.strideWidth * cell;
  const last = min(job.batch * job.height, (index + 1) * job.rowsPerUnit);
  for (let row = index * job.rowsPerUnit; row < last; row++) {
    const b = row / job.height;
    const to = job.x + <usize>row * line;
    memory.fill(to, 0, line);
    for (let kh = 0; kh < job.filterHeight; kh++) {
      const distance = (row % job.height) + job.top - kh * job.dilationHeight;
      const p = distance / job.strideHeight;
      if (distance < 0 || p * job.strideHeight != distance || p >= job.outHeight) continue;
      const dy = job.dy + <usize>(b * job.outHeight + p) * outLine;
      for (let kw = 0; kw < job.filterWidth; kw++) {
        const start = kw * job.dilationWidth - job.left;
        const from = firstInside(start, job.strideWidth);
        const count = min(job.outWidth, insideUntil(start, job.strideWidth, job.width)) - from;
        if (count <= 0) continue;
        const dx = to + <usize>(start + from * job.strideWidth) * cell;
        const w = job.filter + <usize>(kh * job.filterWidth + kw) * outCell;
        const at = dy + <usize>from * outCell;
        if (multiplier == 1) addRow(dx, at, w, channels, count, step, outCell);
        else addRowOfMany(dx, at, w, channels, multiplier, count, step, outCell);
      }
    }
  }
}

// Filter --------------------------------------------------------------------------------------------------------------

/** dw += the sum over `count` cells of x dy; 16 channels if `wide`, else the first `some` of four. */
// @ts-ignore: decorator
@inline
function sumProducts(
  wide: bool,
  some: i32,
  dw: usize,
  x: usize,
  dy: usize,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (; count > 0; count--) {
    if (wide) {
      s0 = madd(s0, v128.load(x), v128.load(dy));
      s1 = madd(s1, v128.load(x, 16), v128.load(dy, 16));
      s2 = madd(s2, v128.load(x, 32), v128.load(dy, 32));
      s3 = madd(s3, v128.load(x, 48), v128.load(dy, 48));
    } else {
      s0 = madd(s0, loadSome(x, some), loadSome(dy, some));
    }
    x += step;
    dy += outStep;
  }
  if (wide) {
    v128.store(dw, f32x4.add(v128.load(dw), s0));
    v128.store(dw, f32x4.add(v128.load(dw, 16), s1), 16);
    v128.store(dw, f32x4.add(v128.load(dw, 32), s2), 32);
    v128.store(dw, f32x4.add(v128.load(dw, 48), s3), 48);
  } else {
    storeSome(dw, f32x4.add(loadSome(dw, some), s0), some);
  }
}

function sumRow(dw: usize, x: usize, dy: usize, channels: i32, count: i32, step: usize, outStep: usize): void {
  let c = 0;
  for (; c + 16 <= channels; c += 16) {
    sumProducts(true, 4, dw, x, dy, count, step, outStep);
    dw += 64;
    x += 64;
    dy += 64;
  }
  for (; c < channels; c += 4) {
    sumProducts(false, min(4, channels - c), dw, x, dy, count, step, outStep);
    dw += 16;
    x += 16;
    dy += 16;
  }
}

/** The same where `multiplier` channels of dy and dw belong to each of x. */
function sumRowOfMany(
  dw: usize,
  x: usize,
  dy: usize,
  channels: i32,
  multiplier: i32,
  count: i32,
  step: usize,
  outStep: usize,
): void {
  for (let c = 0; c < channels; c++) {
    for (let m = 0; m < multiplier; m++) {
      let from = x;
      let slope = dy;
      let sum: f32 = 0;
      for (let i = 0; i < count; i++) {
        sum += load<f32>(from) * load<f32>(slope);
        from += step;
        slope += outStep;
      }
      store<f32>(dw, load<f32>(dw) + sum);
      dw += 4;
      dy += 4;
    }
    x += 4;
  }
}

export function depthwiseFilterUnit(index: i32): void {
  const job = changetype<Depthwise>(unitArguments());
  const channels = job.channels;
  const multiplier = job.multiplier;
  const cell = (<usize>channels) << 2;
  const outCell = cell * <usize>multiplier;
  const line = <usize>job.width * cell;
  const outLine = <usize>job.outWidth * outCell;
  const step = <usize>job.strideWidth * cell;
  const size = <usize>(job.filterHeight * job.filterWidth) * outCell;
  const to = job.filter + <usize>index * size;
  memory.fill(to, 0, size);
  const last = min(job.batch * job.outHeight, (index + 1) * job.rowsPerUnit);
  for (let row = index * job.rowsPerUnit; row < last; row++) {
    const b = row / job.outHeight;
    const dy = job.dy + <usize>row * outLine;
    for (let kh = 0; kh < job.filterHeight; kh++) {
      const i = (row % job.outHeight) * job.strideHeight + kh * job.dilationHeight - job.top;
      if (i < 0 || i >= job.height) continue;
      const x = job.x + <usize>(b * job.height + i) * line;
      for (let kw = 0; kw < job.filterWidth; kw++) {
        const start = kw * job.dilationWidth - job.left;
        const from = firstInside(start, job.strideWidth);
        const count = min(job.outWidth, insideUntil(start, job.strideWidth, job.width)) - from;
        if (count <= 0) continue;
        const dw = to + <usize>(kh * job.filterWidth + kw) * outCell;
        const seen = x + <usize>(start + from * job.strideWidth) * cell;
        const at = dy + <usize>from * outCell;
        if (multiplier == 1) sumRow(dw, seen, at, channels, count, step, outCell);
        else sumRowOfMany(dw, seen, at, channels, multiplier, count, step, outCell);
      }
    }
  }
}

// Drivers -------------------------------------------------------------------------------------------------------------

/** dx from dy and W. Sizes by convolutionSizes, with outChannels = C M. */
export function depthwiseInputGradient(dy: usize, filter: usize, dx: usize): void {
  const job = changetype<Depthwise>(unitArguments());
  const rows = job.batch * job.height;
  const work = workOf(job);
  job.x = dx;
  job.dy = dy;
  job.filter = filter;
  job.multiplier = job.outChannels / job.channels;
  job.rowsPerUnit = rowsOfUnit(rows, work);
  parallel(DEPTHWISE_INPUT, (rows + job.rowsPerUnit - 1) / job.rowsPerUnit, work < SMALL);
}

/** dW from x and dy. Sizes by convolutionSizes, with outChannels = C M. */
export function depthwiseFilterGradient(x: usize, dy: usize, dw: usize): void {
  const job = changetype<Depthwise>(unitArguments());
  const rows = job.batch * job.outHeight;
  const work = workOf(job);
  const rowsPerUnit = max(rowsOfUnit(rows, work), (rows + PARTS - 1) / PARTS);
  const parts = (rows + rowsPerUnit - 1) / rowsPerUnit;
  const size = <usize>(job.filterHeight * job.filterWidth) * <usize>job.outChannels;
  const partial = parts > 1 ? sharedScratch((size * <usize>parts) << 2) : dw;
  job.x = x;
  job.dy = dy;
  job.filter = partial;
  job.multiplier = job.outChannels / job.channels;
  job.rowsPerUnit = rowsPerUnit;
  parallel(DEPTHWISE_FILTER, parts, work < SMALL);
  if (parts > 1) sumParts(partial, parts, size, dw);
}

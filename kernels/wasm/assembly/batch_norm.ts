/**
 * Batch normalisation: statistics, normalising, gradient; see kernels/contracts/batch_norm.ts for the formulas.
 *
 *   x [outer, C, inner], one mean, variance, gain and offset for each of the C channels.
 *
 * Two ways to go through x. Where inner is short (channels last: 1), as a matrix whose rows hold all the channels, with
 * the channels' numbers laid out as such a row. Short rows are taken several at a time, as one: [100, 3] is gone through
 * as [5, 60]. Where inner is long, run by run of `inner` cells of one channel.
 *
 * Sums are made for each part of x and added up in the order of the parts, in float64; the variance is that of x - mean.
 */
import {parallel, unitArguments} from './threads';
import {sharedScratch} from './arena';
import {addColumns, GRADIENT, PLAIN, sideBySide, SQUARES, sumRun} from './moments';
import {CHANNEL_GRADIENT, CHANNEL_NORMALISE, CHANNEL_SUMS} from './kinds';
import {loadSome, madd, storeSome} from './vector';

/** Cells of a unit: 10 to 50 microseconds. */
const UNIT: i32 = 65536;

/** Rows of a unit at least: its sums are as long as a row, and should not weigh against x. */
const MOST_ROWS: i32 = 64;

/** From this length on x is walked through in runs. */
const LONG_RUN: i32 = 16;

@unmanaged
class Channels {
  x: usize;
  dy: usize;
  y: usize;
  /** What to sum; see moments.ts. */
  mode: i32;
  /** Sums of the units or of the pieces of runs; of each, for GRADIENT, the second ones behind the first. */
  partial: usize;
  /** Numbers of the channels, as long as a row or, for runs, as there are channels. */
  mean: usize;
  factor: usize;
  offset: usize;
  slope: usize;
  /** Whether dx is more than factor dy. */
  batch: bool;
  channels: i32;
  inner: i32;
  /** Channels' numbers as rows: length of a row, whole rows, cells after them. */
  row: i32;
  rows: i32;
  rest: i32;
  rowsPerUnit: i32;
  /** Runs: 0 for rows. A run of `inner` cells is cut into pieces of `piece` cells. */
  runs: i32;
  pieces: i32;
  piece: i32;
  piecesPerUnit: i32;
  units: i32;
}

/** How x is gone through. */
function layOut(job: Channels, outer: i32, channels: i32, inner: i32): void {
  job.channels = channels;
  job.inner = inner;
  if (inner >= LONG_RUN) {
    job.runs = outer * channels;
    job.pieces = (inner + UNIT - 1) / UNIT;
    job.piece = ((inner + job.pieces - 1) / job.pieces + 3) & ~3;
    job.piecesPerUnit = max(1, UNIT / job.piece);
    job.units = (job.runs * job.pieces + job.piecesPerUnit - 1) / job.piecesPerUnit;
    return;
  }
  const once = channels * inner;
  const times = sideBySide(once);
  job.runs = 0;
  job.row = once * times;
  job.rows = outer / times;
  job.rest = (outer % times) * once;
  job.rowsPerUnit = max(MOST_ROWS, UNIT / job.row);
  job.units = (max(1, job.rows) + job.rowsPerUnit - 1) / job.rowsPerUnit;
}

/** Bytes of what is summed apart before it is added up. */
function partialBytes(job: Channels, mode: i32): usize {
  const sums = job.runs > 0 ? <usize>job.runs * <usize>job.pieces : <usize>job.units * <usize>job.row;
  return sums << (mode == GRADIENT ? 4 : 3);
}

/** How many numbers stand for one number of each channel. */
// @ts-ignore: decorator
@inline
function patternLength(job: Channels): i32 {
  return job.runs > 0 ? job.channels : job.row;
}

/** to[i] = the number of the channel of cell i of a row. */
function layOutNumbers(job: Channels, from: usize, to: usize): void {
  if (job.runs > 0) {
    memory.copy(to, from, (<usize>job.channels) << 2);
    return;
  }
  const end = to + ((<usize>job.row) << 2);
  while (to < end) {
    for (let channel = 0; channel < job.channels; channel++) {
      const value = load<f32>(from + ((<usize>channel) << 2));
      for (let i = 0; i < job.inner; i++) {
        store<f32>(to, value);
        to += 4;
      }
    }
  }
}

// Sums ----------------------------------------------------------------------------------------------------------------

export function channelSumsUnit(index: i32): void {
  const job = changetype<Channels>(unitArguments());
  const mode = job.mode;
  if (job.runs > 0) {
    const first = index * job.piecesPerUnit;
    const last = min(job.runs * job.pieces, first + job.piecesPerUnit);
    for (let piece = first; piece < last; piece++) {
      const run = piece / job.pieces;
      const begin = (piece % job.pieces) * job.piece;
      const at = (<usize>run * <usize>job.inner + <usize>begin) << 2;
      const mean: f32 = mode == PLAIN ? 0 : load<f32>(job.mean + ((<usize>(run % job.channels)) << 2));
      const sums = job.partial + ((<usize>piece) << (mode == GRADIENT ? 4 : 3));
      const count = min(job.piece, job.inner - begin);
      sumRun(mode, job.x + at, job.dy + at, count, mean, sums, sums + 8);
    }
    return;
  }
  const row = (<usize>job.row) << 2;
  const first = index * job.rowsPerUnit;
  const rows = min(job.rowsPerUnit, job.rows - first);
  const at = <usize>first * row;
  const bytes = row << (mode == GRADIENT ? 2 : 1);
  const sums = job.partial + <usize>index * bytes;
  const products = sums + (row << 1);
  memory.fill(sums, 0, bytes);
  addColumns(mode, job.x + at, job.dy + at, row, rows, job.row, job.mean, sums, products);
  if (index == job.units - 1 && job.rest > 0) {
    const end = <usize>job.rows * row;
    addColumns(mode, job.x + end, job.dy + end, row, 1, job.rest, job.mean, sums, products);
  }
}

/** Adds up what the units have summed: to[c], float64. `second`: the second sums of GRADIENT. */
function addParts(job: Channels, second: bool, to: usize): void {
  const channels = job.channels;
  const both = job.mode == GRADIENT;
  let from = job.partial;
  memory.fill(to, 0, (<usize>channels) << 3);
  if (job.runs > 0) {
    if (second) from += 8;
    for (let run = 0; run < job.runs; run++) {
      const at = to + ((<usize>(run % channels)) << 3);
      for (let piece = 0; piece < job.pieces; piece++) {
        store<f64>(at, load<f64>(at) + load<f64>(from));
        from += both ? 16 : 8;
      }
    }
    return;
  }
  const bytes = (<usize>job.row) << 3;
  if (second) from += bytes;
  for (let unit = 1; unit < job.units; unit++) {
    const other = from + <usize>unit * (both ? 2 * bytes : bytes);
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(from + i, f64x2.add(v128.load(from + i), v128.load(other + i)));
    }
  }
  const end = from + bytes;
  while (from < end) {
    for (let channel = 0; channel < channels; channel++) {
      const at = to + ((<usize>channel) << 3);
      let sum = load<f64>(at);
      for (let i = 0; i < job.inner; i++) {
        sum += load<f64>(from);
        from += 8;
      }
      store<f64>(at, sum);
    }
  }
}

/** Mean and biased variance, each [C]. */
export function batchStatistics(x: usize, outer: i32, channels: i32, inner: i32, mean: usize, variance: usize): void {
  const job = changetype<Channels>(unitArguments());
  layOut(job, outer, channels, inner);
  const parts = partialBytes(job, PLAIN);
  const sums = sharedScratch(((<usize>channels) << 3) + parts + ((<usize>patternLength(job)) << 2));
  job.x = x;
  job.dy = 0;
  job.partial = sums + ((<usize>channels) << 3);
  job.mean = job.partial + parts;
  job.mode = PLAIN;
  parallel(CHANNEL_SUMS, job.units);
  addParts(job, false, sums);
  const cells = <f64>outer * <f64>inner;
  for (let channel = 0; channel < channels; channel++) {
    const sum = load<f64>(sums + ((<usize>channel) << 3));
    store<f32>(mean + ((<usize>channel) << 2), <f32>(sum / cells));
  }
  layOutNumbers(job, mean, job.mean);
  job.mode = SQUARES;
  parallel(CHANNEL_SUMS, job.units);
  addParts(job, false, sums);
  for (let channel = 0; channel < channels; channel++) {
    const sum = load<f64>(sums + ((<usize>channel) << 3));
    store<f32>(variance + ((<usize>channel) << 2), <f32>(sum / cells));
  }
}

// Normalising ---------------------------------------------------------------------------------------------------------

/** y = (x - mean) factor + offset for up to four cells. */
// @ts-ignore: decorator
@inline
function normalise(x: v128, mean: v128, factor: v128, offset: v128): v128 {
  return madd(offset, f32x4.sub(x, mean), factor);
}

/** Four columns of `rows` rows, 1 or 4, `row` bytes apart, from cell `at` on; the columns begin at `i`. */
// @ts-ignore: decorator
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

/** y = (x - mean) / sqrt(variance + epsilon) gamma + beta; gamma and beta may be 0, which is none. */
export function batchNormalise(
  x: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f64,
  y: usize,
): void {
  const job = changetype<Channels>(unitArguments());
  layOut(job, outer, channels, inner);
  const length = (<usize>patternLength(job)) << 2;
  const numbers = (<usize>channels) << 2;
  const factors = sharedScratch(2 * numbers + 3 * length);
  const offsets = factors + numbers;
  for (let i: usize = 0; i < numbers; i += 4) {
    const inverse = 1 / Math.sqrt(<f64>load<f32>(variance + i) + epsilon);
    store<f32>(factors + i, <f32>(gamma != 0 ? inverse * <f64>load<f32>(gamma + i) : inverse));
    store<f32>(offsets + i, beta != 0 ? load<f32>(beta + i) : 0);
  }
  job.x = x;
  job.y = y;
  job.mean = offsets + numbers;
  job.factor = job.mean + length;
  job.offset = job.factor + length;
  layOutNumbers(job, mean, job.mean);
  layOutNumbers(job, factors, job.factor);
  layOutNumbers(job, offsets, job.offset);
  parallel(CHANNEL_NORMALISE, job.units);
}

// Gradient ------------------------------------------------------------------------------------------------------------

/** dx = factor (dy - offset - (x - mean) slope). */
// @ts-ignore: decorator
@inline
function gradient(dy: v128, x: v128, mean: v128, factor: v128, offset: v128, slope: v128): v128 {
  const along = f32x4.mul(f32x4.sub(x, mean), slope);
  return f32x4.mul(f32x4.sub(f32x4.sub(dy, offset), along), factor);
}

/** As normaliseColumns. */
// @ts-ignore: decorator
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

// @ts-ignore: decorator
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

/**
 * dx, and for each channel dgamma and dbeta. `batch`: mean and variance are those of x itself. gamma may be 0, which is
 * none.
 */
export function batchNormGradient(
  dy: usize,
  x: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  variance: usize,
  gamma: usize,
  epsilon: f64,
  batch: bool,
  dx: usize,
  dgamma: usize,
  dbeta: usize,
): void {
  const job = changetype<Channels>(unitArguments());
  layOut(job, outer, channels, inner);
  const parts = partialBytes(job, GRADIENT);
  const length = (<usize>patternLength(job)) << 2;
  const numbers = (<usize>channels) << 2;
  const sums = sharedScratch(7 * numbers + parts + 4 * length);
  const products = sums + 2 * numbers;
  const factors = products + 2 * numbers;
  const offsets = factors + numbers;
  const slopes = offsets + numbers;
  job.partial = slopes + numbers;
  job.mean = job.partial + parts;
  job.factor = job.mean + length;
  job.offset = job.factor + length;
  job.slope = job.offset + length;
  job.x = x;
  job.dy = dy;
  job.y = dx;
  job.batch = batch;
  job.mode = GRADIENT;
  layOutNumbers(job, mean, job.mean);
  parallel(CHANNEL_SUMS, job.units);
  addParts(job, false, sums);
  addParts(job, true, products);
  const cells = <f64>outer * <f64>inner;
  for (let channel = 0; channel < channels; channel++) {
    const i = (<usize>channel) << 2;
    const inverse = 1 / Math.sqrt(<f64>load<f32>(variance + i) + epsilon);
    const sum = load<f64>(sums + 2 * i);
    const product = load<f64>(products + 2 * i) * inverse;
    store<f32>(dbeta + i, <f32>sum);
    store<f32>(dgamma + i, <f32>product);
    store<f32>(factors + i, <f32>(gamma != 0 ? inverse * <f64>load<f32>(gamma + i) : inverse));
    store<f32>(offsets + i, <f32>(sum / cells));
    store<f32>(slopes + i, <f32>((product * inverse) / cells));
  }
  layOutNumbers(job, factors, job.factor);
  layOutNumbers(job, offsets, job.offset);
  layOutNumbers(job, slopes, job.slope);
  parallel(CHANNEL_GRADIENT, job.units);
}

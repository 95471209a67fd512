/**
 * How batch normalisation goes through x; the units are channel_sums.ts, channel_normalise.ts and channel_gradient.ts.
 * See kernels/contracts/batch_norm.ts for the formulas.
 *
 *   x [outer, C, inner], one mean, variance, gain and offset for each of the C channels.
 *
 * Two ways to go through x. Where inner is short (channels last: 1), as a matrix whose rows hold all the channels, with
 * the channels' numbers laid out as such a row. Short rows are taken several at a time, as one: [100, 3] is gone through
 * as [5, 60]. Where inner is long, run by run of `inner` cells of one channel.
 *
 * Sums are made for each part of x and added up in the order of the parts, in float64; the variance is that of x - mean.
 */
import {GRADIENT, sideBySide} from '../../arithmetic/moments';

/** Cells of a unit: 10 to 50 microseconds. */
const UNIT_SIZE: i32 = 65536;

/** Rows of a unit at least: its sums are as long as a row, and should not weigh against x. */
const MOST_ROWS: i32 = 64;

/** From this length on x is walked through in runs. */
const LONG_RUN: i32 = 16;

@unmanaged
export class Channels {
  x: usize;
  dy: usize;
  y: usize;
  /** What to sum; see arithmetic/moments.ts. */
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
export function cutIntoUnits(job: Channels, outer: i32, channels: i32, inner: i32): void {
  job.channels = channels;
  job.inner = inner;
  if (inner >= LONG_RUN) {
    job.runs = outer * channels;
    job.pieces = (inner + UNIT_SIZE - 1) / UNIT_SIZE;
    job.piece = ((inner + job.pieces - 1) / job.pieces + 3) & ~3;
    job.piecesPerUnit = max(1, UNIT_SIZE / job.piece);
    job.units = (job.runs * job.pieces + job.piecesPerUnit - 1) / job.piecesPerUnit;
    return;
  }
  const once = channels * inner;
  const times = sideBySide(once);
  job.runs = 0;
  job.row = once * times;
  job.rows = outer / times;
  job.rest = (outer % times) * once;
  job.rowsPerUnit = max(MOST_ROWS, UNIT_SIZE / job.row);
  job.units = (max(1, job.rows) + job.rowsPerUnit - 1) / job.rowsPerUnit;
}

/** Bytes of what is summed apart before it is added up. */
export function partialBytes(job: Channels, mode: i32): usize {
  const sums = job.runs > 0 ? <usize>job.runs * <usize>job.pieces : <usize>job.units * <usize>job.row;
  return sums << (mode == GRADIENT ? 4 : 3);
}

/** How many numbers stand for one number of each channel. */
// @ts-expect-error: decorator
@inline
export function patternLength(job: Channels): i32 {
  return job.runs > 0 ? job.channels : job.row;
}

/** to[i] = the number of the channel of cell i of a row. */
export function layOutNumbers(job: Channels, from: usize, to: usize): void {
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

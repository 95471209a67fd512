/** The gradients of a depthwise convolution; see units/convolutions/depthwise.ts. */
import {unitArguments} from '../ground/control_block';
import {sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {Depthwise} from '../units/convolutions/depthwise';
import {ConvolutionSizes} from '../units/convolutions/sizes';
import {DEPTHWISE_FILTER, DEPTHWISE_INPUT} from '../units/kinds';
import {sumParts} from './product';

/** Multiplications of a unit: about 60 microseconds. */
const UNIT_WORK: i64 = 1 << 19;

/** Multiplications below which other threads are not worth waking. */
const SMALL: i64 = 1 << 17;

/** Most parts of dW. */
const PARTS: i32 = 64;

/** Multiplications of all taps, inside or not. */
function workOf(sizes: ConvolutionSizes): i64 {
  const cells = <i64>sizes.batch * <i64>sizes.outHeight * <i64>sizes.outWidth;
  return max<i64>(1, cells * <i64>(sizes.filterHeight * sizes.filterWidth) * <i64>sizes.outChannels);
}

function rowsOfUnit(rows: i32, work: i64): i32 {
  return <i32>max<i64>(1, min<i64>(rows, (UNIT_WORK * <i64>rows) / work));
}

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

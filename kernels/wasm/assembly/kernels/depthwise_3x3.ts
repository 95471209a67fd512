/** A 3x3 convolution of each channel by itself and its gradients; see units/convolutions/depthwise_3x3.ts. */
import {unitArguments} from '../ground/control_block';
import {sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {Depthwise3x3} from '../units/convolutions/depthwise_3x3';
import {Depthwise3x3Weight} from '../units/convolutions/depthwise_3x3_weight';
import {DEPTHWISE_3X3, DEPTHWISE_3X3_WEIGHT} from '../units/kinds';
import {sumParts} from './product';

/** Numbers of the result that a unit computes: about 30 microseconds. */
const UNIT_SIZE: i32 = 1 << 15;

/** Most parts of dW. */
const PARTS: i32 = 64;

/**
 * y [batch, height, width, channels] from x of that shape. Weight [9, channels], from its end if `turned`; bias and addend may
 * be 0, which is none.
 */
export function depthwise3x3(
  x: usize,
  weight: usize,
  turned: bool,
  bias: usize,
  residual: bool,
  addend: usize,
  y: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
): void {
  const job = changetype<Depthwise3x3>(unitArguments());
  const tap = (<isize>channels) << 2;
  job.x = x;
  job.weight = turned ? weight + <usize>(8 * tap) : weight;
  job.tap = turned ? -tap : tap;
  job.bias = bias;
  job.residual = residual;
  job.addend = addend;
  job.y = y;
  job.height = height;
  job.width = width;
  job.channels = channels;
  job.rows = batch * height;
  job.rowsPerUnit = max(1, UNIT_SIZE / (width * channels));
  parallel(DEPTHWISE_3X3, (job.rows + job.rowsPerUnit - 1) / job.rowsPerUnit);
}

/** dW [9, channels] from x and dy, each [batch, height, width, channels]. */
export function depthwise3x3Weight(
  x: usize,
  dy: usize,
  dw: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
): void {
  const rows = batch * height;
  const rowsPerUnit = max(max(1, UNIT_SIZE / (width * channels)), (rows + PARTS - 1) / PARTS);
  const parts = (rows + rowsPerUnit - 1) / rowsPerUnit;
  const size = <usize>channels * 9;
  const partial = parts > 1 ? sharedScratch((size * <usize>parts) << 2) : dw;
  const job = changetype<Depthwise3x3Weight>(unitArguments());
  job.x = x;
  job.dy = dy;
  job.dw = partial;
  job.height = height;
  job.width = width;
  job.channels = channels;
  job.rows = rows;
  job.rowsPerUnit = rowsPerUnit;
  parallel(DEPTHWISE_3X3_WEIGHT, parts);
  if (parts > 1) sumParts(partial, parts, size, dw);
}

/** Patch merging and its gradient; shapes and order are in units/patch_merge.ts. */
import {unitArguments} from '../ground/control_block';
import {parallel} from '../threads';
import {PATCH_MERGE, PATCH_MERGE_GRADIENT} from '../units/kinds';
import {PatchMerge} from '../units/patch_merge';

/** Bytes of a unit: about 30 microseconds. */
const UNIT_BYTES: usize = 1 << 18;

function moveRows(
  kind: i32,
  from: usize,
  to: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
): void {
  const job = changetype<PatchMerge>(unitArguments());
  job.from = from;
  job.to = to;
  job.height = height;
  job.width = width;
  job.cell = (<usize>channels) << 2;
  job.rows = batch * ((height + 1) >> 1);
  job.rowsPerUnit = <i32>max<usize>(1, UNIT_BYTES / (2 * <usize>(width + 1) * job.cell));
  parallel(kind, (job.rows + job.rowsPerUnit - 1) / job.rowsPerUnit);
}

/** y from x [batch, height, width, channels]. */
export function patchMerge(x: usize, batch: i32, height: i32, width: i32, channels: i32, y: usize): void {
  moveRows(PATCH_MERGE, x, y, batch, height, width, channels);
}

/** dx, of that shape, from dy. */
export function patchMergeGradient(
  dy: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  dx: usize,
): void {
  moveRows(PATCH_MERGE_GRADIENT, dy, dx, batch, height, width, channels);
}

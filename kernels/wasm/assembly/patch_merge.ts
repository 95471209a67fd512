/**
 * Patch merging and its gradient: the four cells of every 2x2 square side by side; see kernels/contracts/patch_merge.ts.
 *
 *   x [B, H, W, C],  y [B, ceil(H / 2), ceil(W / 2), 4 C]
 *
 * A row of y is two rows of x in turn: the cell of the upper row and that of the lower one, column after column. Cells
 * past the end of x are 0 in y; the gradient leaves them out.
 */
import {parallel, unitArguments} from './threads';
import {copyBytes} from './copy';
import {PATCH_MERGE, PATCH_MERGE_GRADIENT} from './kinds';

@unmanaged
class Merge {
  from: usize;
  to: usize;
  height: i32;
  width: i32;
  /** Bytes of a cell. */
  cell: usize;
  /** Rows of y, and how many a unit takes. */
  rows: i32;
  rowsPerUnit: i32;
}

/** Bytes of a unit: about 30 microseconds. */
const UNIT: usize = 1 << 18;

/** Goes along the rows of y of a unit, copying cells of x into them or back. */
// @ts-ignore: decorator
@inline
function moveCells(merge: bool, index: i32): void {
  const job = changetype<Merge>(unitArguments());
  const cell = job.cell;
  const width = job.width;
  const height = job.height;
  const halfHeight = (height + 1) >> 1;
  const line = <usize>width * cell;
  const x = merge ? job.from : job.to;
  const y = merge ? job.to : job.from;
  const first = index * job.rowsPerUnit;
  const last = min(job.rows, first + job.rowsPerUnit);
  for (let row = first; row < last; row++) {
    const top = (row % halfHeight) << 1;
    let upper = x + <usize>((row / halfHeight) * height + top) * line;
    let lower = top + 1 < height ? upper + line : 0;
    let at = y + <usize>row * 2 * <usize>((width + 1) & ~1) * cell;
    for (let column = 0; column < width; column++) {
      if (merge) copyBytes(upper, at, cell);
      else copyBytes(at, upper, cell);
      upper += cell;
      at += cell;
      if (lower != 0) {
        if (merge) copyBytes(lower, at, cell);
        else copyBytes(at, lower, cell);
        lower += cell;
      } else if (merge) {
        memory.fill(at, 0, cell);
      }
      at += cell;
    }
    if (merge && (width & 1) != 0) memory.fill(at, 0, 2 * cell);
  }
}

export function patchMergeUnit(index: i32): void {
  moveCells(true, index);
}

export function patchMergeGradientUnit(index: i32): void {
  moveCells(false, index);
}

function run(kind: i32, from: usize, to: usize, batch: i32, height: i32, width: i32, channels: i32): void {
  const job = changetype<Merge>(unitArguments());
  job.from = from;
  job.to = to;
  job.height = height;
  job.width = width;
  job.cell = (<usize>channels) << 2;
  job.rows = batch * ((height + 1) >> 1);
  job.rowsPerUnit = <i32>max<usize>(1, UNIT / (2 * <usize>(width + 1) * job.cell));
  parallel(kind, (job.rows + job.rowsPerUnit - 1) / job.rowsPerUnit);
}

/** y from x [batch, height, width, channels]. */
export function patchMerge(x: usize, batch: i32, height: i32, width: i32, channels: i32, y: usize): void {
  run(PATCH_MERGE, x, y, batch, height, width, channels);
}

/** dx, of that shape, from dy. */
export function patchMergeGradient(dy: usize, batch: i32, height: i32, width: i32, channels: i32, dx: usize): void {
  run(PATCH_MERGE_GRADIENT, dy, dx, batch, height, width, channels);
}

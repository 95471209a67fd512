/**
 * Patch merging and its gradient: the four cells of every 2x2 square side by side; see kernels/contracts/patch_merge.ts.
 *
 *   x [B, H, W, C],  y [B, ceil(H / 2), ceil(W / 2), 4 C]
 *
 * A row of y is two rows of x in turn: the cell of the upper row and that of the lower one, column after column. Cells
 * past the end of x are 0 in y; the gradient leaves them out.
 */
import {copyBytes} from '../arithmetic/copy';
import {unitArguments} from '../ground/control_block';

@unmanaged
export class PatchMerge {
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

/** Goes along the rows of y of a unit, copying cells of x into them or back. */
// @ts-expect-error: decorator
@inline
function moveCells(merge: bool, index: i32): void {
  const job = changetype<PatchMerge>(unitArguments());
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

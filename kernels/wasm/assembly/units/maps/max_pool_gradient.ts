/**
 * The gradient of max pooling: every cell of dy goes to the cell of its window that holds the maximum, the first one where
 * several do.
 *
 *   x, dx [B, H, W, C],  y, dy [B, h, w, C];  window (i, j) begins at (i strideHeight - top, j strideWidth - left)
 *
 * Windows may overlap, and reach over the edges of x. An image is one thread's work, so that no two add to one cell.
 */
import {loadSome, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class MaxPoolGradient {
  x: usize;
  y: usize;
  dy: usize;
  dx: usize;
  batch: i32;
  height: i32;
  width: i32;
  channels: i32;
  outHeight: i32;
  outWidth: i32;
  filterHeight: i32;
  filterWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  top: i32;
  left: i32;
  imagesPerUnit: i32;
}

/** Adds one cell of dy, at `from` in y and dy, to dx. The window has rows [row, lastRow) and columns [column, lastColumn). */
// @ts-expect-error: decorator
@inline
function addCell(
  job: MaxPoolGradient,
  image: usize,
  from: usize,
  row: i32,
  lastRow: i32,
  column: i32,
  lastColumn: i32,
): void {
  const line = (<usize>job.channels) << 2;
  for (let c = 0; c < job.channels; c += 4) {
    const count = min(4, job.channels - c);
    const offset = (<usize>c) << 2;
    const maximum = loadSome(job.y + from + offset, count);
    const g = loadSome(job.dy + from + offset, count);
    /** All bits set where the maximum has not been met yet. */
    let open = i32x4.splat(-1);
    for (let i = row; i < lastRow; i++) {
      let at = image + <usize>(i * job.width + column) * line + offset;
      for (let j = column; j < lastColumn; j++) {
        // Not below, and not equal: NaN gets its gradient too.
        const hit = v128.andnot(open, f32x4.lt(loadSome(job.x + at, count), maximum));
        storeSome(job.dx + at, f32x4.add(loadSome(job.dx + at, count), v128.and(hit, g)), count);
        open = v128.andnot(open, hit);
        at += line;
      }
    }
  }
}

export function maxPoolGradientUnit(index: i32): void {
  const job = changetype<MaxPoolGradient>(unitArguments());
  const line = (<usize>job.channels) << 2;
  const size = <usize>(job.height * job.width) * line;
  const first = index * job.imagesPerUnit;
  const last = min(job.batch, first + job.imagesPerUnit);
  for (let b = first; b < last; b++) {
    const image = <usize>b * size;
    memory.fill(job.dx + image, 0, size);
    let from = <usize>b * <usize>(job.outHeight * job.outWidth) * line;
    for (let i = 0; i < job.outHeight; i++) {
      const row = i * job.strideHeight - job.top;
      const lastRow = min(job.height, row + job.filterHeight);
      for (let j = 0; j < job.outWidth; j++) {
        const column = j * job.strideWidth - job.left;
        const lastColumn = min(job.width, column + job.filterWidth);
        addCell(job, image, from, max(0, row), lastRow, max(0, column), lastColumn);
        from += line;
      }
    }
  }
}

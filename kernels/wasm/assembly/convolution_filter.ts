/**
 * The gradient of a convolution for its filter:
 *
 *   dW[kh, kw, c, d] = sum over b, p, q of x[b, p sh + kh dh - top, q sw + kw dw - left, c] dy[b, p, q, d]
 *
 *   x [B, H, W, Cin], dy [B, OH, OW, Cout], dW [KH, KW, Cin, Cout]; cells outside of x are 0.
 *
 * It is A^T dy with dy [cells, Cout] and A [cells, KH KW Cin], the numbers that each cell sees. 256 cells at a time, A is
 * gathered from x, four columns at a time, into the strips that a product reads (block.ts). As for
 * any product with few results and long sums, units are blocks of dW for a part of the cells, and the parts are added
 * up in order (see product.ts).
 *
 * A tap outside of x counts as 0 times dy. So dy that is not finite makes NaN in every tap of its cell.
 */
import {ownScratch, parallel, unitArguments} from './threads';
import {reserveOwnScratch, sharedScratch} from './arena';
import {block, blockBytes} from './block';
import {productColumns, sumParts} from './product';
import {firstInside, insideUntil, isPointwise, Sizes} from './convolution_sizes';
import {CONVOLUTION_FILTER} from './kinds';

@unmanaged
class FilterGradient extends Sizes {
  x: usize;
  dy: usize;
  to: usize;
  /** Rows and terms of the product, and how they are cut. */
  m: i32;
  cells: i32;
  rowsPerUnit: i32;
  columnsPerUnit: i32;
  rowUnits: i32;
  columnUnits: i32;
  parts: i32;
  partLength: i32;
}

/** Terms of the sums that are packed at once. */
const DEPTH: i32 = 256;

/** Most rows and columns of a unit. */
const BLOCK: i32 = 192;

/** Units that there should be at least, where there is work for them. */
const UNITS: i32 = 64;

/** Multiplications below which other threads are not worth waking: 20 microseconds. */
const SMALL: i64 = 1 << 19;

/** Most bytes of the parts. */
const PARTS: usize = 1 << 23;

/**
 * Column `row` of A (channel c of tap kh, kw) or, with `lanes` 4, four that lie next to each other in x, the last of
 * them of tap `lastTap` in the row of the filter: `depth` cells from number `first` on, 16 bytes apart at `to`.
 */
// @ts-ignore: decorator
@inline
function gather(
  lanes: i32,
  job: FilterGradient,
  kh: i32,
  kw: i32,
  lastTap: i32,
  c: i32,
  first: i32,
  depth: i32,
  to: usize,
): void {
  const outWidth = job.outWidth;
  const outHeight = job.outHeight;
  const height = job.height;
  const width = job.width;
  const channels = job.channels;
  const strideWidth = job.strideWidth;
  const dilation = job.dilationWidth;
  const start = kw * dilation - job.left;
  const from = firstInside(start, strideWidth);
  const until = insideUntil(lastTap * dilation - job.left, strideWidth, width);
  const step = <usize>(strideWidth * channels) << 2;
  let q = first % outWidth;
  let p = (first / outWidth) % outHeight;
  let b = first / outWidth / outHeight;
  while (depth > 0) {
    const last = min(outWidth, q + depth);
    depth -= last - q;
    const y = p * job.strideHeight + kh * job.dilationHeight - job.top;
    if (y < 0 || y >= height) {
      for (; q < last; q++) {
        if (lanes == 4) v128.store(to, f32x4.splat(0));
        else store<f32>(to, 0);
        to += 16;
      }
    } else {
      let at = job.x + (<usize>(((b * height + y) * width + q * strideWidth + start) * channels + c) << 2);
      while (q < last) {
        if (q >= from && q < until) {
          const end = to + (<usize>(min(last, until) - q) << 4);
          q = min(last, until);
          while (to < end) {
            if (lanes == 4) v128.store(to, v128.load(at));
            else store<f32>(to, load<f32>(at));
            at += step;
            to += 16;
          }
        } else {
          if (lanes == 4) {
            // Some of the four may be inside.
            let tap = kw;
            let channel = c;
            for (let lane: usize = 0; lane < 16; lane += 4) {
              const column = q * strideWidth + tap * dilation - job.left;
              store<f32>(to + lane, column >= 0 && column < width ? load<f32>(at + lane) : 0);
              if (++channel == channels) {
                channel = 0;
                tap++;
              }
            }
          } else {
            store<f32>(to, 0);
          }
          at += step;
          to += 16;
          q++;
        }
      }
    }
    q = 0;
    if (++p == outHeight) {
      p = 0;
      b++;
    }
  }
}

function gatherFour(
  job: FilterGradient,
  kh: i32,
  kw: i32,
  lastTap: i32,
  c: i32,
  first: i32,
  depth: i32,
  to: usize,
): void {
  gather(4, job, kh, kw, lastTap, c, first, depth, to);
}

function gatherOne(job: FilterGradient, kh: i32, kw: i32, c: i32, first: i32, depth: i32, to: usize): void {
  gather(1, job, kh, kw, kw, c, first, depth, to);
}

/** Columns [row, row + count) of A for `depth` cells from number `first` on, as a strip [depth][4]. */
function gatherStrip(job: FilterGradient, row: i32, count: i32, first: i32, depth: i32, to: usize): void {
  const channels = job.channels;
  const line = job.filterWidth * channels;
  const end = row + count - 1;
  const kh = row / line;
  const kw = (row % line) / channels;
  const lastTap = (end % line) / channels;
  if (count == 4 && kh == end / line && (kw == lastTap || job.dilationWidth == 1)) {
    gatherFour(job, kh, kw, lastTap, row % channels, first, depth, to);
    return;
  }
  if (count < 4) memory.fill(to, 0, (<usize>depth) << 4);
  for (let lane = 0; lane < count; lane++) {
    const one = row + lane;
    const place = to + (<usize>lane << 2);
    gatherOne(job, one / line, (one % line) / channels, one % channels, first, depth, place);
  }
}

export function convolutionFilterUnit(index: i32): void {
  const job = changetype<FilterGradient>(unitArguments());
  const n = job.outChannels;
  const part = index % job.parts;
  const place = index / job.parts;
  const row = (place % job.rowUnits) * job.rowsPerUnit;
  const column = (place / job.rowUnits) * job.columnsPerUnit;
  const rows = min(job.rowsPerUnit, job.m - row);
  const columns = min(job.columnsPerUnit, n - column);
  const first = part * job.partLength;
  const last = min(job.cells, first + job.partLength);
  const ldc = (<usize>n) << 2;
  const to = job.to + (<usize>part * <usize>job.m + <usize>row) * ldc + ((<usize>column) << 2);
  const scratch = ownScratch();
  const strips = scratch + blockBytes(job.rowsPerUnit, DEPTH);
  for (let cell = first; cell < last; cell += DEPTH) {
    const depth = min(DEPTH, last - cell);
    const strip = (<usize>depth) << 4;
    for (let r = 0; r < rows; r += 4) {
      gatherStrip(job, row + r, min(4, rows - r), cell, depth, strips + <usize>(r >> 2) * strip);
    }
    const dy = job.dy + <usize>cell * ldc + ((<usize>column) << 2);
    block(rows, strips, strip, 16, columns, dy, ldc, false, depth, to, ldc, cell != first, scratch);
  }
}

/** dW from x and dy. Sizes by convolutionSizes. */
export function convolutionFilterGradient(x: usize, dy: usize, dw: usize): void {
  const job = changetype<FilterGradient>(unitArguments());
  const n = job.outChannels;
  const cells = job.batch * job.outHeight * job.outWidth;
  if (isPointwise(job)) {
    const m = job.channels;
    productColumns(x, (<usize>m) << 2, dy, (<usize>n) << 2, dw, m, n, cells);
    return;
  }
  const m = job.filterHeight * job.filterWidth * job.channels;
  const rowUnits = (m + BLOCK - 1) / BLOCK;
  const columnUnits = (n + BLOCK - 1) / BLOCK;
  const blocks = rowUnits * columnUnits;
  const size = <usize>m * <usize>n;
  // Each part has enough terms to be worth the adding up.
  const most = max(1, min(cells / (2 * DEPTH), <i32>(PARTS / (size << 2))));
  const parts = min(most, (UNITS + blocks - 1) / blocks);
  const partLength = (((cells + parts - 1) / parts + DEPTH - 1) / DEPTH) * DEPTH;
  const used = (cells + partLength - 1) / partLength;
  const partial = used > 1 ? sharedScratch((size * <usize>used) << 2) : dw;
  const columnsPerUnit = ((n + columnUnits - 1) / columnUnits + 7) & ~7;
  const rowsPerUnit = ((m + rowUnits - 1) / rowUnits + 3) & ~3;
  reserveOwnScratch(blockBytes(rowsPerUnit, DEPTH) + ((<usize>rowsPerUnit * DEPTH) << 2));
  job.x = x;
  job.dy = dy;
  job.to = partial;
  job.m = m;
  job.cells = cells;
  job.rowsPerUnit = rowsPerUnit;
  job.columnsPerUnit = columnsPerUnit;
  job.rowUnits = rowUnits;
  job.columnUnits = columnUnits;
  job.parts = used;
  job.partLength = partLength;
  parallel(CONVOLUTION_FILTER, blocks * used, <i64>size * <i64>cells < SMALL);
  if (used > 1) sumParts(partial, used, size, dw);
}

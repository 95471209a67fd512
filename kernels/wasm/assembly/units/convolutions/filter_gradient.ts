/**
 * The gradient of a convolution for its filter:
 *
 *   dW[kh, kw, c, d] = sum over b, p, q of x[b, p sh + kh dh - top, q sw + kw dw - left, c] dy[b, p, q, d]
 *
 *   x [B, H, W, Cin], dy [B, OH, OW, Cout], dW [KH, KW, Cin, Cout]; cells outside of x are 0.
 *
 * It is A^T dy with dy [cells, Cout] and A [cells, KH KW Cin], the numbers that each cell sees. 256 cells at a time, A is
 * gathered from x, four columns at a time, into the strips that a product reads (arithmetic/block.ts). As for
 * any product with few results and long sums, units are blocks of dW for a part of the cells, and the parts are added
 * up in order (see products/sum_parts.ts).
 *
 * A tap outside of x counts as 0 times dy. So dy that is not finite makes NaN in every tap of its cell.
 */
import {blockBytes, blockProduct} from '../../arithmetic/block';
import {ownScratch, unitArguments} from '../../ground/control_block';
import {ConvolutionSizes, firstInside, insideUntil} from './sizes';

@unmanaged
export class FilterGradient extends ConvolutionSizes {
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
export const DEPTH: i32 = 256;

/**
 * Column `row` of A (channel c of tap kh, kw) or, with `lanes` 4, four that lie next to each other in x, the last of
 * them of tap `lastTap` in the row of the filter: `depth` cells from number `first` on, 16 bytes apart at `to`.
 */
// @ts-expect-error: decorator
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
  const step = (<usize>(strideWidth * channels)) << 2;
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
      let at = job.x + ((<usize>(((b * height + y) * width + q * strideWidth + start) * channels + c)) << 2);
      while (q < last) {
        if (q >= from && q < until) {
          const end = to + ((<usize>(min(last, until) - q)) << 4);
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
    const place = to + ((<usize>lane) << 2);
    gatherOne(job, one / line, (one % line) / channels, one % channels, first, depth, place);
  }
}

export function filterGradientUnit(index: i32): void {
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
    blockProduct(rows, strips, strip, 16, columns, dy, ldc, false, depth, to, ldc, cell != first, scratch);
  }
}

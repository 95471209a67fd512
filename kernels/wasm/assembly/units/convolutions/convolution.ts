/**
 * Convolution and its gradient for the input, both as one product of matrices whose left factor is read where it lies:
 *
 *   forward:   y[b, p, q, d]  = f(bias[d] + sum over kh, kw, c of x[b, i, j, c] W[kh, kw, c, d])
 *   gradient:  dx[b, i, j, c] = sum over kh, kw, d of dy[b, p, q, d] W[kh, kw, c, d]
 *
 *   where tap kh, kw meets cell i = p sh + kh dh - top, j = q sw + kw dw - left
 *
 *   x, dx [B, H, W, Cin], y, dy [B, OH, OW, Cout], W [KH, KW, Cin, Cout], bias [Cout]; f identity, ReLU or ReLU6.
 *   Taps that fall outside, or in the gradient between two cells, do not count.
 *
 * For four output cells at a time a list holds where each tap finds its four rows of channels; a row of zeros stands
 * for those outside. Taps of one row of the filter are one piece where they lie next to each other and are short, so
 * that a few channels make a long loop too. The filter is packed into panels in the order of the taps.
 *
 * In the gradient, cells of the same (i mod sh, j mod sw), a class, are seen by the same taps. Each class is a
 * convolution of stride 1 with its part of the filter, turned around, and only taps that can land are visited.
 *
 * 0 times a number of the filter that is not finite would be NaN in cells which that tap does not reach. So packing
 * looks for such numbers, and where there is one the taps outside are left out, a cell at a time.
 *
 * Source: Dukhan 2019, "The Indirect Convolution Algorithm", for the lists.
 */
import {loadSome} from '../../arithmetic/vector';
import {ownScratch, unitArguments} from '../../ground/control_block';
import {Convolution} from './arguments';
import {AXIS_BYTES, Axis, panelsOfClass, setForwardAxis, setGradientAxis} from './axis';
import {fillLists, joins} from './lists';
import {exactTile, narrowTile, wideTile} from './tiles';

/** Own scratch: two axes and eight numbers of the bias, then the lists, then the copies. */
export const LISTS: usize = 128;

export function convolutionUnit(index: i32): void {
  const job = changetype<Convolution>(unitArguments());
  const n = job.n;
  const inner = job.inner;
  const kind = index / job.unitsPerClass;
  const place = index % job.unitsPerClass;
  const scratch = ownScratch();
  const rows = changetype<Axis>(scratch);
  const columns = changetype<Axis>(scratch + AXIS_BYTES);
  let panels = job.panels;
  if (job.gradient) {
    const down = kind / job.strideWidth;
    const across = kind % job.strideWidth;
    setGradientAxis(rows, down, job.rows, job.filterHeight, job.strideHeight, job.dilationHeight, job.top);
    setGradientAxis(
      columns,
      across,
      job.columns,
      job.filterWidth,
      job.strideWidth,
      job.dilationWidth,
      job.left,
    );
    panels = panelsOfClass(job, down, across);
  } else {
    setForwardAxis(rows, job.rows, job.filterHeight, job.strideHeight, job.dilationHeight, job.top);
    setForwardAxis(columns, job.columns, job.filterWidth, job.strideWidth, job.dilationWidth, job.left);
  }
  const first = (place / job.unitsPerRow) * job.cellsPerUnit;
  const last = min(job.batch * rows.cells * columns.cells, first + job.cellsPerUnit);
  const firstColumn = (place % job.unitsPerRow) * job.columnsPerUnit;
  const lastColumn = min(n, firstColumn + job.columnsPerUnit);
  const joined = !job.exact && joins(columns, inner);
  const runs = joined ? rows.taps : rows.taps * columns.taps;
  const k = joined ? columns.taps * inner : inner;
  const listBytes = (<usize>(1 + runs)) << 4;
  const panel = (<usize>(runs * k)) << 5;
  const bias = scratch + 2 * AXIS_BYTES;
  const lists = scratch + LISTS;
  const copies = lists + <usize>((job.block + 3) >> 2) * ((<usize>(1 + rows.taps * columns.taps)) << 4);
  for (let start = first; start < last; start += job.block) {
    const count = min(job.block, last - start);
    fillLists(job, rows, columns, joined, start, count, lists, copies);
    for (let column = firstColumn; column < lastColumn; column += 8) {
      const b = panels + <usize>(column >> 3) * panel;
      const wide = min(8, n - column);
      const at = (<usize>column) << 2;
      v128.store(bias, job.bias != 0 ? loadSome(job.bias + at, wide) : f32x4.splat(0));
      v128.store(bias, job.bias != 0 ? loadSome(job.bias + at + 16, wide - 4) : f32x4.splat(0), 16);
      let list = lists;
      if (job.exact) {
        for (let i = 0; i < count; i++) {
          exactTile(job.zeros, list + ((<usize>(i & 3)) << 2), runs, k, b, bias, at, wide, job.activation);
          if ((i & 3) == 3) list += listBytes;
        }
        continue;
      }
      for (let left = count; left > 0; left -= 4) {
        if (wide > 4) wideTile(list, left, runs, k, b, bias, at, wide, job.activation);
        else narrowTile(list, left, runs, k, b, bias, at, wide, job.activation);
        list += listBytes;
      }
    }
  }
}

/**
 * A 3x3 convolution of each channel by itself, with stride 1 and zeros around the map; kernels/contracts has the formula
 * (depthwise_convolution.ts). The gradient for x is the same with the weight read from its end.
 *
 * A unit is some rows of the result. Four cells side by side are computed together: they share the weights and most of
 * the cells that they see. The last four cells of a row may overlap the four before them; cells are computed alike
 * wherever they stand, so that the same number is written twice.
 */
import {loadSome, madd, storeSome} from '../../arithmetic/vector';
import {unitArguments} from '../../ground/control_block';

@unmanaged
export class Depthwise3x3 {
  x: usize;
  /** The weight of the first tap, and bytes from a tap to the next: fewer than 0 from the end to the beginning. */
  weight: usize;
  tap: isize;
  /** May be 0: none; likewise addend. */
  bias: usize;
  addend: usize;
  residual: bool;
  y: usize;
  height: i32;
  width: i32;
  channels: i32;
  /** Rows of all maps. */
  rows: i32;
  rowsPerUnit: i32;
}

/** Adds x and the addend, where they are wanted, and writes the first `some` of four numbers. */
// @ts-expect-error: decorator
@inline
function finish(y: usize, sum: v128, x: usize, residual: bool, addend: usize, some: i32): void {
  if (residual) sum = f32x4.add(sum, loadSome(x, some));
  if (addend != 0) sum = f32x4.add(sum, loadSome(addend, some));
  storeSome(y, sum, some);
}

/**
 * Four cells side by side, `some` of four channels. `x`, `y` and `addend` are the places of the first of them.
 *
 * @param first bytes from x to the first cell that it sees in its own column, `taps` that cell's weight; `lines` of them.
 * @param left whether there is a cell before the four, likewise `right` behind them.
 */
// @ts-expect-error: decorator
@inline
function fourCells(
  some: i32,
  x: usize,
  y: usize,
  bias: usize,
  residual: bool,
  addend: usize,
  first: usize,
  line: usize,
  lines: i32,
  taps: usize,
  tap: usize,
  cell: usize,
  left: bool,
  right: bool,
): void {
  const cell2 = cell + cell;
  const cell3 = cell2 + cell;
  let s0 = bias != 0 ? loadSome(bias, some) : f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let from = x + first;
  let w = taps;
  for (; lines > 0; lines--) {
    const x0 = loadSome(from, some);
    const x1 = loadSome(from + cell, some);
    const x2 = loadSome(from + cell2, some);
    const x3 = loadSome(from + cell3, some);
    let v = loadSome(w, some);
    if (left) s0 = madd(s0, loadSome(from - cell, some), v);
    s1 = madd(s1, x0, v);
    s2 = madd(s2, x1, v);
    s3 = madd(s3, x2, v);
    w += tap;
    v = loadSome(w, some);
    s0 = madd(s0, x0, v);
    s1 = madd(s1, x1, v);
    s2 = madd(s2, x2, v);
    s3 = madd(s3, x3, v);
    w += tap;
    v = loadSome(w, some);
    s0 = madd(s0, x1, v);
    s1 = madd(s1, x2, v);
    s2 = madd(s2, x3, v);
    if (right) s3 = madd(s3, loadSome(from + cell3 + cell, some), v);
    from += line;
    w += tap;
  }
  const next = addend != 0 ? cell : 0;
  finish(y, s0, x, residual, addend, some);
  finish(y + cell, s1, x + cell, residual, addend + next, some);
  finish(y + cell2, s2, x + cell2, residual, addend + 2 * next, some);
  finish(y + cell3, s3, x + cell3, residual, addend + 3 * next, some);
}

/** One cell, for maps of fewer than four columns. */
// @ts-expect-error: decorator
@inline
function oneCell(
  some: i32,
  x: usize,
  y: usize,
  bias: usize,
  residual: bool,
  addend: usize,
  first: usize,
  line: usize,
  lines: i32,
  taps: usize,
  tap: usize,
  cell: usize,
  left: bool,
  right: bool,
): void {
  let sum = bias != 0 ? loadSome(bias, some) : f32x4.splat(0);
  let from = x + first;
  let w = taps;
  for (; lines > 0; lines--) {
    if (left) sum = madd(sum, loadSome(from - cell, some), loadSome(w, some));
    sum = madd(sum, loadSome(from, some), loadSome(w + tap, some));
    if (right) sum = madd(sum, loadSome(from + cell, some), loadSome(w + 2 * tap, some));
    from += line;
    w += 3 * tap;
  }
  finish(y, sum, x, residual, addend, some);
}

/** All channels of the cells of row `row` from `column` on: four of them, or one where `narrow`. */
function computeCells(job: Depthwise3x3, row: i32, column: i32, narrow: bool): void {
  const width = job.width;
  const cell = (<usize>job.channels) << 2;
  const line = <usize>width * cell;
  const tap = <usize>job.tap;
  const i = row % job.height;
  const above = i > 0;
  const lines = 1 + i32(above) + i32(i + 1 < job.height);
  const first: usize = above ? 0 - line : 0;
  const at = <usize>row * line + <usize>column * cell;
  let taps = above ? job.weight : job.weight + 3 * tap;
  let x = job.x + at;
  let y = job.y + at;
  let addend: usize = job.addend != 0 ? job.addend + at : 0;
  let bias = job.bias;
  const residual = job.residual;
  const left = column > 0;
  const right = column + (narrow ? 1 : 4) < width;
  const add: usize = addend != 0 ? 16 : 0;
  const next: usize = bias != 0 ? 16 : 0;
  for (let c = job.channels; c > 0; c -= 4) {
    if (narrow) {
      oneCell(min(4, c), x, y, bias, residual, addend, first, line, lines, taps, tap, cell, left, right);
    } else if (c >= 4) {
      fourCells(4, x, y, bias, residual, addend, first, line, lines, taps, tap, cell, left, right);
    } else {
      fourCells(c, x, y, bias, residual, addend, first, line, lines, taps, tap, cell, left, right);
    }
    x += 16;
    y += 16;
    addend += add;
    bias += next;
    taps += 16;
  }
}

export function depthwise3x3Unit(index: i32): void {
  const job = changetype<Depthwise3x3>(unitArguments());
  const width = job.width;
  const last = min(job.rows, (index + 1) * job.rowsPerUnit);
  for (let row = index * job.rowsPerUnit; row < last; row++) {
    if (width < 4) {
      for (let column = 0; column < width; column++) computeCells(job, row, column, true);
    } else {
      for (let column = 0; column < width; column += 4) {
        computeCells(job, row, min(column, width - 4), false);
      }
    }
  }
}

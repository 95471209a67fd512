/**
 * Transposes and blocks of tensors: copies of rows, and matrices that change places with their transposes.
 *
 *   rows      y[i, j, k, l, r] = x[base + i s0 + j s1 + k s2 + l s3 + r step], each a row of bytes that stays whole:
 *             permutations that keep the last axis, and slices
 *   squares   y[..., c, ..., r] = x[..., r, ..., c]: permutations that do not, for numbers of four bytes
 *
 * Axes that stay neighbours count as one, so four outer axes are enough for rank 6.
 */
import {parallel, unitArguments} from './threads';
import {copyBytes} from './copy';
import {storeColumns} from './pack';
import {COPY_ROWS, TRANSPOSE_SQUARES} from './kinds';

@unmanaged
class Permutation {
  x: usize;
  y: usize;
  /** Sizes of the outer axes, in the order of y, and how many bytes of x and of y apart their steps are. */
  size1: i32;
  size2: i32;
  size3: i32;
  from0: usize;
  from1: usize;
  from2: usize;
  from3: usize;
  to0: usize;
  to1: usize;
  to2: usize;
  to3: usize;
  /** Rows: how many follow each other at `step`, and their bytes. Squares: rows and columns of a matrix of x. */
  rows: i32;
  columns: i32;
  step: usize;
  /** Squares: bytes from one row of the transposed matrix to the next. */
  toStep: usize;
  bytes: usize;
  /** Rows: a run of them is cut into pieces of `piece` rows. */
  pieces: i32;
  piece: i32;
  /** What units are made of: pieces of runs, or tiles of matrices. */
  items: i32;
  itemsPerUnit: i32;
  tilesDown: i32;
  tilesAcross: i32;
}

/** Bytes of a unit: 10 to 50 microseconds. */
const UNIT: usize = 1 << 18;

/** Offset in x of outer index `i`. */
// @ts-ignore: decorator
@inline
function fromOffset(job: Permutation, i: i32): usize {
  const i3 = i % job.size3;
  i /= job.size3;
  const i2 = i % job.size2;
  i /= job.size2;
  return (
    <usize>(i / job.size1) * job.from0 +
    <usize>(i % job.size1) * job.from1 +
    <usize>i2 * job.from2 +
    <usize>i3 * job.from3
  );
}

/** Offset in y of outer index `i`. */
// @ts-ignore: decorator
@inline
function toOffset(job: Permutation, i: i32): usize {
  const i3 = i % job.size3;
  i /= job.size3;
  const i2 = i % job.size2;
  i /= job.size2;
  return (
    <usize>(i / job.size1) * job.to0 + <usize>(i % job.size1) * job.to1 + <usize>i2 * job.to2 + <usize>i3 * job.to3
  );
}

// Rows ----------------------------------------------------------------------------------------------------------------

export function copyRowsUnit(index: i32): void {
  const job = changetype<Permutation>(unitArguments());
  const bytes = job.bytes;
  const step = job.step;
  const rows = job.rows;
  const pieces = job.pieces;
  const first = index * job.itemsPerUnit;
  const last = min(job.items, first + job.itemsPerUnit);
  for (let item = first; item < last; item++) {
    const run = item / pieces;
    const begin = (item % pieces) * job.piece;
    let from = job.x + fromOffset(job, run) + <usize>begin * step;
    let to = job.y + (<usize>run * <usize>rows + <usize>begin) * bytes;
    for (let left = min(job.piece, rows - begin); left > 0; left--) {
      copyBytes(from, to, bytes);
      from += step;
      to += bytes;
    }
  }
}

/** See the head of this file. The axes are those of y, the last of them `rows`; `bytes` of a row. */
export function copyRows(
  x: usize,
  y: usize,
  size0: i32,
  size1: i32,
  size2: i32,
  size3: i32,
  from0: usize,
  from1: usize,
  from2: usize,
  from3: usize,
  rows: i32,
  step: usize,
  bytes: usize,
): void {
  const job = changetype<Permutation>(unitArguments());
  job.x = x;
  job.y = y;
  job.size1 = size1;
  job.size2 = size2;
  job.size3 = size3;
  job.from0 = from0;
  job.from1 = from1;
  job.from2 = from2;
  job.from3 = from3;
  job.rows = rows;
  job.step = step;
  job.bytes = bytes;
  job.piece = min(rows, <i32>max<usize>(1, UNIT / bytes));
  job.pieces = (rows + job.piece - 1) / job.piece;
  job.items = size0 * size1 * size2 * size3 * job.pieces;
  job.itemsPerUnit = <i32>max<usize>(1, UNIT / (<usize>job.piece * bytes));
  parallel(COPY_ROWS, (job.items + job.itemsPerUnit - 1) / job.itemsPerUnit);
}

// Squares -------------------------------------------------------------------------------------------------------------

/** Rows and columns of a tile: what it touches fits the first cache, however far its rows lie apart. */
const TILE: i32 = 64;

/** A 4 x 4 square. */
// @ts-ignore: decorator
@inline
function transposeSquare(from: usize, step: usize, to: usize, toStep: usize): void {
  storeColumns(
    v128.load(from),
    v128.load(from + step),
    v128.load(from + 2 * step),
    v128.load(from + 3 * step),
    to,
    toStep,
  );
}

function transposeTile(x: usize, step: usize, y: usize, toStep: usize, rows: i32, columns: i32): void {
  const down = (<usize>(rows & ~3)) << 2;
  const across = (<usize>(columns & ~3)) << 2;
  // Offsets in x along a row and in y along a row. Along the rows that lie further apart, so that the lines of memory
  // between two steps of the outer loop are few.
  if (step > toStep) {
    for (let row: usize = 0; row < down; row += 16) {
      const from = x + (row >> 2) * step;
      let to = y + row;
      for (let column: usize = 0; column < across; column += 16) {
        transposeSquare(from + column, step, to, toStep);
        to += toStep << 2;
      }
    }
  } else {
    for (let column: usize = 0; column < across; column += 16) {
      let from = x + column;
      const to = y + (column >> 2) * toStep;
      for (let row: usize = 0; row < down; row += 16) {
        transposeSquare(from, step, to + row, toStep);
        from += step << 2;
      }
    }
  }
  for (let row = 0; row < rows; row++) {
    // Columns that are left, and all columns of the rows that are.
    const begin: usize = row < (rows & ~3) ? across : 0;
    const from = x + <usize>row * step;
    let to = y + ((<usize>row) << 2) + (begin >> 2) * toStep;
    for (let column = begin; column < (<usize>columns) << 2; column += 4) {
      store<u32>(to, load<u32>(from + column));
      to += toStep;
    }
  }
}

export function transposeSquaresUnit(index: i32): void {
  const job = changetype<Permutation>(unitArguments());
  const first = index * job.itemsPerUnit;
  const last = min(job.items, first + job.itemsPerUnit);
  const tiles = job.tilesDown * job.tilesAcross;
  for (let item = first; item < last; item++) {
    const outer = item / tiles;
    const tile = item % tiles;
    const row = (tile / job.tilesAcross) * TILE;
    const column = (tile % job.tilesAcross) * TILE;
    const x = job.x + fromOffset(job, outer) + <usize>row * job.step + ((<usize>column) << 2);
    const y = job.y + toOffset(job, outer) + <usize>column * job.toStep + ((<usize>row) << 2);
    transposeTile(x, job.step, y, job.toStep, min(TILE, job.rows - row), min(TILE, job.columns - column));
  }
}

/**
 * Transposes matrices of x [rows, columns], columns next to each other and rows `step` bytes apart, into matrices of y
 * whose rows are next to each other and whose columns are `toStep` bytes apart.
 */
export function transposeSquares(
  x: usize,
  y: usize,
  size0: i32,
  size1: i32,
  size2: i32,
  size3: i32,
  from0: usize,
  from1: usize,
  from2: usize,
  from3: usize,
  to0: usize,
  to1: usize,
  to2: usize,
  to3: usize,
  rows: i32,
  step: usize,
  columns: i32,
  toStep: usize,
): void {
  const job = changetype<Permutation>(unitArguments());
  job.x = x;
  job.y = y;
  job.size1 = size1;
  job.size2 = size2;
  job.size3 = size3;
  job.from0 = from0;
  job.from1 = from1;
  job.from2 = from2;
  job.from3 = from3;
  job.to0 = to0;
  job.to1 = to1;
  job.to2 = to2;
  job.to3 = to3;
  job.rows = rows;
  job.columns = columns;
  job.step = step;
  job.toStep = toStep;
  job.tilesDown = (rows + TILE - 1) / TILE;
  job.tilesAcross = (columns + TILE - 1) / TILE;
  job.items = size0 * size1 * size2 * size3 * job.tilesDown * job.tilesAcross;
  const bytes = <usize>(min(rows, TILE) * min(columns, TILE)) << 2;
  job.itemsPerUnit = <i32>max<usize>(1, UNIT / bytes);
  parallel(TRANSPOSE_SQUARES, (job.items + job.itemsPerUnit - 1) / job.itemsPerUnit);
}

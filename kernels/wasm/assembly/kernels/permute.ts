/** Transposes and blocks of tensors; see units/permutation.ts. */
import {unitArguments} from '../ground/control_block';
import {parallel} from '../threads';
import {COPY_ROWS, TRANSPOSE_SQUARES} from '../units/kinds';
import {Permutation} from '../units/permutation';
import {TILE} from '../units/transpose_squares';

/** Bytes of a unit: 10 to 50 microseconds. */
const UNIT_BYTES: usize = 1 << 18;

/** Rows. The axes are those of y, the last of them `rows`; `bytes` of a row. */
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
  job.piece = min(rows, <i32>max<usize>(1, UNIT_BYTES / bytes));
  job.pieces = (rows + job.piece - 1) / job.piece;
  job.items = size0 * size1 * size2 * size3 * job.pieces;
  job.itemsPerUnit = <i32>max<usize>(1, UNIT_BYTES / (<usize>job.piece * bytes));
  parallel(COPY_ROWS, (job.items + job.itemsPerUnit - 1) / job.itemsPerUnit);
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
  const bytes = (<usize>(min(rows, TILE) * min(columns, TILE))) << 2;
  job.itemsPerUnit = <i32>max<usize>(1, UNIT_BYTES / bytes);
  parallel(TRANSPOSE_SQUARES, (job.items + job.itemsPerUnit - 1) / job.itemsPerUnit);
}

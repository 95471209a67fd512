/**
 * Products of matrices with the left factor in rows, and what follows a product in a network:
 *
 *   C[M, N] = s[row] * f(A B + bias) + addend,   A [M, K] read in place, B packed into panels (arithmetic/pack.ts)
 *
 *   f  identity or exact GELU; bias [N]; s one factor per `scaleRows` rows; addend [M, N]; z [M, N] keeps A B + bias.
 *   Each of them may be left out (0).
 *
 * A unit is a block of C. How the work is cut depends on the shapes alone, so the result does not depend on the threads.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication", for packing and blocking.
 */
import {inFours, rowsTimes} from '../../arithmetic/tile';
import {gelu} from '../../arithmetic/transcendental';
import {loadSome, storeSome} from '../../arithmetic/vector';
import {constants, ownScratch, unitArguments} from '../../ground/control_block';

@unmanaged
export class ProductRows {
  a: usize;
  lda: usize;
  panels: usize;
  c: usize;
  bias: usize;
  addend: usize;
  z: usize;
  scale: usize;
  scaleRows: i32;
  activate: bool;
  m: i32;
  n: i32;
  k: i32;
  rowsPerUnit: i32;
  columnsPerUnit: i32;
  unitsPerRow: i32;
}

/** Bytes at the beginning of own scratch: eight numbers of the bias. */
export const BIAS_SCRATCH: usize = 64;

/** s f(z) + addend for `rows` by `columns` of z at `tile`. */
function finishRows(
  job: ProductRows,
  tile: usize,
  ld: usize,
  row: i32,
  rows: i32,
  column: i32,
  columns: i32,
): void {
  const ldc = (<usize>job.n) << 2;
  const pool = constants();
  const activate = job.activate;
  for (let r = 0; r < rows; r++) {
    const at = <usize>(row + r) * ldc + ((<usize>column) << 2);
    const z = job.z != 0 ? job.z + at : 0;
    const addend = job.addend != 0 ? job.addend + at : 0;
    const c = job.c + at;
    const factor =
      job.scale != 0
        ? v128.load32_splat(job.scale + ((<usize>((row + r) / job.scaleRows)) << 2))
        : f32x4.splat(1);
    const bytes = (<usize>columns) << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      let v = v128.load(tile + i);
      if (z != 0) v128.store(z + i, v);
      if (activate) v = gelu(v, pool);
      v = f32x4.mul(v, factor);
      if (addend != 0) v = f32x4.add(v, v128.load(addend + i));
      v128.store(c + i, v);
    }
    if (i < bytes) {
      const count = <i32>((bytes - i) >> 2);
      let v = v128.load(tile + i);
      if (z != 0) storeSome(z + i, v, count);
      if (activate) v = gelu(v, pool);
      v = f32x4.mul(v, factor);
      if (addend != 0) v = f32x4.add(v, loadSome(addend + i, count));
      storeSome(c + i, v, count);
    }
    tile += ld;
  }
}

/** Bytes of panels that stay in the first cache while rows pass by. */
export const FIRST_CACHE: i32 = 24576;

export function productRowsUnit(index: i32): void {
  const job = changetype<ProductRows>(unitArguments());
  const row = (index / job.unitsPerRow) * job.rowsPerUnit;
  const rows = min(job.rowsPerUnit, job.m - row);
  const first = (index % job.unitsPerRow) * job.columnsPerUnit;
  const last = min(job.n, first + job.columnsPerUnit);
  const wide = max(8, (FIRST_CACHE / (max(1, job.k) << 2)) & ~7);
  const whole = first + ((last - first) & ~7);
  for (let column = first; column < whole; column += wide) {
    const bias = job.bias != 0 ? job.bias + ((<usize>column) << 2) : 0;
    blockOfRows(job, row, rows, column, min(wide, whole - column), bias);
  }
  if (whole == last) return;
  let bias: usize = 0;
  if (job.bias != 0) {
    bias = ownScratch();
    const from = job.bias + ((<usize>whole) << 2);
    v128.store(bias, loadSome(from, last - whole));
    v128.store(bias, loadSome(from + 16, last - whole - 4), 16);
  }
  blockOfRows(job, row, rows, whole, last - whole, bias);
}

/** A block of C; `bias` is that of its first column, readable for whole panels. */
function blockOfRows(job: ProductRows, row: i32, rows: i32, column: i32, columns: i32, bias: usize): void {
  const k = job.k;
  const lda = job.lda;
  const ldc = (<usize>job.n) << 2;
  const count = (columns + 7) >> 3;
  const panels = job.panels + ((<usize>(column >> 3) * <usize>k) << 5);
  let a = job.a + <usize>row * lda;
  const at = <usize>row * ldc + ((<usize>column) << 2);
  if (job.z == 0 && !job.activate && job.scale == 0 && (columns & 7) == 0) {
    rowsTimes(rows, a, lda, panels, count, k, job.c + at, ldc, bias, job.addend != 0 ? job.addend + at : 0);
    return;
  }
  const tile = ownScratch() + BIAS_SCRATCH;
  const ld = (<usize>count) << 5;
  while (rows > 0) {
    const some = inFours(rows) > 0 ? 4 : rows;
    rowsTimes(some, a, lda, panels, count, k, tile, ld, bias, 0);
    finishRows(job, tile, ld, row, some, column, columns);
    a += <usize>some * lda;
    row += some;
    rows -= some;
  }
}

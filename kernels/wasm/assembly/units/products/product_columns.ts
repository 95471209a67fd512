/**
 * Products of matrices with the left factor in columns, the shape of weight gradients:
 *
 *   C[M, N] = A^T B,   A [K, M], B [K, N], packed piece by piece
 *
 * There are few results and long sums, so a unit is a block of C for a part of the sum; the parts are then added up in
 * their order (sum_parts.ts). How the work is cut depends on the shapes alone, so the result does not depend on the
 * threads.
 */
import {blockProduct} from '../../arithmetic/block';
import {packStrips} from '../../arithmetic/pack';
import {ownScratch, unitArguments} from '../../ground/control_block';

@unmanaged
export class ProductColumns {
  a: usize;
  lda: usize;
  b: usize;
  ldb: usize;
  c: usize;
  m: i32;
  n: i32;
  k: i32;
  rowsPerUnit: i32;
  columnsPerUnit: i32;
  rowUnits: i32;
  columnUnits: i32;
  parts: i32;
  partLength: i32;
}

/** Terms of the sums that are packed at once. */
export const DEPTH: i32 = 256;

export function productColumnsUnit(index: i32): void {
  const job = changetype<ProductColumns>(unitArguments());
  const m = job.m;
  const n = job.n;
  const part = index % job.parts;
  const place = index / job.parts;
  const row = (place % job.rowUnits) * job.rowsPerUnit;
  const column = (place / job.rowUnits) * job.columnsPerUnit;
  const rows = min(job.rowsPerUnit, m - row);
  const columns = min(job.columnsPerUnit, n - column);
  const first = part * job.partLength;
  const last = min(job.k, first + job.partLength);
  const ldc = (<usize>n) << 2;
  const c = job.c + <usize>part * <usize>m * ldc + <usize>row * ldc + ((<usize>column) << 2);
  const strips = ownScratch();
  const scratch = strips + stripBytes(rows);
  // Narrow rows stay in the first cache as they are; a last strip would reach past the row.
  const inPlace = (m & 3) == 0 && job.lda <= 256;
  for (let k = first; k < last; k += DEPTH) {
    const depth = min(DEPTH, last - k);
    const b = job.b + <usize>k * job.ldb + ((<usize>column) << 2);
    let a = job.a + <usize>k * job.lda + ((<usize>row) << 2);
    let strip: usize = 16;
    let lda = job.lda;
    if (!inPlace) {
      packStrips(a, lda, depth, rows, strips);
      a = strips;
      strip = (<usize>depth) << 4;
      lda = 16;
    }
    blockProduct(rows, a, strip, lda, columns, b, job.ldb, false, depth, c, ldc, k != first, scratch);
  }
}

/** Bytes of a piece of A as strips. */
export function stripBytes(rows: i32): usize {
  return (<usize>((rows + 3) & ~3) * <usize>DEPTH) << 2;
}

/**
 * Products of matrices as tfjs asks for them: C_i = f(op(A_i) op(B_i) + bias) for every i of a batch.
 *
 *   a_i [M, K] or, transposed, [K, M];  b_i [K, N] or, transposed, [N, K];  bias [N], or none;  C_i [M, N]
 *   f  identity, relu or relu6
 *
 * A unit is a block of C, or all of C for several items that are small. It packs its part of B for itself, DEPTH terms of
 * the sums at a time, and adds to C: a block has so many rows that packing costs little, nothing is shared, and however
 * large the factors are, what is packed fits the second cache. A is read in place where it lies in rows, and packed in
 * strips where it lies in columns (arithmetic/pack.ts). Two shapes go another way: a few rows (few_rows.ts), and A^T B,
 * with few results and long sums (product_columns.ts).
 */
import {activate} from '../../arithmetic/activation';
import {blockBytes, blockProduct} from '../../arithmetic/block';
import {packStrips} from '../../arithmetic/pack';
import {loadSome, storeSome} from '../../arithmetic/vector';
import {ownScratch, unitArguments} from '../../ground/control_block';

@unmanaged
export class MatrixProducts {
  a: usize;
  lda: usize;
  transposeA: bool;
  b: usize;
  ldb: usize;
  transposeB: bool;
  c: usize;
  ldc: usize;
  bias: usize;
  activation: i32;
  m: i32;
  n: i32;
  k: i32;
  /** Bytes from one item's factor to the next one's. */
  strideA: usize;
  strideB: usize;
  /** Blocks of an item, and pieces of them: several blocks make a unit. */
  rows: i32;
  columns: i32;
  blocksAcross: i32;
  blocksPerItem: i32;
  blocks: i32;
  blocksPerUnit: i32;
}

/** Terms of the sums that are packed, and added up, before they go to C. */
export const DEPTH: i32 = 512;

/** f(C + bias) in place. */
function finishBlock(job: MatrixProducts, c: usize, rows: i32, column: i32, columns: i32): void {
  const bias = job.bias + ((<usize>column) << 2);
  for (; rows > 0; rows--) {
    for (let i = 0; i < columns; i += 4) {
      const at = (<usize>i) << 2;
      let v = loadSome(c + at, columns - i);
      if (job.bias != 0) v = f32x4.add(v, loadSome(bias + at, columns - i));
      if (job.activation != 0) v = activate(job.activation, v);
      storeSome(c + at, v, columns - i);
    }
    c += job.ldc;
  }
}

/** Rows [row, row + rows) and columns [column, column + columns) of one product. */
function oneBlock(
  job: MatrixProducts,
  a: usize,
  b: usize,
  c: usize,
  row: i32,
  rows: i32,
  column: i32,
  columns: i32,
): void {
  const k = job.k;
  const lda = job.lda;
  const ldb = job.ldb;
  const strips = ownScratch() + blockBytes(rows, min(DEPTH, k));
  c += <usize>row * job.ldc + ((<usize>column) << 2);
  for (let term = 0; term < k; term += DEPTH) {
    const depth = min(DEPTH, k - term);
    const from = job.transposeB
      ? b + <usize>column * ldb + ((<usize>term) << 2)
      : b + <usize>term * ldb + ((<usize>column) << 2);
    let left = a + <usize>row * lda + ((<usize>term) << 2);
    let strip: usize = 0;
    let step = lda;
    if (job.transposeA) {
      packStrips(a + <usize>term * lda + ((<usize>row) << 2), lda, depth, rows, strips);
      left = strips;
      strip = (<usize>depth) << 4;
      step = 16;
    }
    blockProduct(
      rows,
      left,
      strip,
      step,
      columns,
      from,
      ldb,
      job.transposeB,
      depth,
      c,
      job.ldc,
      term != 0,
      ownScratch(),
    );
  }
  if (job.bias != 0 || job.activation != 0) finishBlock(job, c, rows, column, columns);
}

export function matrixProductsUnit(index: i32): void {
  const job = changetype<MatrixProducts>(unitArguments());
  const begin = index * job.blocksPerUnit;
  const end = min(job.blocks, begin + job.blocksPerUnit);
  for (let i = begin; i < end; i++) {
    const item = <usize>(i / job.blocksPerItem);
    const inItem = i % job.blocksPerItem;
    const row = (inItem / job.blocksAcross) * job.rows;
    const column = (inItem % job.blocksAcross) * job.columns;
    oneBlock(
      job,
      job.a + item * job.strideA,
      job.b + item * job.strideB,
      job.c + item * <usize>job.m * job.ldc,
      row,
      min(job.rows, job.m - row),
      column,
      min(job.columns, job.n - column),
    );
  }
}

/**
 * Products of matrices as tfjs asks for them: C_i = f(op(A_i) op(B_i) + bias) for every i of a batch.
 *
 *   a_i [M, K] or, transposed, [K, M];  b_i [K, N] or, transposed, [N, K];  bias [N], or none;  C_i [M, N]
 *   f  identity, relu or relu6
 *
 * A unit is a block of C, or all of C for several items that are small. It packs its part of B for itself, DEPTH terms of
 * the sums at a time, and adds to C: a block has so many rows that packing costs little, nothing is shared, and however
 * large the factors are, what is packed fits the second cache. A is read in place where it lies in rows, and packed in
 * strips where it lies in columns (pack.ts). Two shapes go another way: a few rows (few_rows.ts), and A^T B, with few
 * results and long sums (product.ts).
 */
import {ownScratch, parallel, unitArguments} from './threads';
import {reserveOwnScratch} from './arena';
import {block, blockBytes} from './block';
import {fewRows, FEW} from './few_rows';
import {packStrips} from './pack';
import {productColumns} from './product';
import {MATRIX_PRODUCTS} from './kinds';
import {activate} from './activation';
import {loadSome, storeSome} from './vector';

@unmanaged
class Products {
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
const DEPTH: i32 = 512;

/** Most rows and columns of a block. */
const ROWS: i32 = 256;
const COLUMNS: i32 = 512;

/** Multiplications of a unit: 50 to 100 microseconds; and of a product that is not worth waking a thread for. */
const UNIT_WORK: f64 = 2e6;
const SMALL_WORK: f64 = 3e5;

/** f(C + bias) in place. */
function finish(job: Products, c: usize, rows: i32, column: i32, columns: i32): void {
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
function oneBlock(job: Products, a: usize, b: usize, c: usize, row: i32, rows: i32, column: i32, columns: i32): void {
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
    block(rows, left, strip, step, columns, from, ldb, job.transposeB, depth, c, job.ldc, term != 0, ownScratch());
  }
  if (job.bias != 0 || job.activation != 0) finish(job, c, rows, column, columns);
}

export function matrixProductsUnit(index: i32): void {
  const job = changetype<Products>(unitArguments());
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

/**
 * See the head of this file. Items of A and of B lie strideA and strideB bytes apart (0: the same for all), those of C
 * one after the other. `activation` 0 to 2: none, relu, relu6. No size may be 0.
 */
export function matrixProducts(
  items: i32,
  a: usize,
  strideA: usize,
  transposeA: bool,
  b: usize,
  strideB: usize,
  transposeB: bool,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  bias: usize,
  activation: i32,
): void {
  const lda = (<usize>(transposeA ? m : k)) << 2;
  const ldb = (<usize>(transposeB ? k : n)) << 2;
  const work = <f64>m * <f64>n * <f64>k;
  if (items == 1 && (m == 1 || (m <= FEW && !transposeA))) {
    fewRows(a, b, transposeB, c, m, n, k, bias, activation);
    return;
  }
  if (transposeA && !transposeB && bias == 0 && activation == 0 && (items == 1 || work > 4 * UNIT_WORK)) {
    const size = (<usize>m * <usize>n) << 2;
    for (; items > 0; items--) {
      productColumns(a, lda, b, ldb, c, m, n, k);
      a += strideA;
      b += strideB;
      c += size;
    }
    return;
  }
  const down = (m + ROWS - 1) / ROWS;
  const rows = ((m + down - 1) / down + 3) & ~3;
  // As many columns as make up a unit, and not so many that there is one unit alone.
  const fill = UNIT_WORK / (<f64>rows * <f64>k);
  const most = max(16, min(COLUMNS, <i32>min<f64>(fill, <f64>COLUMNS) & ~7));
  const across = (n + most - 1) / most;
  const columns = ((n + across - 1) / across + 7) & ~7;
  reserveOwnScratch(
    blockBytes(rows, min(DEPTH, k)) + (transposeA ? (<usize>rows * <usize>min(DEPTH, k)) << 2 : 0),
  );
  const job = changetype<Products>(unitArguments());
  job.a = a;
  job.lda = lda;
  job.transposeA = transposeA;
  job.b = b;
  job.ldb = ldb;
  job.transposeB = transposeB;
  job.c = c;
  job.ldc = (<usize>n) << 2;
  job.bias = bias;
  job.activation = activation;
  job.m = m;
  job.n = n;
  job.k = k;
  job.strideA = strideA;
  job.strideB = strideB;
  job.rows = rows;
  job.columns = columns;
  job.blocksAcross = across;
  job.blocksPerItem = down * across;
  job.blocks = items * job.blocksPerItem;
  job.blocksPerUnit = <i32>max<f64>(1, min<f64>(<f64>job.blocks, UNIT_WORK / 2 / (<f64>rows * <f64>columns * <f64>k)));
  const units = (job.blocks + job.blocksPerUnit - 1) / job.blocksPerUnit;
  parallel(MATRIX_PRODUCTS, units, work * <f64>items < SMALL_WORK);
}

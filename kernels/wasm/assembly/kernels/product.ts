/**
 * Products of matrices: the formulas are in units/products/product_rows.ts and product_columns.ts. Here the work is cut
 * into units, by the shapes alone.
 */
import {blockBytes} from '../arithmetic/block';
import {unitArguments} from '../ground/control_block';
import {reserveOwnScratch, sharedScratch} from '../ground/scratch';
import {parallel} from '../threads';
import {PACK_PANELS, PRODUCT_COLUMNS, PRODUCT_ROWS, SUM_PARTS} from '../units/kinds';
import {PackPanels} from '../units/products/pack_panels';
import {DEPTH, ProductColumns, stripBytes} from '../units/products/product_columns';
import {BIAS_SCRATCH, FIRST_CACHE, ProductRows} from '../units/products/product_rows';
import {SumParts, UNIT_SIZE} from '../units/products/sum_parts';

/** Panels of B, which lies as [K, N] or as [N, K] (`transposed`) with rows `ldb` bytes apart. */
export function packPanels(b: usize, ldb: usize, k: i32, n: i32, transposed: bool, to: usize): void {
  const job = changetype<PackPanels>(unitArguments());
  job.b = b;
  job.ldb = ldb;
  job.k = k;
  job.n = n;
  job.transposed = transposed;
  job.to = to;
  job.panelsPerUnit = max(1, 8192 / max(1, k));
  const panels = (n + 7) >> 3;
  parallel(PACK_PANELS, (panels + job.panelsPerUnit - 1) / job.panelsPerUnit);
}

/** Multiplications of a unit: about 60 microseconds. */
const UNIT_WORK: i32 = 1 << 21;

/** `lda` in bytes; `panels` from packPanels; bias, z, scale and addend may be 0, which is none. */
export function productRows(
  a: usize,
  lda: usize,
  panels: usize,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  bias: usize,
  activate: bool,
  z: usize,
  scale: usize,
  scaleRows: i32,
  addend: usize,
): void {
  // Five rows of as many columns as FIRST_CACHE holds for the shortest sums.
  reserveOwnScratch(BIAS_SCRATCH + 20 * <usize>max(8, FIRST_CACHE / (max(1, k) << 2)));
  const job = changetype<ProductRows>(unitArguments());
  job.a = a;
  job.lda = lda;
  job.panels = panels;
  job.c = c;
  job.bias = bias;
  job.addend = addend;
  job.z = z;
  job.scale = scale;
  job.scaleRows = scaleRows;
  job.activate = activate;
  job.m = m;
  job.n = n;
  job.k = k;
  // Rows of A that stay in the second cache while the panels pass by, and a multiple of four.
  const rows = min(m, max(16, min(64, (32768 / max(1, k)) & ~3)));
  const wide = max(1, UNIT_WORK / max(1, rows * k));
  job.rowsPerUnit = rows;
  job.columnsPerUnit = min((n + 7) & ~7, max(8, wide & ~7));
  job.unitsPerRow = (n + job.columnsPerUnit - 1) / job.columnsPerUnit;
  parallel(PRODUCT_ROWS, ((m + rows - 1) / rows) * job.unitsPerRow);
}

/** Most rows and columns of C in a unit. */
const BLOCK: i32 = 192;

/** C = A^T B for a [K, M] and b [K, N], their rows lda and ldb bytes apart. */
export function productColumns(
  a: usize,
  lda: usize,
  b: usize,
  ldb: usize,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
): void {
  const rowUnits = (m + BLOCK - 1) / BLOCK;
  const columnUnits = (n + BLOCK - 1) / BLOCK;
  const blocks = rowUnits * columnUnits;
  // So many parts that there are eight units, as long as each has enough terms to be worth the adding up.
  const parts = max(1, min((8 + blocks - 1) / blocks, k / (2 * DEPTH)));
  const partLength = (((k + parts - 1) / parts + DEPTH - 1) / DEPTH) * DEPTH;
  const used = max(1, (k + partLength - 1) / partLength);
  const size = <usize>m * <usize>n;
  const partial = used > 1 ? sharedScratch((size * <usize>used) << 2) : c;
  reserveOwnScratch(stripBytes(min(m, BLOCK)) + blockBytes(min(m, BLOCK), DEPTH));
  const job = changetype<ProductColumns>(unitArguments());
  job.a = a;
  job.lda = lda;
  job.b = b;
  job.ldb = ldb;
  job.c = partial;
  job.m = m;
  job.n = n;
  job.k = k;
  job.rowUnits = rowUnits;
  job.columnUnits = columnUnits;
  job.rowsPerUnit = ((m + rowUnits - 1) / rowUnits + 3) & ~3;
  job.columnsPerUnit = ((n + columnUnits - 1) / columnUnits + 7) & ~7;
  job.parts = used;
  job.partLength = partLength;
  parallel(PRODUCT_COLUMNS, blocks * used);
  if (used > 1) sumParts(partial, used, size, c);
}

/** to[i] = sum over parts of from[part][i], `size` numbers. */
export function sumParts(from: usize, parts: i32, size: usize, to: usize): void {
  const job = changetype<SumParts>(unitArguments());
  job.from = from;
  job.parts = parts;
  job.size = size;
  job.to = to;
  parallel(SUM_PARTS, <i32>((size + UNIT_SIZE - 1) / UNIT_SIZE));
}

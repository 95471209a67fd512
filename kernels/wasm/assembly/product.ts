/**
 * Products of matrices: C = f(op(A) B') with what follows a product in a network.
 *
 *   rows:     C[M, N] = s[row] * f(A B + bias) + addend,   A [M, K] read in place, B packed into panels (pack.ts)
 *   columns:  C[M, N] = A^T B,                             A [K, M], B [K, N], packed piece by piece
 *
 *   f  identity or exact GELU; bias [N]; s one factor per `scaleRows` rows; addend [M, N]; z [M, N] keeps A B + bias.
 *   Each of them may be left out (0).
 *
 * Units of `rows` are blocks of C. `columns`, the shape of weight gradients, has few outputs and long sums: its units
 * are blocks of C for a part of the sum, whose results are then added up in the order of the parts. How the work is cut
 * depends on the shapes alone, so the result does not depend on the threads.
 *
 * Source: Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication", for packing and blocking.
 */
import {constants, ownScratch, parallel, unitArguments} from './threads';
import {reserveOwnScratch, sharedScratch} from './arena';
import {block, blockBytes} from './block';
import {packPanel, packStrips, packTransposedPanel} from './pack';
import {inFours, rowsTimes} from './tile';
import {PACK, PRODUCT_COLUMNS, PRODUCT_ROWS, SUM_PARTS} from './kinds';
import {gelu, loadSome, storeSome} from './vector';

// Packing -------------------------------------------------------------------------------------------------------------

@unmanaged
class Packing {
  b: usize;
  ldb: usize;
  k: i32;
  n: i32;
  transposed: bool;
  to: usize;
  panelsPerUnit: i32;
}

export function packUnit(index: i32): void {
  const job = changetype<Packing>(unitArguments());
  const first = index * job.panelsPerUnit;
  const last = min(first + job.panelsPerUnit, (job.n + 7) >> 3);
  const bytes = (<usize>job.k) << 5;
  for (let panel = first; panel < last; panel++) {
    const to = job.to + <usize>panel * bytes;
    if (job.transposed) packTransposedPanel(job.b, job.ldb, job.k, job.n, panel, to);
    else packPanel(job.b, job.ldb, job.k, job.n, panel, to);
  }
}

/** Panels of B, which lies as [K, N] or as [N, K] (`transposed`) with rows `ldb` bytes apart. */
export function packPanels(b: usize, ldb: usize, k: i32, n: i32, transposed: bool, to: usize): void {
  const job = changetype<Packing>(unitArguments());
  job.b = b;
  job.ldb = ldb;
  job.k = k;
  job.n = n;
  job.transposed = transposed;
  job.to = to;
  job.panelsPerUnit = max(1, 8192 / max(1, k));
  const panels = (n + 7) >> 3;
  parallel(PACK, (panels + job.panelsPerUnit - 1) / job.panelsPerUnit);
}

// Rows of A -----------------------------------------------------------------------------------------------------------

@unmanaged
class Rows {
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
const BIAS_SCRATCH: usize = 64;

/** Multiplications of a unit: about 60 microseconds. */
const UNIT_WORK: i32 = 1 << 21;

/** s f(z) + addend for `rows` by `columns` of z at `tile`. */
function finish(job: Rows, tile: usize, ld: usize, row: i32, rows: i32, column: i32, columns: i32): void {
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
const FIRST_CACHE: i32 = 24576;

export function productRowsUnit(index: i32): void {
  const job = changetype<Rows>(unitArguments());
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
function blockOfRows(job: Rows, row: i32, rows: i32, column: i32, columns: i32, bias: usize): void {
  const k = job.k;
  const lda = job.lda;
  const ldc = (<usize>job.n) << 2;
  const count = (columns + 7) >> 3;
  const panels = job.panels + (<usize>(column >> 3) * <usize>k << 5);
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
    finish(job, tile, ld, row, some, column, columns);
    a += <usize>some * lda;
    row += some;
    rows -= some;
  }
}

/** See the head of this file. `lda` in bytes; `panels` from packPanels. */
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
  reserveOwnScratch(BIAS_SCRATCH + 20 * (<usize>max(8, FIRST_CACHE / (max(1, k) << 2))));
  const job = changetype<Rows>(unitArguments());
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

// Columns of A --------------------------------------------------------------------------------------------------------

@unmanaged
class Columns {
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
const DEPTH: i32 = 256;

/** Most rows and columns of C in a unit. */
const BLOCK: i32 = 192;

export function productColumnsUnit(index: i32): void {
  const job = changetype<Columns>(unitArguments());
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
    block(rows, a, strip, lda, columns, b, job.ldb, false, depth, c, ldc, k != first, scratch);
  }
}

/** Bytes of a piece of A as strips. */
function stripBytes(rows: i32): usize {
  return (<usize>((rows + 3) & ~3) * <usize>DEPTH) << 2;
}

/** C = A^T B for a [K, M] and b [K, N], their rows lda and ldb bytes apart. */
export function productColumns(a: usize, lda: usize, b: usize, ldb: usize, c: usize, m: i32, n: i32, k: i32): void {
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
  const job = changetype<Columns>(unitArguments());
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

// Sums of parts -------------------------------------------------------------------------------------------------------

@unmanaged
class Parts {
  from: usize;
  parts: i32;
  size: usize;
  to: usize;
}

const SUM_UNIT: usize = 16384;

export function sumPartsUnit(index: i32): void {
  const job = changetype<Parts>(unitArguments());
  const first = <usize>index * SUM_UNIT;
  const last = min(job.size, first + SUM_UNIT);
  for (let i = first; i < last; i += 4) {
    const count = <i32>min<usize>(4, last - i);
    let at = job.from + (i << 2);
    let sum = loadSome(at, count);
    for (let part = 1; part < job.parts; part++) {
      at += job.size << 2;
      sum = f32x4.add(sum, loadSome(at, count));
    }
    storeSome(job.to + (i << 2), sum, count);
  }
}

/** to[i] = sum over parts of from[part][i], `size` numbers. */
export function sumParts(from: usize, parts: i32, size: usize, to: usize): void {
  const job = changetype<Parts>(unitArguments());
  job.from = from;
  job.parts = parts;
  job.size = size;
  job.to = to;
  parallel(SUM_PARTS, <i32>((size + SUM_UNIT - 1) / SUM_UNIT));
}

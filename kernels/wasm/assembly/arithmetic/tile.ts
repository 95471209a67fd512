/**
 * The innermost loops of every product. A tile of C, up to 5 rows by 8 columns, is held in registers:
 *
 *   C[r, 0..7] = start + sum over k of A[r, k] B[k, 0..7]
 *
 * B is a panel as pack.ts makes it, [K][8]. A is read in place: row by row (`rowsTimes`, each row's K values next to each
 * other) or column by column (`stripsTimes`, the tile's rows next to each other for each k). 4 x 8 is what fills the
 * 16 registers of x86: eight sums, two vectors of B, one number of A. Five rows are there for the last rows of a matrix
 * of 4 n + 1, of which windows of 7 x 7 make many. Tiles of four rows follow each other inside one function, because a
 * call for each costs as much as seventy cycles.
 *
 * The start is, added up: the eight numbers at `bias` for each row, and the tile itself that lies at `addend` with the
 * rows of C; 0 leaves one out.
 */
import {madd} from './vector';

// @ts-expect-error: decorator
@inline
function storeRow(c: usize, addend: usize, left: v128, right: v128): void {
  if (addend != 0) {
    v128.store(c, f32x4.add(left, v128.load(addend)));
    v128.store(c, f32x4.add(right, v128.load(addend, 16)), 16);
  } else {
    v128.store(c, left);
    v128.store(c, right, 16);
  }
}

// @ts-expect-error: decorator
@inline
function rowsTile(
  rows: i32,
  a: usize,
  lda: usize,
  b: usize,
  k: i32,
  c: usize,
  ldc: usize,
  bias: usize,
  addend: usize,
): void {
  let c00 = f32x4.splat(0);
  let c01 = c00;
  if (bias != 0) {
    c00 = v128.load(bias);
    c01 = v128.load(bias, 16);
  }
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let c40 = c00;
  let c41 = c01;
  let a0 = a;
  let a1 = a0 + lda;
  let a2 = a1 + lda;
  let a3 = a2 + lda;
  let a4 = a3 + lda;
  const end = b + ((<usize>k) << 5);
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a0);
    c00 = madd(c00, x, b0);
    c01 = madd(c01, x, b1);
    a0 += 4;
    if (rows > 1) {
      x = v128.load32_splat(a1);
      c10 = madd(c10, x, b0);
      c11 = madd(c11, x, b1);
      a1 += 4;
    }
    if (rows > 2) {
      x = v128.load32_splat(a2);
      c20 = madd(c20, x, b0);
      c21 = madd(c21, x, b1);
      a2 += 4;
    }
    if (rows > 3) {
      x = v128.load32_splat(a3);
      c30 = madd(c30, x, b0);
      c31 = madd(c31, x, b1);
      a3 += 4;
    }
    if (rows > 4) {
      x = v128.load32_splat(a4);
      c40 = madd(c40, x, b0);
      c41 = madd(c41, x, b1);
      a4 += 4;
    }
    b += 32;
  }
  const step = addend != 0 ? ldc : 0;
  storeRow(c, addend, c00, c01);
  if (rows > 1) storeRow(c + ldc, addend + step, c10, c11);
  if (rows > 2) storeRow(c + 2 * ldc, addend + 2 * step, c20, c21);
  if (rows > 3) storeRow(c + 3 * ldc, addend + 3 * step, c30, c31);
  if (rows > 4) storeRow(c + 4 * ldc, addend + 4 * step, c40, c41);
}

function fiveRows(
  a: usize,
  lda: usize,
  b: usize,
  k: i32,
  c: usize,
  ldc: usize,
  bias: usize,
  addend: usize,
): void {
  rowsTile(5, a, lda, b, k, c, ldc, bias, addend);
}

function threeRows(
  a: usize,
  lda: usize,
  b: usize,
  k: i32,
  c: usize,
  ldc: usize,
  bias: usize,
  addend: usize,
): void {
  rowsTile(3, a, lda, b, k, c, ldc, bias, addend);
}

function twoRows(
  a: usize,
  lda: usize,
  b: usize,
  k: i32,
  c: usize,
  ldc: usize,
  bias: usize,
  addend: usize,
): void {
  rowsTile(2, a, lda, b, k, c, ldc, bias, addend);
}

function oneRow(
  a: usize,
  lda: usize,
  b: usize,
  k: i32,
  c: usize,
  ldc: usize,
  bias: usize,
  addend: usize,
): void {
  rowsTile(1, a, lda, b, k, c, ldc, bias, addend);
}

/** Tiles of 4 rows: `strips` below each other, `panels` next to each other. */
function fourRows(
  strips: i32,
  a: usize,
  lda: usize,
  b: usize,
  panels: i32,
  k: i32,
  c: usize,
  ldc: usize,
  bias: usize,
  addend: usize,
): void {
  const step = (<usize>k) << 5;
  for (; strips > 0; strips--) {
    let at = b;
    let to = c;
    let plus = bias;
    let sum = addend;
    for (let panel = 0; panel < panels; panel++) {
      rowsTile(4, a, lda, at, k, to, ldc, plus, sum);
      at += step;
      to += 32;
      if (bias != 0) plus += 32;
      if (addend != 0) sum += 32;
    }
    a += lda << 2;
    c += ldc << 2;
    if (addend != 0) addend += ldc << 2;
  }
}

/** How many of the rows go in tiles of four; the rest, at most 5, in one tile. */
// @ts-expect-error: decorator
@inline
export function inFours(rows: i32): i32 {
  return rows >= 5 && (rows & 3) == 1 ? rows - 5 : rows & ~3;
}

/** Any number of rows by whole panels: C [rows, 8 panels] = A B + bias + addend. Strides in bytes. */
export function rowsTimes(
  rows: i32,
  a: usize,
  lda: usize,
  b: usize,
  panels: i32,
  k: i32,
  c: usize,
  ldc: usize,
  bias: usize,
  addend: usize,
): void {
  const whole = inFours(rows);
  if (whole > 0) fourRows(whole >> 2, a, lda, b, panels, k, c, ldc, bias, addend);
  const rest = rows - whole;
  if (rest == 0) return;
  a += <usize>whole * lda;
  c += <usize>whole * ldc;
  if (addend != 0) addend += <usize>whole * ldc;
  for (; panels > 0; panels--) {
    if (rest == 5) fiveRows(a, lda, b, k, c, ldc, bias, addend);
    else if (rest == 3) threeRows(a, lda, b, k, c, ldc, bias, addend);
    else if (rest == 2) twoRows(a, lda, b, k, c, ldc, bias, addend);
    else oneRow(a, lda, b, k, c, ldc, bias, addend);
    b += (<usize>k) << 5;
    c += 32;
    if (bias != 0) bias += 32;
    if (addend != 0) addend += 32;
  }
}

// @ts-expect-error: decorator
@inline
function columnsTile(
  rows: i32,
  a: usize,
  lda: usize,
  b: usize,
  k: i32,
  c: usize,
  ldc: usize,
  addend: usize,
): void {
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  const end = b + ((<usize>k) << 5);
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(c00, x, b0);
    c01 = madd(c01, x, b1);
    x = v128.load32_splat(a, 4);
    c10 = madd(c10, x, b0);
    c11 = madd(c11, x, b1);
    x = v128.load32_splat(a, 8);
    c20 = madd(c20, x, b0);
    c21 = madd(c21, x, b1);
    x = v128.load32_splat(a, 12);
    c30 = madd(c30, x, b0);
    c31 = madd(c31, x, b1);
    a += lda;
    b += 32;
  }
  const step = addend != 0 ? ldc : 0;
  storeRow(c, addend, c00, c01);
  if (rows > 1) storeRow(c + ldc, addend + step, c10, c11);
  if (rows > 2) storeRow(c + 2 * ldc, addend + 2 * step, c20, c21);
  if (rows > 3) storeRow(c + 3 * ldc, addend + 3 * step, c30, c31);
}

/** Tiles of 4 rows of A^T: `strips` below each other, `panels` next to each other. */
function fourColumns(
  strips: i32,
  a: usize,
  strip: usize,
  lda: usize,
  b: usize,
  panels: i32,
  k: i32,
  c: usize,
  ldc: usize,
  add: bool,
): void {
  const step = (<usize>k) << 5;
  for (; strips > 0; strips--) {
    let at = b;
    let to = c;
    for (let panel = 0; panel < panels; panel++) {
      columnsTile(4, a, lda, at, k, to, ldc, add ? to : 0);
      at += step;
      to += 32;
    }
    a += strip;
    c += ldc << 2;
  }
}

function someColumns(
  rows: i32,
  a: usize,
  lda: usize,
  b: usize,
  k: i32,
  c: usize,
  ldc: usize,
  add: bool,
): void {
  columnsTile(rows, a, lda, b, k, c, ldc, add ? c : 0);
}

/**
 * Any number of rows of A^T by whole panels: C [rows, 8 panels] = A^T B, added to what C holds where `add` says so.
 * Strip i holds the rows from 4 i on: for each k the four numbers at a + i strip + k lda, all of which have to be
 * readable, past the last row too.
 */
export function stripsTimes(
  rows: i32,
  a: usize,
  strip: usize,
  lda: usize,
  b: usize,
  panels: i32,
  k: i32,
  c: usize,
  ldc: usize,
  add: bool,
): void {
  const strips = rows >> 2;
  fourColumns(strips, a, strip, lda, b, panels, k, c, ldc, add);
  const rest = rows & 3;
  if (rest == 0) return;
  a += <usize>strips * strip;
  c += <usize>(rows - rest) * ldc;
  for (; panels > 0; panels--) {
    someColumns(rest, a, lda, b, k, c, ldc, add);
    b += (<usize>k) << 5;
    c += 32;
  }
}

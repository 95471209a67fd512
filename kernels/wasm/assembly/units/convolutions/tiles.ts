/**
 * Tiles of a convolution: as in arithmetic/tile.ts, but where a row of A lies is read from a list (lists.ts).
 */
import {madd, storeSome} from '../../arithmetic/vector';

// @ts-expect-error: decorator
@inline
function clamped(v: v128, activation: i32): v128 {
  if (activation == 0) return v;
  v = f32x4.max(v, f32x4.splat(0));
  return activation == 2 ? f32x4.min(v, f32x4.splat(6)) : v;
}

// @ts-expect-error: decorator
@inline
function storeRow(wide: bool, to: usize, left: v128, right: v128, columns: i32, activation: i32): void {
  left = clamped(left, activation);
  if (wide) right = clamped(right, activation);
  if (columns >= 8) {
    v128.store(to, left);
    v128.store(to, right, 16);
  } else {
    storeSome(to, left, columns);
    if (wide) storeSome(to + 16, right, columns - 4);
  }
}

/**
 * `columns` columns, up to 4 or, if `wide`, 8, of the first `cells` cells of a list: where a row of A is
 * `runs` pieces of `k` numbers. With `four` false there is one cell, and pieces that lie at `skip` count for nothing.
 */
// @ts-expect-error: decorator
@inline
function listedTile(
  four: bool,
  wide: bool,
  skip: usize,
  list: usize,
  cells: i32,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  let c00 = v128.load(bias);
  let c01 = v128.load(bias, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let at = list;
  const length = (<usize>k) << 5;
  let end = b;
  for (let run = 0; run < runs; run++) {
    at += 16;
    end += length;
    let a0 = load<usize>(at);
    let a1: usize = 0;
    let a2: usize = 0;
    let a3: usize = 0;
    if (four) {
      a1 = load<usize>(at, 4);
      a2 = load<usize>(at, 8);
      a3 = load<usize>(at, 12);
    } else if (a0 == skip) {
      b = end;
    }
    while (b < end) {
      const b0 = v128.load(b);
      let b1 = b0;
      if (wide) b1 = v128.load(b, 16);
      let x = v128.load32_splat(a0);
      c00 = madd(c00, x, b0);
      if (wide) c01 = madd(c01, x, b1);
      a0 += 4;
      if (four) {
        x = v128.load32_splat(a1);
        c10 = madd(c10, x, b0);
        if (wide) c11 = madd(c11, x, b1);
        a1 += 4;
        x = v128.load32_splat(a2);
        c20 = madd(c20, x, b0);
        if (wide) c21 = madd(c21, x, b1);
        a2 += 4;
        x = v128.load32_splat(a3);
        c30 = madd(c30, x, b0);
        if (wide) c31 = madd(c31, x, b1);
        a3 += 4;
      }
      b += 32;
    }
  }
  storeRow(wide, load<usize>(list) + column, c00, c01, columns, activation);
  if (cells > 1) storeRow(wide, load<usize>(list, 4) + column, c10, c11, columns, activation);
  if (cells > 2) storeRow(wide, load<usize>(list, 8) + column, c20, c21, columns, activation);
  if (cells > 3) storeRow(wide, load<usize>(list, 12) + column, c30, c31, columns, activation);
}

export function wideTile(
  list: usize,
  cells: i32,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  listedTile(true, true, 0, list, cells, runs, k, b, bias, column, columns, activation);
}

export function narrowTile(
  list: usize,
  cells: i32,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  listedTile(true, false, 0, list, cells, runs, k, b, bias, column, columns, activation);
}

/** One cell, without the taps that are outside. The list of the second to fourth cell begins 4 to 12 bytes on. */
export function exactTile(
  zeros: usize,
  list: usize,
  runs: i32,
  k: i32,
  b: usize,
  bias: usize,
  column: usize,
  columns: i32,
  activation: i32,
): void {
  listedTile(false, true, zeros, list, 1, runs, k, b, bias, column, columns, activation);
}

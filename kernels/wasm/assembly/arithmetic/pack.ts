/**
 * Copies a factor of a product into the order in which tile.ts reads it.
 *
 *   panels of B [K, N] or, transposed, [N, K]:   [ceil(N / 8)][K][8], the columns past N are 0
 *   strips of A^T, A [K, M]:                     [ceil(M / 4)][K][4], the columns past M are 0
 */
import {loadSome} from './vector';

/** Bytes of the panels of a [K, N] factor. */
// @ts-expect-error: decorator
@inline
export function panelBytes(k: i32, n: i32): usize {
  return (<usize>((n + 7) & ~7) * <usize>k) << 2;
}

/** Panel `panel` of b [K, N] with rows `ldb` bytes apart. */
export function packPanel(b: usize, ldb: usize, k: i32, n: i32, panel: i32, to: usize): void {
  const columns = n - (panel << 3);
  b += (<usize>panel) << 5;
  const end = to + ((<usize>k) << 5);
  if (columns >= 8) {
    while (to < end) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
      b += ldb;
      to += 32;
    }
    return;
  }
  while (to < end) {
    v128.store(to, loadSome(b, columns));
    v128.store(to, loadSome(b + 16, columns - 4), 16);
    b += ldb;
    to += 32;
  }
}

/** Rows r0 to r3 as columns: the first numbers of all of them to `to`, the second ones `step` bytes on, and so forth. */
// @ts-expect-error: decorator
@inline
export function storeColumns(r0: v128, r1: v128, r2: v128, r3: v128, to: usize, step: usize): void {
  const t0 = i8x16.shuffle(r0, r1, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const t1 = i8x16.shuffle(r2, r3, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const t2 = i8x16.shuffle(r0, r1, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const t3 = i8x16.shuffle(r2, r3, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(to, i8x16.shuffle(t0, t1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(to + step, i8x16.shuffle(t0, t1, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
  v128.store(to + 2 * step, i8x16.shuffle(t2, t3, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(
    to + 3 * step,
    i8x16.shuffle(t2, t3, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  );
}

/** Panel `panel` of B^T for b [N, K] with rows `ldb` bytes apart. */
export function packTransposedPanel(b: usize, ldb: usize, k: i32, n: i32, panel: i32, to: usize): void {
  const rows = min(8, n - (panel << 3));
  b += <usize>(panel << 3) * ldb;
  let i = 0;
  if (rows == 8) {
    for (; i + 4 <= k; i += 4) {
      let from = b + ((<usize>i) << 2);
      const at = to + ((<usize>i) << 5);
      const r0 = v128.load(from);
      from += ldb;
      const r1 = v128.load(from);
      from += ldb;
      const r2 = v128.load(from);
      from += ldb;
      const r3 = v128.load(from);
      from += ldb;
      storeColumns(r0, r1, r2, r3, at, 32);
      const r4 = v128.load(from);
      from += ldb;
      const r5 = v128.load(from);
      from += ldb;
      const r6 = v128.load(from);
      from += ldb;
      storeColumns(r4, r5, r6, v128.load(from), at + 16, 32);
    }
  }
  for (; i < k; i++) {
    let from = b + ((<usize>i) << 2);
    let at = to + ((<usize>i) << 5);
    for (let row = 0; row < 8; row++) {
      store<f32>(at, row < rows ? load<f32>(from) : 0);
      from += ldb;
      at += 4;
    }
  }
}

/** Columns [0, m) of a [K, M], rows `lda` bytes apart, as strips one after the other. */
export function packStrips(a: usize, lda: usize, k: i32, m: i32, to: usize): void {
  for (let column = 0; column < m; column += 4) {
    const columns = m - column;
    let from = a + ((<usize>column) << 2);
    const end = to + ((<usize>k) << 4);
    if (columns >= 4) {
      while (to < end) {
        v128.store(to, v128.load(from));
        from += lda;
        to += 16;
      }
    } else {
      while (to < end) {
        v128.store(to, loadSome(from, columns));
        from += lda;
        to += 16;
      }
    }
  }
}

/**
 * A block of C for one piece of the sum: C [rows, columns] = A B, or C + A B, with A [rows, depth] and B [depth, columns].
 *
 * B is packed panel by panel into one place, right before its use: the panel stays in the first cache while all rows
 * pass by. A is read in place, or lies in strips (see tile.ts).
 */
import {packPanel, packTransposedPanel} from './pack';
import {rowsTimes, stripsTimes} from './tile';
import {loadSome, storeSome} from './vector';

/** Bytes of scratch: a panel of B, and one of C for the columns past the last eighth. */
// @ts-expect-error: decorator
@inline
export function blockBytes(rows: i32, depth: i32): usize {
  return (<usize>(rows + depth)) << 5;
}

/** The first `columns` of eight of every row at `part` into C, or added to it. */
function storePart(part: usize, rows: i32, columns: i32, c: usize, ldc: usize, add: bool): void {
  for (; rows > 0; rows--) {
    let left = v128.load(part);
    let right = v128.load(part, 16);
    if (add) {
      left = f32x4.add(left, loadSome(c, columns));
      right = f32x4.add(right, loadSome(c + 16, columns - 4));
    }
    storeSome(c, left, columns);
    storeSome(c + 16, right, columns - 4);
    part += 32;
    c += ldc;
  }
}

/** With `strip` 0, a lies in rows `lda` bytes apart; else in strips, `strip` bytes from one to the next. */
export function blockProduct(
  rows: i32,
  a: usize,
  strip: usize,
  lda: usize,
  columns: i32,
  b: usize,
  ldb: usize,
  transposeB: bool,
  depth: i32,
  c: usize,
  ldc: usize,
  add: bool,
  scratch: usize,
): void {
  const part = scratch + ((<usize>depth) << 5);
  for (let column = 0; column < columns; column += 8) {
    if (transposeB) packTransposedPanel(b, ldb, depth, columns, column >> 3, scratch);
    else packPanel(b, ldb, depth, columns, column >> 3, scratch);
    const whole = column + 8 <= columns;
    const to = whole ? c : part;
    const ld = whole ? ldc : 32;
    if (strip != 0) stripsTimes(rows, a, strip, lda, scratch, 1, depth, to, ld, whole && add);
    else rowsTimes(rows, a, lda, scratch, 1, depth, to, ld, 0, whole && add ? to : 0);
    if (!whole) storePart(part, rows, columns - column, c, ldc, add);
    c += 32;
  }
}

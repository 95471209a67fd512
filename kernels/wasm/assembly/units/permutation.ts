/**
 * Transposes and blocks of tensors: copies of rows, and matrices that change places with their transposes.
 *
 *   rows      y[i, j, k, l, r] = x[base + i s0 + j s1 + k s2 + l s3 + r step], each a row of bytes that stays whole:
 *             permutations that keep the last axis, and slices
 *   squares   y[..., c, ..., r] = x[..., r, ..., c]: permutations that do not, for numbers of four bytes
 *
 * Axes that stay neighbours count as one, so four outer axes are enough for rank 6.
 */

@unmanaged
export class Permutation {
  x: usize;
  y: usize;
  /** Sizes of the outer axes, in the order of y, and how many bytes of x and of y apart their steps are. */
  size1: i32;
  size2: i32;
  size3: i32;
  from0: usize;
  from1: usize;
  from2: usize;
  from3: usize;
  to0: usize;
  to1: usize;
  to2: usize;
  to3: usize;
  /** Rows: how many follow each other at `step`, and their bytes. Squares: rows and columns of a matrix of x. */
  rows: i32;
  columns: i32;
  step: usize;
  /** Squares: bytes from one row of the transposed matrix to the next. */
  toStep: usize;
  bytes: usize;
  /** Rows: a run of them is cut into pieces of `piece` rows. */
  pieces: i32;
  piece: i32;
  /** What units are made of: pieces of runs, or tiles of matrices. */
  items: i32;
  itemsPerUnit: i32;
  tilesDown: i32;
  tilesAcross: i32;
}

/** Offset in x of outer index `i`. */
// @ts-expect-error: decorator
@inline
export function fromOffset(job: Permutation, i: i32): usize {
  const i3 = i % job.size3;
  i /= job.size3;
  const i2 = i % job.size2;
  i /= job.size2;
  return (
    <usize>(i / job.size1) * job.from0 +
    <usize>(i % job.size1) * job.from1 +
    <usize>i2 * job.from2 +
    <usize>i3 * job.from3
  );
}

/** Offset in y of outer index `i`. */
// @ts-expect-error: decorator
@inline
export function toOffset(job: Permutation, i: i32): usize {
  const i3 = i % job.size3;
  i /= job.size3;
  const i2 = i % job.size2;
  i /= job.size2;
  return (
    <usize>(i / job.size1) * job.to0 +
    <usize>(i % job.size1) * job.to1 +
    <usize>i2 * job.to2 +
    <usize>i3 * job.to3
  );
}

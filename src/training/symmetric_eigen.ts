/**
 * Eigenvalues and eigenvectors of a symmetric matrix by the cyclic Jacobi method: A = sum_i value_i v_i v_i^T.
 *
 * Each rotation in the plane (p, q) makes A[p][q] zero; sweeps over all pairs go on until nothing is left off the
 * diagonal. Made for small matrices, some tens of rows: a sweep takes about 4 n^3 operations. Source: Golub & Van Loan,
 * "Matrix Computations", section 8.5.
 */

export interface Eigen {
  value: number;
  /** Of length 1. */
  vector: Float64Array;
}

/** More than any matrix takes: the method converges quadratically, in six to ten sweeps. */
const SWEEPS = 60;

/** @param rows a symmetric matrix; it is left as it is. @returns largest eigenvalue first. */
export function symmetricEigen(rows: readonly ArrayLike<number>[]): Eigen[] {
  const n = rows.length;
  const a = rows.map((row) => Float64Array.from(row));
  /** Eigenvectors as rows. */
  const v = rows.map((_, i) => Float64Array.from({length: n}, (_, j) => (i === j ? 1 : 0)));
  const size = a.reduce((sum, row) => sum + row.reduce((total, x) => total + x * x, 0), 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    // The sum of squares off the diagonal, against that of the whole matrix: 15 digits.
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = 0; q < p; q++) off += a[p][q] ** 2;
    if (off <= size * 1e-30) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  return a.map((row, i) => ({value: row[i], vector: v[i]})).sort((one, other) => other.value - one.value);
}

/** A becomes J^T A J, and V becomes J^T V, with the rotation J that makes A[p][q] zero. */
function rotate(a: Float64Array[], v: Float64Array[], p: number, q: number): void {
  if (a[p][q] === 0) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  // The smaller of both angles.
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const cos = 1 / Math.sqrt(t * t + 1);
  const sin = t * cos;
  for (const row of a) [row[p], row[q]] = [cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]];
  for (const matrix of [a, v]) {
    const [one, other] = [matrix[p], matrix[q]];
    for (let k = 0; k < one.length; k++) {
      [one[k], other[k]] = [cos * one[k] - sin * other[k], sin * one[k] + cos * other[k]];
    }
  }
}

import {expect} from 'chai';
import {symmetricEigen} from '../../../src/training/symmetric_eigen.js';

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

/** A symmetric matrix without a pattern. */
const matrix = (n: number) =>
  Array.from({length: n}, (_, i) =>
    Array.from({length: n}, (_, j) => Math.sin(1.7 * (i + 1) * (j + 1)) + (i === j ? i : 0)),
  );

describe('symmetricEigen', () => {
  for (const n of [1, 2, 5, 12, 27]) {
    it(`gives orthonormal vectors that rebuild a matrix of ${n} rows`, () => {
      const rows = matrix(n);
      const eigen = symmetricEigen(rows);
      for (const [i, {vector}] of eigen.entries()) {
        for (let j = 0; j < n; j++) {
          expect(dot(vector, eigen[j].vector)).to.be.closeTo(i === j ? 1 : 0, 1e-12);
          const rebuilt = eigen.reduce((sum, one) => sum + one.value * one.vector[i] * one.vector[j], 0);
          expect(rebuilt).to.be.closeTo(rows[i][j], 1e-11);
        }
      }
      const values = eigen.map(({value}) => value);
      expect(values).to.deep.equal([...values].sort((a, b) => b - a));
      expect(rows).to.deep.equal(matrix(n));
    });
  }

  it('gives the known eigenvalues of second differences, 2 - 2 cos(k pi / (n + 1))', () => {
    const n = 12;
    const rows = Array.from({length: n}, (_, i) =>
      Array.from({length: n}, (_, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
    );
    for (const [i, {value}] of symmetricEigen(rows).entries()) {
      expect(value).to.be.closeTo(2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)), 1e-12);
    }
  });

  it('takes a diagonal matrix, one of zeros and one of less than full rank', () => {
    expect(
      symmetricEigen([
        [1, 0],
        [0, 3],
      ]).map(({value}) => value),
    ).to.deep.equal([3, 1]);
    expect(
      symmetricEigen([
        [0, 0],
        [0, 0],
      ]).map(({value}) => value),
    ).to.deep.equal([0, 0]);
    const values = symmetricEigen([
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1],
    ]).map(({value}) => value);
    expect(values[0]).to.be.closeTo(3, 1e-12);
    expect(values[1]).to.be.closeTo(0, 1e-12);
    expect(values[2]).to.be.closeTo(0, 1e-12);
  });
});

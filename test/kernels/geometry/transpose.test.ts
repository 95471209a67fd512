import {expect} from 'chai';
import {movedAxes, movedMatrices} from '../../../kernels/geometry/transpose.js';

const axes = (shape: number[], perm: number[]) =>
  movedAxes(shape, perm).map(({size, from, to}) => [size, from, to]);

const matrices = (shape: number[], perm: number[]) => {
  const found = movedMatrices(movedAxes(shape, perm));
  return found && [found.matrices, found.rows, found.columns];
};

describe('geometry: transpose', () => {
  it('joins neighbours and drops axes of size 1', () => {
    expect(axes([2, 3, 4, 5], [0, 2, 3, 1])).to.deep.equal([
      [2, 60, 60],
      [20, 1, 3],
      [3, 20, 1],
    ]);
    expect(axes([6, 1, 4], [1, 2, 0])).to.deep.equal([
      [4, 1, 6],
      [6, 4, 1],
    ]);
    expect(axes([6, 4], [0, 1])).to.deep.equal([[24, 1, 1]]);
    expect(axes([1, 1], [1, 0])).to.deep.equal([]);
  });

  it('tells transposes of matrices from others', () => {
    expect(matrices([5, 7], [1, 0])).to.deep.equal([1, 5, 7]);
    expect(matrices([2, 3, 4, 5], [0, 2, 3, 1])).to.deep.equal([2, 3, 20]);
    expect(matrices([2, 4, 5, 3], [0, 3, 1, 2])).to.deep.equal([2, 20, 3]);
    expect(matrices([2, 2, 1, 3, 3, 4], [0, 1, 5, 2, 3, 4])).to.deep.equal([4, 9, 4]);
    for (const [shape, perm] of [
      [
        [4, 5],
        [0, 1],
      ],
      [
        [4, 5, 6],
        [1, 0, 2],
      ],
      [
        [4, 5, 6],
        [2, 1, 0],
      ],
      [
        [4, 5, 6, 7],
        [2, 0, 3, 1],
      ],
      [
        [4, 5, 6, 7],
        [1, 0, 3, 2],
      ],
      [
        [1, 9],
        [1, 0],
      ],
    ]) {
      expect(matrices(shape, perm), `[${shape}] by [${perm}]`).to.equal(undefined);
    }
  });
});

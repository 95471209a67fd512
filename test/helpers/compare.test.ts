import {expect} from 'chai';
import {expectAbsClose, expectBitEqual, expectRelativeClose} from './compare.js';

describe('comparison helpers', () => {
  const comparisons = {
    expectAbsClose: (actual: number[], expected: number[]) => expectAbsClose('x', actual, expected, 1e-5),
    expectRelativeClose: (actual: number[], expected: number[]) =>
      expectRelativeClose('x', actual, expected, 1e-5),
    expectBitEqual: (actual: number[], expected: number[]) => expectBitEqual('x', actual, expected),
  };
  for (const [name, compare] of Object.entries(comparisons)) {
    it(`${name} accepts equal values, NaN and infinity where expected`, () => {
      compare([1, -2, 3], [1, -2, 3]);
      compare([], []);
      compare([Number.NaN], [Number.NaN]);
    });
    it(`${name} fails for what it must catch`, () => {
      expect(() => compare([1, 2], [1, 2, 3])).to.throw('expected 3 values, got 2');
      expect(() => compare([Number.NaN], [1])).to.throw('x');
      expect(() => compare([1], [Number.NaN])).to.throw('x');
      expect(() => compare([Number.NaN], [Number.POSITIVE_INFINITY])).to.throw('x');
      expect(() => compare([Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY])).to.throw('x');
      expect(() => compare([1, 2], [2, 1])).to.throw('x');
      expect(() => compare([1, 2, 3.001], [1, 2, 3])).to.throw('x');
      expect(() => compare([Number.NaN, 2], [Number.NaN, 3])).to.throw('x');
    });
  }
  it('expectAbsClose names the worst value', () => {
    expect(() => expectAbsClose('y', [1, 2.1, 3.5], [1, 2, 3], 1e-3)).to.throw('y: at 2 expected 3, got 3.5');
  });
  it('expectRelativeClose does not let small values off', () => {
    expect(() => expectRelativeClose('y', [9e-4, 0], [1e-6, 0], 1e-2)).to.throw('relative L2');
    expect(() => expectRelativeClose('y', [1e-9], [0], 1e-2)).to.throw('relative L2');
    expectRelativeClose('y', [1e-9], [0], 1e-2, 1);
  });
  it('expectBitEqual tells zero from minus zero', () => {
    expect(() => expectBitEqual('y', [0], [-0])).to.throw('y');
  });
});

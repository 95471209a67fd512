/** The comparison that the wasm kernels' tests rest on notices what it has to. */

import {expect} from 'chai';
import {expectClose} from './against_cpu.js';

describe('expectClose', () => {
  it('accepts float32 rounding', () => expectClose([1, 2, 3.000001], [1, 2, 3]));

  const different: Record<string, [number[], number[]]> = {
    'another value': [
      [1, 2, 3.001],
      [1, 2, 3],
    ],
    'a NaN': [
      [1, Number.NaN],
      [1, 2],
    ],
    'a NaN on both sides': [
      [1, Number.NaN],
      [1, Number.NaN],
    ],
    'an infinity': [
      [1, Number.POSITIVE_INFINITY],
      [1, Number.POSITIVE_INFINITY],
    ],
    'something for nothing': [[1e-3], [0]],
    'another length': [
      [1, 2],
      [1, 2, 3],
    ],
  };
  for (const [name, [actual, expected]] of Object.entries(different)) {
    it(`refuses ${name}`, () => expect(() => expectClose(actual, expected)).to.throw());
  }
});

import {expect} from 'chai';
import {defined} from '../../../kernels/common/defined.js';

describe('defined', () => {
  it('leaves out what is undefined, and nothing else', () => {
    expect(defined({a: undefined, b: null, c: 0, d: false, e: ''})).to.deep.equal({
      b: null,
      c: 0,
      d: false,
      e: '',
    });
  });
});

import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ShapeError} from '../../../kernels/common/errors.js';
import {requireShape, showShape} from '../../../kernels/common/shapes.js';
import {showValue} from '../../../kernels/common/show_value.js';
import {textTable} from '../../../kernels/common/text_table.js';

describe('text in messages', () => {
  it('shows every value as what it is', () => {
    expect(
      [
        1,
        '1',
        Number.NaN,
        -Infinity,
        10n,
        null,
        undefined,
        true,
        [7, [0.5, 'a']],
        {rows: [2, null]},
        new Map(),
      ].map(showValue),
    ).to.deep.equal([
      '1',
      "'1'",
      'NaN',
      '-Infinity',
      '10',
      'null',
      'undefined',
      'true',
      "[7, [0.5, 'a']]",
      '{rows: [2, null]}',
      'an object of the class Map',
    ]);
  });

  it('shows unknown sizes of a shape as stars', () => {
    expect(showShape([null, 3, 'H', undefined])).to.equal('[*, 3, H, *]');
  });

  it('checks shapes, and says what came', () => {
    const x = tf.zeros([2, 3]);
    requireShape('linear', 'x', x, [null, 3], 'rows and channels');
    for (const expected of [[2, 4], [2], [2, 3, 1]]) {
      expect(() => requireShape('linear', 'x', x, expected, 'rows and channels')).to.throw(
        ShapeError,
        `linear: x must have shape ${showShape(expected)} (rows and channels); got [2, 3].`,
      );
    }
    x.dispose();
  });
});

describe('text tables', () => {
  it('have columns as wide as their widest cell, and no spaces at the end', () => {
    const rows = [
      ['name', 'size', 'why'],
      ['a', '1,000', ''],
    ];
    expect(textTable(rows, (column) => column === 1)).to.deep.equal(['name   size  why', 'a     1,000']);
    expect(textTable(rows, () => false)).to.deep.equal(['name  size   why', 'a     1,000']);
  });

  it('may be empty', () => {
    expect(textTable([], () => true)).to.deep.equal([]);
  });

  it('puts all columns but the first to the right where asked to', () => {
    const rows = [
      ['', 'a', 'bcd'],
      ['name', '1000', '2'],
    ];
    expect(textTable(rows, (column) => column > 0)).to.deep.equal(['         a  bcd', 'name  1000    2']);
  });
});

import {expect} from 'chai';
import {classFigures} from '../../../src/training/class_figures.js';

describe('classFigures', () => {
  it('has recall, precision and F1 by their definitions, null where they divide by nothing', () => {
    const confusion = [
      [3, 1, 0],
      [2, 2, 0],
      [0, 0, 0],
    ];
    expect(classFigures(confusion, ['a', 'b', 'c'])).to.deep.equal([
      {name: 'a', images: 4, recall: 3 / 4, precision: 3 / 5, f1: 6 / 9},
      {name: 'b', images: 4, recall: 2 / 4, precision: 2 / 3, f1: 4 / 7},
      {name: 'c', images: 0, recall: null, precision: null, f1: null},
    ]);
  });
});

/** Alea: the streams of the package seedrandom, so that seeds mean what they meant. */

import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {alea} from '../../../src/data/alea.js';

describe('alea', () => {
  for (const key of ['', '0', '7/epoch/3', 'a longer key with umlauts: äöü', '\u{1f600}']) {
    it(`gives seedrandom's stream for ${JSON.stringify(key)}`, () => {
      const [actual, expected] = [alea(key), seedrandom.alea(key)];
      for (let i = 0; i < 1000; i++) {
        expect(actual()).to.equal(expected());
        expect(actual.int32()).to.equal(expected.int32());
      }
    });
  }
});

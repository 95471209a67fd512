import {expect} from 'chai';
import {symmetricBeta} from '../../../src/data/beta.js';
import {randomStream} from '../../../src/data/shuffle.js';

describe('symmetricBeta', () => {
  for (const a of [0.05, 0.2, 1, 3]) {
    it(`has mean, variance and fourth moment of Beta(${a}, ${a})`, () => {
      const random = randomStream(`beta ${a}`);
      const count = 40_000;
      const moments = [0, 0, 0];
      for (let i = 0; i < count; i++) {
        const x = symmetricBeta(a, random);
        expect(x).to.be.within(0, 1);
        const d = x - 0.5;
        moments[0] += d / count;
        moments[1] += d ** 2 / count;
        moments[2] += d ** 4 / count;
      }
      // Of d = x - 1/2, which is symmetric about 0: variance 1 / (4 (2a + 1)), kurtosis 3 (2a + 1) / (2a + 3).
      const variance = 1 / (4 * (2 * a + 1));
      expect(moments[0]).to.be.closeTo(0, 5 * Math.sqrt(variance / count));
      expect(moments[1] / variance).to.be.closeTo(1, 0.03);
      expect(moments[2] / variance ** 2).to.be.closeTo((3 * (2 * a + 1)) / (2 * a + 3), 0.1);
    });
  }

  it('is uniform for a = 1', () => {
    const random = randomStream('uniform');
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) bins[Math.floor(10 * symmetricBeta(1, random))]++;
    for (const count of bins) expect(count).to.be.within(850, 1150); // 1000 expected, deviation 30
  });

  it('stays a number for a near 0, where powers are 0 as numbers', () => {
    const random = randomStream('small');
    const draws = Array.from({length: 200}, () => symmetricBeta(1e-4, random));
    expect(draws.every((x) => x >= 0 && x <= 1)).to.equal(true);
    expect(draws.filter((x) => x < 0.5).length).to.be.within(65, 135);
  });
});

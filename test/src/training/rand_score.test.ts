import {expect} from 'chai';
import seedrandom from 'seedrandom';
import {ConfigError, ShapeError} from '../../../src/errors.js';
import {meanRandScore, type RandScore, randScore} from '../../../src/training/rand_score.js';

/** Rows of a picture: '#' is border (class 0), other characters are classes by their letter, '?' is ignored. */
function maskOf(rows: readonly string[]): {mask: number[]; width: number; height: number} {
  const classes: Record<string, number> = {'#': 0, '.': 1, o: 2, '?': 255};
  const mask = rows.flatMap((row) => [...row].map((char) => classes[char]!));
  return {mask, width: rows[0]!.length, height: rows.length};
}

function scoreOf(
  truth: readonly string[],
  predicted: readonly string[],
  ignoreIndex?: number,
): RandScore | null {
  const {mask, width, height} = maskOf(truth);
  return randScore(mask, maskOf(predicted).mask, {width, height, border: 0, ignoreIndex});
}

/** The definition, by every pair of pixels that count. */
function byPairs(truth: readonly number[], predicted: readonly number[]): RandScore {
  let [both, s, t] = [0, 0, 0];
  for (let i = 0; i < truth.length; i++) {
    for (let j = 0; j < truth.length; j++) {
      const [together, found] = [truth[i] === truth[j], predicted[i] === predicted[j]];
      if (together) t++;
      if (found) s++;
      if (together && found) both++;
    }
  }
  return {score: both / (s / 2 + t / 2), split: both / t, merge: both / s};
}

function expectScore(found: RandScore | null, expected: RandScore): void {
  for (const figure of ['score', 'split', 'merge'] as const) {
    expect(found![figure], figure).to.be.closeTo(expected[figure], 1e-12);
  }
}

describe('randScore', () => {
  const cells = ['..#..', '..#..', '#####', '..#..'];

  it('is 1 for the truth, and for borders of another width that part the same', () => {
    expectScore(scoreOf(cells, cells), {score: 1, split: 1, merge: 1});
    const truth = ['...#...', '...#...'];
    expectScore(scoreOf(truth, ['..###..', '..###..']), {score: 1, split: 1, merge: 1});
  });

  it('is what two segments of 4 and 2 pixels that are merged give, by hand', () => {
    // n = 4, 2 in one predicted segment: 16 + 4 of 36, and of 16 + 4.
    const found = scoreOf(['..#.', '..#.'], ['....', '....']);
    expectScore(found, {score: 20 / 28, split: 1, merge: 20 / 36});
  });

  it('is what a segment of 6 pixels gives that is split into 4 and 2, by hand', () => {
    const found = scoreOf(['...', '...'], ['..o', '..o']);
    expectScore(found, {score: 20 / 28, split: 20 / 36, merge: 1});
  });

  it('joins by sides, not by corners, and parts segments of different classes', () => {
    expectScore(scoreOf(['.#', '#.'], ['.#', '#.']), {score: 1, split: 1, merge: 1});
    expectScore(scoreOf(['..oo'], ['....']), {score: 16 / 24, split: 1, merge: 0.5});
  });

  it('joins two cells by one missing pixel of the border', () => {
    const broken = ['..#..', '.....', '#####', '..#..'];
    // The two upper cells, of 4 pixels each, and two lower ones of 2 pixels.
    expectScore(scoreOf(cells, broken), {score: (2 * 40) / (72 + 40), split: 1, merge: 40 / 72});
  });

  it('takes every pixel for a segment where nothing but border is predicted', () => {
    expectScore(scoreOf(['...', '###'], ['###', '###']), {score: 6 / 12, split: 3 / 9, merge: 1});
  });

  it('counts no pixel that is to be ignored, and is null without a true segment', () => {
    expectScore(scoreOf(['..?..'], ['.....'], 255), {score: 8 / 12, split: 1, merge: 0.5});
    expect(scoreOf(['##'], ['..'])).to.equal(null);
  });

  it('is the share of pairs of pixels that the definition has', () => {
    const next = seedrandom.alea('rand');
    const width = 12;
    // Vertical stripes: their segments are known without looking for them.
    for (let round = 0; round < 20; round++) {
      const stripes = () => {
        const borders = Array.from({length: width}, (_, x) => x > 0 && x < width - 1 && next() < 0.3);
        let label = 0;
        return borders.map((isBorder, x) => {
          if (!isBorder && (x === 0 || borders[x - 1])) label++;
          return isBorder ? 0 : label;
        });
      };
      const [truth, predicted] = [stripes(), stripes()];
      // The border to the nearer stripe, to the left where both are as near.
      const thinned = predicted.map((label, x) => {
        if (label !== 0) return label;
        const distance = (at: number) => (predicted[at] ? Math.abs(at - x) : Number.POSITIVE_INFINITY);
        const places = predicted.map((_, at) => at).sort((a, b) => distance(a) - distance(b) || a - b);
        return predicted[places[0]!]!;
      });
      const counted = truth.map((_, x) => x).filter((x) => truth[x] !== 0);
      const expected = byPairs(
        counted.map((x) => truth[x]!),
        counted.map((x) => thinned[x]!),
      );
      const asMask = (labels: number[]) =>
        [0, 1, 2].flatMap(() => labels.map((label) => (label === 0 ? 0 : 1)));
      const found = randScore(asMask(truth), asMask(predicted), {width, height: 3, border: 0});
      expectScore(found, expected);
    }
  });

  it('refuses masks of other sizes', () => {
    expect(() => randScore([0], [0, 0], {width: 2, height: 1, border: 0})).to.throw(
      ShapeError,
      /must have 2 pixels .*got 1 and 2/,
    );
    expect(() => randScore([], [], {width: 0, height: 1, border: 0})).to.throw(ConfigError, /width must be/);
  });
});

describe('meanRandScore', () => {
  it('is the mean of each figure', () => {
    const scores = [
      {score: 1, split: 0.5, merge: 0.25},
      {score: 0, split: 0.5, merge: 0.75},
    ];
    expect(meanRandScore(scores)).to.deep.equal({score: 0.5, split: 0.5, merge: 0.5});
    expect(meanRandScore([])).to.equal(null);
  });
});

import {expect} from 'chai';
import fc from 'fast-check';
import {
  logSpacedCoordinates,
  relativePositionIndex,
  relativeTableSize,
} from '../../../kernels/geometry/relative_position.js';

const sides = fc.tuple(fc.integer({min: 1, max: 9}), fc.integer({min: 1, max: 9}));

describe('geometry: relative position', () => {
  it('numbers pairs as published for a window of 2 by 2', () => {
    expect([...relativePositionIndex([2, 2])]).to.deep.equal([
      4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4,
    ]);
  });

  it('uses every row of the table, and one row for each offset', () => {
    fc.assert(
      fc.property(sides, ([height, width]) => {
        const index = relativePositionIndex([height, width]);
        const tokens = height * width;
        expect(new Set(index).size).to.equal(relativeTableSize([height, width]));
        const offsets = new Map<number, string>();
        for (let q = 0; q < tokens; q++) {
          for (let k = 0; k < tokens; k++) {
            const offset = `${Math.floor(q / width) - Math.floor(k / width)},${(q % width) - (k % width)}`;
            const row = index[q * tokens + k];
            if (!offsets.has(row)) offsets.set(row, offset);
            expect(offsets.get(row)).to.equal(offset);
          }
        }
      }),
    );
  });

  it('gives a clamped window the rows that the same offsets have in the whole one', () => {
    fc.assert(
      fc.property(sides, fc.nat(), fc.nat(), ([height, width], a, b) => {
        const [h, w] = [1 + (a % height), 1 + (b % width)];
        const whole = relativePositionIndex([height, width]);
        const clamped = relativePositionIndex([height, width], [h, w]);
        for (let q = 0; q < h * w; q++) {
          for (let k = 0; k < h * w; k++) {
            const inWhole = (t: number) => Math.floor(t / w) * width + (t % w);
            expect(clamped[q * h * w + k]).to.equal(whole[inWhole(q) * height * width + inWhole(k)]);
          }
        }
      }),
    );
  });

  it('spaces coordinates by their logarithm, from -1 to 1 within the pretrained window', () => {
    const coordinates = logSpacedCoordinates([8, 4]);
    expect(coordinates.length).to.equal(2 * relativeTableSize([8, 4]));
    expect(coordinates[0]).to.be.closeTo(-Math.log2(9) / 3, 1e-6);
    expect(coordinates[1]).to.be.closeTo(-Math.log2(9) / 3, 1e-6);
    const centre = 2 * (7 * 7 + 3);
    expect([...coordinates.slice(centre, centre + 2)]).to.deep.equal([0, 0]);
    expect(coordinates[centre + 3]).to.be.closeTo(Math.log2(1 + 8 / 3) / 3, 1e-6);
    expect(logSpacedCoordinates([16, 16], [8, 8])[0]).to.be.closeTo(-Math.log2(1 + (8 * 15) / 7) / 3, 1e-6);
  });

  it('has the coordinate 0 on an axis of one token', () => {
    expect([...logSpacedCoordinates([1, 1])]).to.deep.equal([0, 0]);
  });
});

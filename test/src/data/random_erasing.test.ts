import {expect} from 'chai';
import {checkRandomErasing, erasePart, type RandomErasingArgs} from '../../../src/data/random_erasing.js';
import {randomStream} from '../../../src/data/shuffle.js';
import {ConfigError} from '../../../src/errors.js';

const [H, W] = [20, 30];
/** No byte of it is that of the mean below. */
const image = new Uint8Array(H * W * 2).fill(1);
const mean = [200, 100];

/** The rows and columns that differ from the image, and how many cells do. */
function erased(result: Uint8Array) {
  const rows = new Set<number>();
  const columns = new Set<number>();
  let cells = 0;
  for (let cell = 0; cell < H * W; cell++) {
    if (result[2 * cell] === 1 && result[2 * cell + 1] === 1) continue;
    cells++;
    rows.add(Math.floor(cell / W));
    columns.add(cell % W);
  }
  return {rows: [...rows].sort((a, b) => a - b), columns: [...columns].sort((a, b) => a - b), cells};
}

describe('randomErasing', () => {
  it('erases a rectangle whose area and ratio are in their ranges, wherever it fits', () => {
    const random = randomStream('erasing');
    const args: RandomErasingArgs = {probability: 1, fill: 'mean'};
    const tops = new Set<number>();
    const areas: number[] = [];
    for (let draw = 0; draw < 1000; draw++) {
      const result = erasePart(image, H, W, mean, args, random);
      const {rows, columns, cells} = erased(result);
      expect(cells).to.equal(rows.length * columns.length);
      expect(rows.at(-1)! - rows[0]).to.equal(rows.length - 1);
      expect(columns.at(-1)! - columns[0]).to.equal(columns.length - 1);
      const at = 2 * (rows[0] * W + columns[0]);
      expect([...result.slice(at, at + 2)]).to.deep.equal(mean);
      // Sides are rounded to whole cells: half a cell each way.
      const [r, c] = [rows.length, columns.length];
      expect((r + 0.5) * (c + 0.5)).to.be.above(0.02 * H * W);
      expect((r - 0.5) * (c - 0.5)).to.be.below(0.4 * H * W);
      expect((r + 0.5) / (c - 0.5)).to.be.above(0.3);
      expect((r - 0.5) / (c + 0.5)).to.be.below(1 / 0.3);
      tops.add(rows[0]);
      areas.push(cells / (H * W));
    }
    expect(tops.has(0)).to.equal(true);
    expect(tops.size).to.be.above(12);
    expect(Math.min(...areas)).to.be.below(0.05);
    expect(Math.max(...areas)).to.be.above(0.35);
    expect(image.every((byte) => byte === 1)).to.equal(true);
  });

  it('erases as many images as its probability says, and returns the others themselves', () => {
    const random = randomStream('probability');
    let whole = 0;
    for (let draw = 0; draw < 2000; draw++) {
      if (erasePart(image, H, W, mean, 0.25, random) === image) whole++;
    }
    expect(whole).to.be.within(1420, 1580); // 1500 expected, deviation 19
    expect(erasePart(image, H, W, mean, 0, random)).to.equal(image);
  });

  it('fills with random bytes, each value its own, unless told to take the mean', () => {
    const random = randomStream('bytes');
    const args = {probability: 1, area: [1, 1], ratio: [1, 1]} as const;
    const square = new Uint8Array(64 * 64 * 2);
    const counts = new Array<number>(256).fill(0);
    for (const byte of erasePart(square, 64, 64, mean, args, random)) counts[byte]++;
    for (const count of counts) expect(count).to.be.within(8, 62); // 32 expected, deviation 5.7
  });

  it('leaves an image whole where no rectangle of the ranges fits', () => {
    const args = {probability: 1, area: [1, 1], ratio: [3, 3]} as const;
    expect(erasePart(image, H, W, mean, args, randomStream('none'))).to.equal(image);
  });

  it('refuses what is out of range', () => {
    const cases: [number | string | object, RegExp][] = [
      [1.5, /^x: randomErasing must be a number from 0 to 1; got 1\.5/],
      [Number.NaN, /randomErasing/],
      [{probability: -1}, /randomErasing\.probability/],
      [{probability: 1, area: [0, 0.4]}, /randomErasing\.area/],
      [{probability: 1, area: [0.5, 0.4]}, /least and the largest value; got 0\.5 before 0\.4/],
      [{probability: 1, ratio: [1]}, /randomErasing\.ratio/],
      [{probability: 1, fill: 'black'}, /randomErasing\.fill/],
      [{probability: 1, areas: [0.1, 0.2]}, /got areas \(try area\)/],
      ['0.5', /arguments must be an object/],
    ];
    for (const [args, message] of cases) {
      expect(() => checkRandomErasing('x', args as number), JSON.stringify(args)).to.throw(
        ConfigError,
        message,
      );
    }
  });
});

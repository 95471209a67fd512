import {expect} from 'chai';
import {drawnShapes, shapesSplit} from '../../../src/data/shapes.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {errorOf} from './memory_dataset.js';

describe('drawnShapes', () => {
  it('draws every class, once in any ten images', () => {
    const shapes = drawnShapes({size: 40});
    expect(shapes.classNames).to.have.length(10);
    expect(new Set(Array.from({length: 10}, (_, i) => shapes.label(i + 7))).size).to.equal(10);
  });

  it('gives the same image for a seed and index, whatever was read before and whatever the size', async () => {
    const one = drawnShapes({size: 20, seed: 5});
    const other = drawnShapes({size: 500, seed: 5, cacheBytes: 0});
    const backwards: Uint8Array[] = [];
    for (let i = 19; i >= 0; i--) backwards[i] = await other.read(i);
    for (let i = 0; i < 20; i++) {
      expect(await one.read(i)).to.deep.equal(backwards[i]);
      expect(one.mask(i)).to.deep.equal(other.mask(i));
    }
    expect(await one.read(3)).to.equal(await one.read(3)); // cached
  });

  it('draws other images for another seed, index or part of a split', async () => {
    const a = drawnShapes({size: 20, seed: 1});
    const b = drawnShapes({size: 20, seed: 2});
    expect(await a.read(0)).not.to.deep.equal(await b.read(0));
    expect(await a.read(0)).not.to.deep.equal(await a.read(10));
    const {train, test} = shapesSplit({trainSize: 100, testSize: 100, seed: 3});
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) seen.add(Buffer.from(await train.read(i)).toString('base64'));
    for (let i = 0; i < 100; i++) seen.add(Buffer.from(await test.read(i)).toString('base64'));
    expect(seen.size).to.equal(200);
  });

  it('has the shape wholly in the image, under a mask of plausible area', async () => {
    for (const imageSize of [16, 32, 48]) {
      const shapes = drawnShapes({size: 200, seed: 9, imageSize});
      for (let i = 0; i < shapes.size; i++) {
        const mask = shapes.mask(i);
        const area = mask.reduce((sum, m) => sum + m, 0) / mask.length;
        expect(area, `${shapes.classNames[shapes.label(i)]} ${i}`).to.be.within(0.02, 0.55);
        for (let k = 0; k < imageSize; k++) {
          const border = [k, (imageSize - 1) * imageSize + k, k * imageSize, k * imageSize + imageSize - 1];
          expect(border.some((at) => mask[at] === 1)).to.equal(false);
        }
      }
    }
  });

  it('keeps the shape apart from its background in colour', async () => {
    const shapes = drawnShapes({size: 300, seed: 4});
    for (let i = 0; i < shapes.size; i++) {
      const mask = shapes.mask(i);
      const pixels = await shapes.read(i);
      const sums = [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ];
      mask.forEach((inside, cell) => {
        const sum = sums[inside]!;
        for (let c = 0; c < 3; c++) sum[c]! += pixels[3 * cell + c]!;
        sum[3]!++;
      });
      const distance = Math.hypot(
        ...[0, 1, 2].map((c) => sums[0]![c]! / sums[0]![3]! - sums[1]![c]! / sums[1]![3]!),
      );
      expect(distance, `image ${i}`).to.be.above(45);
    }
  });

  it('refuses unusable sizes and indices', async () => {
    expect(() => drawnShapes({size: 0})).to.throw(ConfigError, /size must be a whole number from 1/);
    expect(() => drawnShapes({size: 10, imageSize: 8})).to.throw(ConfigError, /imageSize/);
    expect(() => drawnShapes({size: 10, noise: 100})).to.throw(ConfigError, /noise/);
    expect(() => drawnShapes({size: 10}).label(10)).to.throw(DataError, /from 0 to 9; got 10/);
    expect(await errorOf(() => drawnShapes({size: 10}).read(-1))).to.be.instanceOf(DataError);
  });
});

import {expect} from 'chai';
import {subset} from '../../../src/data/subset.js';
import {ConfigError} from '../../../src/errors.js';
import {memoryDataset} from './memory_dataset.js';

describe('subset', () => {
  // 50 of class 0, 20 of class 1, 3 of class 2.
  const labels = [50, 20, 3].flatMap((count, label) => new Array<number>(count).fill(label));
  const data = memoryDataset({labels, byte: (index) => index});

  function countByClass(limit: number): number[] {
    const part = subset(data, {limit, seed: 1});
    const counts = [0, 0, 0];
    for (let i = 0; i < part.size; i++) counts[part.label(i)]!++;
    return counts;
  }

  it('is balanced by class as far as the classes go', () => {
    expect(countByClass(9)).to.deep.equal([3, 3, 3]);
    expect(countByClass(23)).to.deep.equal([10, 10, 3]);
    expect(countByClass(63)).to.deep.equal([40, 20, 3]);
    const two = countByClass(2);
    expect(two.reduce((a, b) => a + b)).to.equal(2);
    expect(Math.max(...two)).to.equal(1);
  });

  it('is the same for a seed, another for another, without repetition and in order', async () => {
    const indices = async (seed: number) => {
      const part = subset(data, {limit: 20, seed});
      return Promise.all(Array.from({length: part.size}, async (_, i) => (await part.read(i))[0]!));
    };
    const one = await indices(1);
    expect(await indices(1)).to.deep.equal(one);
    expect(await indices(2)).not.to.deep.equal(one);
    expect(one).to.deep.equal([...new Set(one)].sort((a, b) => a - b));
  });

  it('is the data set itself when the limit is not smaller', () => {
    expect(subset(data, {limit: 73})).to.equal(data);
    expect(subset(data, {limit: 72}).size).to.equal(72);
    expect(() => subset(data, {limit: 0})).to.throw(ConfigError);
  });
});

import {expect} from 'chai';
import {channelStatistics, normaliser} from '../../../src/data/normalise.js';
import {ConfigError, DataError} from '../../../src/errors.js';
import {errorOf, memoryDataset} from './memory_dataset.js';

describe('channelStatistics', () => {
  it('gives mean and deviation of every channel over all pixels', async () => {
    const data = memoryDataset({labels: [0, 1, 0], byte: (index, at) => [10 * index, at, 77][at % 3]!});
    const {mean, std} = await channelStatistics(data);
    // Red is 0, 10, 20 by image; green is 1, 4, ..., 46 in each; blue is 77 everywhere.
    const greens = Array.from({length: 16}, (_, k) => 3 * k + 1);
    const greenMean = greens.reduce((a, b) => a + b) / 16;
    const greenStd = Math.sqrt(greens.reduce((sum, v) => sum + (v - greenMean) ** 2, 0) / 16);
    const expected = [10, greenMean, 77].map((v) => v / 255);
    mean.forEach((m, c) => {
      expect(m).to.be.closeTo(expected[c]!, 1e-12);
    });
    expect(std[0]).to.be.closeTo(Math.sqrt(200 / 3) / 255, 1e-12);
    expect(std[1]).to.be.closeTo(greenStd / 255, 1e-12);
    expect(std[2]).to.equal(1 / 255); // constant: one grey level, never 0
  });

  it('reads no more images than the sample, the same ones for a seed', async () => {
    const reads: number[] = [];
    const labels = Array.from({length: 60}, (_, i) => i % 3);
    const data = memoryDataset({labels, onRead: (index) => reads.push(index)});
    const first = await channelStatistics(data, {sample: 9, seed: 1});
    expect(reads).to.have.length(9);
    expect(await channelStatistics(data, {sample: 9, seed: 1})).to.deep.equal(first);
    expect(reads.slice(9)).to.deep.equal(reads.slice(0, 9));
  });

  it('fails on a bad image, or leaves it out and says so', async () => {
    const data = memoryDataset({labels: [0, 0, 0], byte: (index) => 100 * index, bad: [2]});
    expect(await errorOf(() => channelStatistics(data))).to.be.instanceOf(DataError);
    const told: number[] = [];
    const {mean} = await channelStatistics(data, {
      badImages: 'skip',
      onBadImage: (_, index) => told.push(index),
    });
    expect(told).to.deep.equal([2]);
    expect(mean[0]).to.be.closeTo(50 / 255, 1e-12);
    expect(await errorOf(() => channelStatistics(data, {badImages: 'skip'}))).to.be.instanceOf(ConfigError);
    const none = memoryDataset({labels: [0], bad: [0]});
    const error = await errorOf(() => channelStatistics(none, {badImages: 'skip', onBadImage: () => {}}));
    expect(error).to.be.instanceOf(DataError);
    expect(error.message).to.match(/at least one image must be readable/);
  });
});

describe('normaliser', () => {
  const pixels = Uint8Array.from([0, 51, 255, 102, 153, 204]); // two pixels
  const mean = [0, 0.2, 0.5];
  const std = [1, 0.2, 0.25];

  it('computes (byte / 255 - mean) / std in either order', () => {
    const last = new Float32Array(8);
    normaliser('test', 3, {mean, std, dataFormat: 'channelsLast'})(pixels, last, 1);
    const values = [0, 0, 2, 0.4, 2, 1.2];
    [0, ...values, 0].forEach((v, i) => {
      expect(last[i]).to.be.closeTo(v, 1e-6);
    });
    const first = new Float32Array(6);
    normaliser('test', 3, {mean, std})(pixels, first, 0);
    [0, 3, 1, 4, 2, 5].forEach((from, i) => {
      expect(first[i]).to.be.closeTo(values[from]!, 1e-6);
    });
  });

  it('refuses numbers that do not fit the channels', () => {
    expect(() => normaliser('test', 3, {mean: [0], std})).to.throw(ConfigError, /mean must be 3 numbers/);
    expect(() => normaliser('test', 3, {mean, std: [1, 0, 1]})).to.throw(ConfigError, /std must be 3/);
    expect(() => normaliser('test', 3, {mean, std, dataFormat: 'NCHW' as 'channelsLast'})).to.throw(
      ConfigError,
      /dataFormat/,
    );
  });
});

/** The parts of the soak, run once each: what it does, what it notes, and that it sees what grows. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {
  collectGarbage,
  growths,
  handles,
  type Sample,
  takeSample,
  workersAlive,
} from '../../bench/soak_samples.js';
import {nothingDone, setUp, takeAway, workRound} from '../../bench/soak_work.js';

/** Samples half a minute apart in which one quantity follows `value`. */
function samples(count: number, value: (i: number) => Partial<Sample>): Sample[] {
  return Array.from({length: count}, (_, i) => ({
    ...{seconds: 30 * i, rss: 1e8, heapUsed: 1e7, external: 1e6, wasmHeap: 0, tensors: 5, tensorBytes: 100},
    ...{gpuBytes: 0, handles: 0, workers: 1, threads: 9},
    ...value(i),
  }));
}

describe('the soak', () => {
  it('sees growth of more than 2 % after the warm-up, and nothing else', () => {
    const flat = growths(samples(20, (i) => ({rss: 1e8 + (i % 2) * 1e5})));
    expect(Object.values(flat).every((one) => one.flat)).to.equal(true);
    expect(growths(samples(20, (i) => ({heapUsed: i < 5 ? 1e6 * i : 1e7}))).heapUsed.flat).to.equal(true);
    const grown = growths(samples(20, (i) => ({heapUsed: 1e7 + 5e4 * i})));
    expect(grown.heapUsed.flat).to.equal(false);
    expect(grown.heapUsed.growth).to.be.closeTo((13 * 5e4) / (1e7 + 12.5 * 5e4), 1e-6);
    expect(grown.rss.flat).to.equal(true);
    expect(growths(samples(20, (i) => ({wasmHeap: 0, tensors: i}))).tensors.flat).to.equal(false);
    expect(growths(samples(20, (i) => ({rss: 2e8 - 1e6 * i}))).rss.flat).to.equal(true);
    expect(() => growths(samples(2, () => ({})))).to.throw('a line needs 3 samples after the warm-up; got 2');
  });

  it('goes through a round on wasm and leaves no tensor, thread or handle', async () => {
    const done = nothingDone();
    await collectGarbage(); // A thread is told of some time after it was started: that of the loader of these files too.
    const open = handles();
    const before = tf.memory().numTensors;
    const alive = workersAlive();
    const backend = tf.getBackend();
    await setUp('wasm', done);
    await workRound(done, 0);
    const sample = await takeSample(performance.now(), done.names);
    expect(sample.workers).to.equal(alive + 1);
    expect(sample.tensors).to.equal(before);
    expect(sample.wasmHeap).to.be.greaterThan(0);
    expect(done).to.include({rounds: 1, steps: 4, predictions: 2, saves: 2, setUps: 3});
    await takeAway('wasm');
    await tf.setBackend(backend);
    // A worker ends some time after it was told to.
    while (workersAlive() > alive) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(handles()).to.deep.equal(open);
  });
});

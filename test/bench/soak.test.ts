/** The parts of the soak, run once each: what it does, what it notes, and that it sees what grows. */
import {expect} from 'chai';
import {growths, type Sample} from '../../bench/soak_samples.js';
import {inFreshProcess, url} from '../helpers/fresh_process.js';

/** Samples half a minute apart in which one quantity follows `value`. */
function samples(count: number, value: (i: number) => Partial<Sample>): Sample[] {
  return Array.from({length: count}, (_, i) => ({
    ...{seconds: 30 * i, rss: 1e8, heapUsed: 1e7, external: 1e6, wasmHeap: 0, tensors: 5, tensorBytes: 100},
    ...{gpuBytes: 0, handles: 0, workers: 1, threads: 9, names: 100 * i},
    ...value(i),
  }));
}

/** The growth over such samples. */
const over = (count: number, value: (i: number) => Partial<Sample>, nameBytes = 0) =>
  growths(samples(count, value), nameBytes);

describe('the soak', () => {
  it('sees growth of more than 2 % after the warm-up, and nothing else', () => {
    const flat = over(20, (i) => ({rss: 1e8 + (i % 2) * 1e5}));
    expect(Object.values(flat).every((one) => one.flat)).to.equal(true);
    expect(over(20, (i) => ({heapUsed: i < 5 ? 1e6 * i : 1e7})).heapUsed.flat).to.equal(true);
    const grown = over(20, (i) => ({heapUsed: 1e7 + 5e4 * i}));
    expect(grown.heapUsed.flat).to.equal(false);
    expect(grown.heapUsed.growth).to.be.closeTo((13 * 5e4) / (1e7 + 12.5 * 5e4), 1e-6);
    expect(grown.rss.flat).to.equal(true);
    expect(over(20, (i) => ({wasmHeap: 0, tensors: i})).tensors.flat).to.equal(false);
    expect(over(20, (i) => ({rss: 2e8 - 1e6 * i})).rss.flat).to.equal(true);
    expect(() => over(2, () => ({}))).to.throw('a line needs 3 samples after the warm-up; got 2');
  });

  it('tells growth by the names that tfjs-layers keeps from other growth', () => {
    const {heapUsed: byNames} = over(20, (i) => ({heapUsed: 1e7 + 100 * i * 500}), 500);
    expect(byNames.growth).to.be.above(0.05);
    expect(byNames.own).to.be.closeTo(0, 1e-9);
    expect(byNames.flat).to.equal(true);
    const {heapUsed: byMore} = over(20, (i) => ({heapUsed: 1e7 + 100 * i * 1000}), 500);
    expect(byMore.own).to.be.above(0.05);
    expect(byMore.flat).to.equal(false);
    expect(over(20, (i) => ({threads: 9 + i}), 500).threads.flat).to.equal(false);
  });

  it('goes through a round on wasm and leaves no tensor, thread or handle', () => {
    // In a process of its own: it takes the backend away, and counts all that is open.
    const {told, status, stderr} = inFreshProcess(`
      const tf = (await import('@tensorflow/tfjs')).default;
      const {collectGarbage, handles, takeSample, workersAlive} = await import('${url('bench/soak_samples.ts')}');
      const {measureNameBytes} = await import('${url('bench/soak_names.ts')}');
      const {nothingDone, setUp, takeAway, workRound} = await import('${url('bench/soak_work.ts')}');
      const done = nothingDone();
      await setupBackend('cpu');
      await collectGarbage(); // A thread is told of some time after it was started: that of the loader of these files too.
      const open = handles();
      const alive = workersAlive();
      await setUp('wasm', done);
      await workRound(done, 0);
      const {workers, tensors, wasmHeap} = await takeSample(performance.now(), done.names);
      tell({workers: workers - alive, tensors, hasHeap: wasmHeap > 0});
      tell(done);
      await takeAway('wasm');
      // A worker ends some time after it was told to.
      while (workersAlive() > alive) await new Promise((resolve) => setTimeout(resolve, 10));
      tell([open, handles()]);
      tell(await measureNameBytes(done.namesOfModels, 20_000));`);
    expect(status, stderr).to.equal(0);
    const [sample, done, [before, after], nameBytes] = told;
    expect(sample).to.deep.equal({workers: 1, tensors: 0, hasHeap: true});
    expect(done).to.include({rounds: 1, steps: 4, predictions: 2, saves: 2, setUps: 3});
    expect(done.names).to.equal(2 * done.namesOfModels.flat().length);
    expect(after).to.deep.equal(before);
    // A text of some twenty letters and its place in a table.
    expect(nameBytes).to.be.within(40, 400);
  });
});

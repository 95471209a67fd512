import {expect} from 'chai';
import {duration, type Output, TrainingDisplay} from '../../../src/cli/display.js';
import {TimeLeft} from '../../../src/cli/time_left.js';
import type {BatchReport, EpochReport} from '../../../src/training/training_history.js';
import {TextStream} from '../../helpers/text_stream.js';

const batch: BatchReport = {
  epoch: 1,
  epochs: 12,
  step: 1,
  steps: 4,
  loss: 2,
  accuracy: 0.25,
  runningLoss: 2,
  runningAccuracy: 0.25,
  learningRate: 1e-3,
  stepMs: 10,
};
const epoch: EpochReport = {
  epoch: 1,
  trainLoss: 1.5,
  trainAccuracy: 0.5,
  testLoss: 1.75,
  testAccuracy: 0.375,
  learningRate: 1e-3,
  steps: 4,
  trainSeconds: 60,
  testSeconds: 3,
};

class Capture extends TextStream implements Output {
  constructor(readonly isTTY: boolean) {
    super();
  }
  cursorTo = (): boolean => true;
}

describe('display', () => {
  it('prints one line per epoch where there is no terminal', () => {
    const out = new Capture(false);
    const display = new TrainingDisplay(out);
    display.batch(batch, 90);
    display.batch({...batch, step: 2}, 80);
    display.testBatch({images: 10, total: 20});
    display.epoch(epoch, 12, 754);
    expect(out.text).to.equal(
      '  epoch  1/12 · train loss 1.500 accuracy 50.0% · test loss 1.750 accuracy 37.5% · 1m03s · 12m34s left in all\n',
    );
  });

  it('draws a bar on a terminal, and lines that stay go below it', () => {
    const out = new Capture(true);
    const display = new TrainingDisplay(out);
    display.batch(batch, 90);
    display.line('a line');
    display.epoch({...epoch, testLoss: null, testAccuracy: null}, 12, null);
    expect(out.text).to.include('epoch 1/12 ░').and.to.include('a line\n');
    expect(out.text).to.match(/train loss 1\.500 accuracy 50\.0% · not tested · 1m03s\n$/);
  });

  it('writes durations for people', () => {
    expect([0.4, 42, 59.6, 185, 3600, 3725].map(duration)).to.deep.equal([
      '0s',
      '42s',
      '1m00s',
      '3m05s',
      '1h00m',
      '1h02m',
    ]);
  });
});

describe('time left', () => {
  it('counts the steps and evaluations to come, of this network and the next', () => {
    const left = new TimeLeft(2, 3);
    left.step(100);
    expect(left.seconds(1, 1, 4, false)).to.equal(null);
    left.step(1);
    left.step(3);
    // Two seconds a step (the first step does not count): 1 of this epoch, 8 of this network, 12 of the other.
    expect(left.seconds(1, 3, 4, false)).to.equal(42);
    left.step(2);
    left.test(10);
    expect(left.seconds(1, 4, 4, true)).to.equal(20 * 2 + 5 * 10);
    expect(left.seconds(2, 1, 4, false)).to.equal(19 * 2 + 5 * 10);
    left.networkDone();
    left.step(50);
    left.step(1);
    expect(left.seconds(3, 3, 4, false)).to.equal(1);
  });

  it('is no more than the training time that is left, and the evaluations in it', () => {
    const left = new TimeLeft(2, 30, 100);
    left.step(1);
    left.step(1);
    // 98 of training: 24 epochs of four steps, each tested, and the last test of either network.
    expect(left.seconds(1, 2, 4, false)).to.equal(98);
    left.test(10);
    expect(left.seconds(1, 2, 4, false)).to.equal(98 + 26 * 10);
    expect(new TimeLeft(2, 30, 1).seconds(1, 1, 4, false)).to.equal(null);
  });
});

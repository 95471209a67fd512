import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {
  constantSchedule,
  cosineSchedule,
  plateauSchedule,
  triangularSchedule,
} from '../../../src/training/schedule.js';

describe('schedules', () => {
  it('constant: the same rate at every step', () => {
    const schedule = constantSchedule(0.25);
    expect([0, 1, 1000].map(schedule)).to.deep.equal([0.25, 0.25, 0.25]);
  });

  it('cosine: rises linearly to the rate, then falls along half a cosine to the floor', () => {
    const schedule = cosineSchedule({rate: 1, totalSteps: 12, warmupSteps: 4, floor: 0.2});
    const warmup = [0, 1, 2, 3, 4].map(schedule);
    for (const [step, expected] of [0.2, 0.4, 0.6, 0.8, 1].entries()) {
      expect(warmup[step]).to.be.closeTo(expected, 1e-12);
    }
    // Half way between step 4 and step 12 the cosine is half way between rate and floor.
    expect(schedule(8)).to.be.closeTo(0.6, 1e-12);
    expect(schedule(6)).to.be.closeTo(0.2 + 0.4 * (1 + Math.SQRT1_2), 1e-12);
    expect(schedule(12)).to.equal(0.2);
    expect(schedule(500)).to.equal(0.2);
  });

  it('cosine: without warm-up starts at the rate and only falls', () => {
    const schedule = cosineSchedule({rate: 0.1, totalSteps: 50});
    expect(schedule(0)).to.be.closeTo(0.1, 1e-15);
    for (let step = 1; step <= 50; ++step) expect(schedule(step)).to.be.below(schedule(step - 1));
    expect(schedule(50)).to.equal(0);
  });

  it('triangular: rises linearly from the start, then falls linearly to the floor', () => {
    const schedule = triangularSchedule({rate: 1, totalSteps: 12, warmupSteps: 4, start: 0.5, floor: 0.2});
    const expected = [0.6, 0.7, 0.8, 0.9, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.2];
    for (const [step, rate] of expected.entries()) expect(schedule(step)).to.be.closeTo(rate, 1e-12);
    expect(schedule(500)).to.equal(0.2);
    const plain = triangularSchedule({rate: 0.5, totalSteps: 5});
    expect([0, 1, 2, 3, 4, 5].map(plain)).to.deep.equal([0.5, 0.4, 0.3, 0.2, 0.1, 0]);
  });

  /** Rates after tests with these figures, as the lines of Keras's callback compute them. */
  function keras(
    figures: number[],
    {rate = 1, factor = 0.1, patience = 3, minDelta = 1e-4, cooldown = 0, minRate = 0, sign = 1},
  ): number[] {
    let [best, wait, left] = [Infinity, 0, 0];
    return figures.map((figure) => {
      if (left > 0) [left, wait] = [left - 1, 0];
      if (sign * figure < best - minDelta) [best, wait] = [sign * figure, 0];
      else if (left <= 0) {
        wait += 1;
        if (wait >= patience && rate > minRate) {
          rate = Math.max(rate * factor, minRate);
          [left, wait] = [cooldown, 0];
        }
      }
      return rate;
    });
  }

  const losses = [
    3, 2, 2, 1.99995, 2.5, 1.5, 1.5, 1.5, 1.6, 1.5, 1.5, 1.5, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4,
  ];

  it('plateau: falls where the figure gets no better, as in Keras', () => {
    for (const args of [
      {},
      {patience: 1},
      {patience: 2, cooldown: 2, factor: 0.5},
      {minRate: 0.05},
      {minDelta: 0},
    ]) {
      for (const monitor of ['loss', 'accuracy']) {
        const sign = monitor === 'loss' ? 1 : -1;
        const schedule = plateauSchedule({rate: 1, monitor, ...args});
        expect(schedule(0)).to.equal(1);
        const rates = losses.map((loss, step) => {
          schedule.tested!({[monitor]: sign * loss, other: 0});
          return schedule(step);
        });
        expect(rates).to.deep.equal(
          keras(
            losses.map((loss) => sign * loss),
            {...args, sign},
          ),
        );
        expect(rates.at(-1), 'the figures make it fall').to.be.below(1);
      }
    }
  });

  it('plateau: warms up, and a figure that is no number is no better one', () => {
    const schedule = plateauSchedule({rate: 0.5, warmupSteps: 4, patience: 2, monitor: 'meanIou'});
    for (const [step, rate] of [0.1, 0.2, 0.3, 0.4, 0.5, 0.5].entries()) {
      expect(schedule(step)).to.be.closeTo(rate, 1e-12);
    }
    for (const figure of [Number.NaN, 0.5]) schedule.tested!({meanIou: figure});
    expect(schedule(9)).to.equal(0.5);
    for (const figure of [Number.NaN, 0.4]) schedule.tested!({meanIou: figure});
    expect(schedule(9)).to.equal(0.05);
  });

  it('plateau: goes on from a saved state', () => {
    const args = {rate: 1, patience: 2, cooldown: 1};
    for (let cut = 0; cut < losses.length; cut++) {
      const [whole, before, after] = [plateauSchedule(args), plateauSchedule(args), plateauSchedule(args)];
      for (const loss of losses) whole.tested!({loss});
      for (const loss of losses.slice(0, cut)) before.tested!({loss});
      after.setState!(JSON.parse(JSON.stringify(before.getState!())));
      for (const loss of losses.slice(cut)) after.tested!({loss});
      expect(after.getState!()).to.deep.equal(whole.getState!());
    }
  });

  const wrong: [string, () => unknown, RegExp][] = [
    ['a negative rate', () => constantSchedule(-1), /rate must be a number from 0; got -1/],
    [
      'a rate that is no number',
      () => cosineSchedule({rate: Number.NaN, totalSteps: 5}),
      /rate must be .* got NaN/,
    ],
    ['no steps', () => cosineSchedule({rate: 1, totalSteps: 0}), /totalSteps must be .* got 0/],
    ['half a step', () => cosineSchedule({rate: 1, totalSteps: 2.5}), /totalSteps must be .* got 2.5/],
    [
      'a warm-up that never ends',
      () => cosineSchedule({rate: 1, totalSteps: 5, warmupSteps: 5}),
      /warmupSteps/,
    ],
    [
      'a floor above the rate',
      () => cosineSchedule({rate: 1, totalSteps: 5, floor: 2}),
      /floor must be at most/,
    ],
    [
      'a start above the rate',
      () => triangularSchedule({rate: 1, totalSteps: 5, start: 2}),
      /triangularSchedule: start must be at most the rate; got 2 above 1/,
    ],
    ['a triangle of no steps', () => triangularSchedule({rate: 1, totalSteps: 0}), /totalSteps/],
    [
      'a factor of 1',
      () => plateauSchedule({rate: 1, factor: 1}),
      /plateauSchedule: factor must be .* got 1/,
    ],
    ['no patience', () => plateauSchedule({rate: 1, patience: 0}), /patience must be .* got 0/],
    ['half a cooldown', () => plateauSchedule({rate: 1, cooldown: 0.5}), /cooldown must be .* got 0.5/],
    ['a mode that is none', () => plateauSchedule({rate: 1, mode: 'auto' as never}), /mode must be one of/],
    [
      'a least rate above the rate',
      () => plateauSchedule({rate: 1, minRate: 2}),
      /minRate must be at most the rate/,
    ],
    [
      'a figure that the test has not',
      () => plateauSchedule({rate: 1, monitor: 'f1'}).tested!({loss: 1, accuracy: 0}),
      /monitor must be a figure of the test; got f1 \(try loss, accuracy\)/,
    ],
    [
      'a state that is none',
      () => plateauSchedule({rate: 1}).setState!({rate: 1, best: null}),
      /plateauSchedule: the state must be 4 numbers/,
    ],
  ];
  for (const [what, build, message] of wrong) {
    it(`refuses ${what}`, () => expect(build).to.throw(ConfigError, message));
  }
});

import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {constantSchedule, cosineSchedule} from '../../../src/training/schedule.js';

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
  ];
  for (const [what, build, message] of wrong) {
    it(`refuses ${what}`, () => expect(build).to.throw(ConfigError, message));
  }
});

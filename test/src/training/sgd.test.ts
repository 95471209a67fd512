import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError} from '../../../src/errors.js';
import {SGD, type SGDArgs} from '../../../src/training/sgd.js';
import {eachBackend} from '../../helpers/backends.js';
import {
  expectContinues,
  expectKeeps,
  expectSame,
  expectSurvivesSaving,
  gradientAt,
  start,
  stepped,
} from './optimizer_steps.js';

/** The formulas in float64. */
function reference(
  {learningRate = 0.01, momentum = 0, nesterov = false, weightDecay = 0}: SGDArgs,
  steps: number,
): number[] {
  return start.map((value, i) => {
    let [p, u] = [value, 0];
    for (let step = 0; step < steps; step++) {
      const g = gradientAt(step)[i] + weightDecay * p;
      u = momentum * u + g;
      p -= learningRate * (nesterov ? g + momentum * u : u);
    }
    return p;
  });
}

const cases: Array<[string, SGDArgs, () => tf.Optimizer]> = [
  ['plain', {learningRate: 0.03}, () => tf.train.sgd(0.03)],
  ['with momentum', {learningRate: 0.03, momentum: 0.8}, () => tf.train.momentum(0.03, 0.8)],
  [
    "with Nesterov's momentum",
    {learningRate: 0.03, momentum: 0.8, nesterov: true},
    () => tf.train.momentum(0.03, 0.8, true),
  ],
];

describe('SGD', () => {
  eachBackend(
    () => {
      for (const [name, args, stock] of cases) {
        for (const steps of [1, 10]) {
          it(`${name} is the formula, and tfjs's, after ${steps} steps`, async () => {
            const optimizer = new SGD(args);
            const {weight, bias} = await stepped(optimizer, steps);
            expectSame(weight, reference(args, steps));
            expectSame(bias, reference(args, steps));
            const other = stock();
            expectSame(weight, (await stepped(other, steps)).weight);
            optimizer.dispose();
            other.dispose();
          });

          it(`${name} and decay is the formula after ${steps} steps`, async () => {
            const decaying = {...args, weightDecay: 0.3};
            const optimizer = new SGD(decaying);
            const {weight, bias} = await stepped(optimizer, steps);
            expectSame(weight, reference(decaying, steps));
            expectSame(bias, reference(args, steps));
            optimizer.dispose();
          });
        }

        it(`${name} keeps what it needs and no more`, () =>
          expectKeeps(new SGD({...args, learningRate: 1e-3}), args.momentum ? 2 : 0));

        it(`${name} continues exactly where getWeights stood`, () => expectContinues(() => new SGD(args)));

        it(`${name} is saved and loaded with a model`, () => expectSurvivesSaving(new SGD(args)));
      }

      it('takes an exclusion of its own', async () => {
        const optimizer = new SGD({learningRate: 0.1, weightDecay: 0.5, exclude: () => true});
        const {weight} = await stepped(optimizer, 3);
        expectSame(weight, reference({learningRate: 0.1}, 3));
        optimizer.dispose();
      });
    },
    {only: ['cpu', 'wasm']},
  );

  const wrong: [string, SGDArgs, RegExp][] = [
    ['a negative rate', {learningRate: -1}, /SGD: learningRate must be a number from 0; got -1/],
    ['momentum of 1', {momentum: 1}, /SGD: momentum must be a number in \[0, 1\); got 1/],
    ['nesterov without momentum', {nesterov: true}, /nesterov needs a momentum above 0/],
    ['a decay below 0', {weightDecay: -0.1}, /SGD: weightDecay must be a number from 0/],
  ];
  for (const [what, args, message] of wrong) {
    it(`refuses ${what}`, () => expect(() => new SGD(args)).to.throw(ConfigError, message));
  }

  it('refuses weights that are not its own', async () => {
    const weights = [0, 1].map((i) => ({name: `w${i}`, tensor: tf.scalar(1)}));
    const error = await new SGD().setWeights(weights).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.be.instanceOf(ConfigError);
    tf.dispose(weights.map(({tensor}) => tensor));
  });
});

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

      it('gives a group its rate and decay, the first group that matches', async () => {
        const common = {learningRate: 0.03, momentum: 0.8, nesterov: true, weightDecay: 0.3};
        const groups = [
          {match: /^group_b/, rateScale: 4, weightDecay: 0.05},
          {match: 'group_', rateScale: 0.5},
          {match: '_bias', rateScale: 100},
        ];
        const optimizer = new SGD({...common, groups});
        const names = ['group_bias', 'group_kernel', 'other'];
        const variables = names.map((name) =>
          tf.tidy(() => tf.variable(tf.tensor2d(start, [2, 3]), true, name)),
        );
        for (let step = 0; step < 10; step++) {
          const gradient = tf.tensor2d(gradientAt(step), [2, 3]);
          optimizer.applyGradients(Object.fromEntries(names.map((name) => [name, gradient])));
          gradient.dispose();
        }
        const expected = [
          {...common, learningRate: 0.12, weightDecay: 0.05},
          {...common, learningRate: 0.015},
          common,
        ];
        for (const [i, variable] of variables.entries()) {
          expectSame([...(await variable.data())], reference(expected[i], 10));
        }
        tf.dispose(variables);
        optimizer.dispose();
      });

      it("gives a group's decay to its biases too, and excludes them where the group has none", async () => {
        for (const [group, decay] of [[{weightDecay: 0.3}, 0.3] as const, [{}, 0] as const]) {
          const optimizer = new SGD({weightDecay: 0.7, groups: [{match: '', ...group}]});
          const {bias} = await stepped(optimizer, 3);
          expectSame(bias, reference({weightDecay: decay}, 3));
          optimizer.dispose();
        }
      });

      it('with groups is saved and loaded with a model', async () => {
        const first = /qkv_Bias\\_[_x]|dense_/;
        const groups = [
          {match: first, rateScale: 4},
          {match: 'kernel', weightDecay: 0.5},
        ];
        const optimizer = new SGD({learningRate: 0.01, groups});
        await expectSurvivesSaving(optimizer);
        const [{match}] = optimizer.getConfig().groups as {match: string}[];
        for (const name of ['dense_1', 'qkv_Bias\\__', 'qkv_Bias_', 'denseX']) {
          expect(new RegExp(match).test(name), name).to.equal(first.test(name));
        }
      });
    },
    {only: ['cpu', 'wasm', 'tensorflow']},
  );

  const wrong: [string, SGDArgs, RegExp][] = [
    ['a negative rate', {learningRate: -1}, /SGD: learningRate must be a number from 0; got -1/],
    ['momentum of 1', {momentum: 1}, /SGD: momentum must be a number in \[0, 1\); got 1/],
    ['nesterov without momentum', {nesterov: true}, /nesterov needs a momentum above 0/],
    ['groups that are no list', {groups: {match: 'a'} as never}, /SGD: groups must be a list; got/],
    [
      'a group with a wrong name',
      {groups: [{match: 'a', scale: 2} as never]},
      /SGD\(group 0\): .* got scale/,
    ],
    ['a group without a pattern', {groups: [{} as never]}, /match must be a regular .* got undefined/],
    ['a pattern that is none', {groups: [{match: '('}]}, /SGD\(group 0\): match must be .* got '\('/],
    ['a pattern with flags', {groups: [{match: /a/gi}]}, /without flags.* got \/a\/gi/],
    [
      'a factor below 0',
      {groups: [{match: 'a', rateScale: -1}]},
      /rateScale must be a number from 0; got -1/,
    ],
    ["a group's decay below 0", {groups: [{match: 'a', weightDecay: -1}]}, /weightDecay must be .* got -1/],
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

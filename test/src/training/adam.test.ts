import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {ConfigError, ShapeError} from '../../../src/errors.js';
import {Adam} from '../../../src/training/adam.js';
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

const options = {learningRate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-3};

/** Algorithm 1 of the paper in float64. */
function reference(steps: number): number[] {
  const {learningRate, beta1, beta2, epsilon} = options;
  return start.map((value, i) => {
    let [p, m, v] = [value, 0, 0];
    for (let t = 1; t <= steps; t++) {
      const g = gradientAt(t - 1)[i];
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      p -= (learningRate * (m / (1 - beta1 ** t))) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
    }
    return p;
  });
}

describe('Adam', () => {
  eachBackend(
    () => {
      for (const steps of [1, 10]) {
        it(`is the paper's, and tfjs's, after ${steps} steps`, async () => {
          const optimizer = new Adam(options);
          const {weight, bias} = await stepped(optimizer, steps);
          expectSame(weight, reference(steps));
          expectSame(bias, reference(steps));
          const {learningRate, beta1, beta2, epsilon} = options;
          const stock = tf.train.adam(learningRate, beta1, beta2, epsilon);
          expectSame(weight, (await stepped(stock, steps)).weight);
          optimizer.dispose();
          stock.dispose();
        });
      }

      it('keeps two sums per variable and no more', () => expectKeeps(new Adam(), 4));

      it('continues exactly where getWeights stood', () =>
        expectContinues(() => new Adam({learningRate: 0.05})));

      it('is saved and loaded with a model', () =>
        expectSurvivesSaving(new Adam({learningRate: 0.05, beta2: 0.5})));
    },
    {only: ['cpu', 'wasm', 'tensorflow']},
  );

  const wrong: [string, () => unknown, RegExp][] = [
    [
      'a negative rate',
      () => new Adam({learningRate: -1}),
      /Adam: learningRate must be a number from 0; got -1/,
    ],
    ['beta1 of 1', () => new Adam({beta1: 1}), /Adam: beta1 must be a number in \[0, 1\); got 1/],
    ['an unknown variable', () => new Adam().applyGradients({nobody: tf.scalar(1)}), /got nobody/],
  ];
  for (const [what, build, message] of wrong) {
    it(`refuses ${what}`, () => expect(() => tf.tidy(() => void build())).to.throw(ConfigError, message));
  }

  it('refuses a gradient of another shape', () => {
    const weight = tf.variable(tf.ones([2, 2]));
    const gradient = tf.ones([4]);
    expect(() => new Adam().applyGradients({[weight.name]: gradient})).to.throw(
      ShapeError,
      /Adam: .*got \[4\]/,
    );
    tf.dispose([weight, gradient]);
  });

  it('refuses weights that are not its own', async () => {
    const weights = [0, 1].map((i) => ({name: `w${i}`, tensor: tf.scalar(1)}));
    const error = await new Adam().setWeights(weights).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.be.instanceOf(ConfigError);
    expect(error!.message).to.contain('gradient_sum, squared_gradient_sum').and.to.contain('got 2 tensors');
    tf.dispose(weights.map(({tensor}) => tensor));
  });
});

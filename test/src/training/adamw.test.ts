import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer} from '../../../architectures/index.js';
import {ConfigError, ShapeError} from '../../../src/errors.js';
import {AdamW} from '../../../src/training/adamw.js';
import {excludedFromDecay} from '../../../src/training/variable_optimizer.js';
import {expectContinues, expectKeeps, expectSurvivesSaving, gradientAt, start} from './optimizer_steps.js';

/** Algorithm 2 of the paper as it stands, in float64: bias-corrected moments, decay scaled by the learning rate. */
class Reference {
  m: number[];
  v: number[];
  t = 0;
  constructor(
    readonly p: number[],
    readonly options: {lr: number; beta1: number; beta2: number; epsilon: number; decay: number},
  ) {
    this.m = p.map(() => 0);
    this.v = p.map(() => 0);
  }
  step(gradient: number[]): void {
    const {lr, beta1, beta2, epsilon, decay} = this.options;
    this.t += 1;
    for (const [i, g] of gradient.entries()) {
      this.m[i] = beta1 * this.m[i] + (1 - beta1) * g;
      this.v[i] = beta2 * this.v[i] + (1 - beta2) * g * g;
      const mHat = this.m[i] / (1 - beta1 ** this.t);
      const vHat = this.v[i] / (1 - beta2 ** this.t);
      this.p[i] -= lr * decay * this.p[i];
      this.p[i] -= (lr * mHat) / (Math.sqrt(vHat) + epsilon);
    }
  }
}

describe('AdamW', () => {
  before(async () => {
    await tf.setBackend('cpu');
  });

  it('follows the float64 reference over several steps, with and without decay, rate changed on the way', async () => {
    const weight = tf.variable(tf.tensor2d(start, [2, 3]), true, 'adamw_test/kernel');
    const bias = tf.variable(tf.tensor1d(start), true, 'adamw_test/bias');
    const options = {lr: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, decay: 0.3};
    const decayed = new Reference([...start], options);
    const plain = new Reference([...start], {...options, decay: 0});
    const optimizer = new AdamW({
      learningRate: 0.02,
      beta1: 0.8,
      beta2: 0.95,
      epsilon: 1e-3,
      weightDecay: 0.3,
    });
    for (let step = 0; step < 8; ++step) {
      if (step === 5) {
        optimizer.learningRate = decayed.options.lr = plain.options.lr = 0.005;
      }
      const gradient = gradientAt(step);
      decayed.step(gradient);
      plain.step(gradient);
      const [g1, g2] = [tf.tensor2d(gradient, [2, 3]), tf.tensor1d(gradient)];
      // The two forms in which tfjs hands gradients over.
      if (step % 2 === 0) optimizer.applyGradients({[weight.name]: g1, [bias.name]: g2});
      else
        optimizer.applyGradients([
          {name: weight.name, tensor: g1},
          {name: bias.name, tensor: g2},
        ]);
      tf.dispose([g1, g2]);
    }
    const [got, gotBias] = [await weight.data(), await bias.data()];
    for (const [i, expected] of decayed.p.entries()) expect(got[i]).to.be.closeTo(expected, 2e-6);
    for (const [i, expected] of plain.p.entries()) expect(gotBias[i]).to.be.closeTo(expected, 2e-6);
    // The comparison sees decay: 8 steps of it move the largest weight by far more than the tolerance.
    expect(Math.abs(decayed.p[4] - plain.p[4])).to.be.above(1e-2);
    expect(optimizer.iterations).to.equal(8);
    optimizer.dispose();
    tf.dispose([weight, bias]);
  });

  it('leaves out of the decay what the recipe leaves out', () => {
    expect(excludedFromDecay('stage/blocks.0.attn.qkv.bias', [96])).to.equal(true);
    expect(excludedFromDecay('norm/weight', [96])).to.equal(true);
    expect(excludedFromDecay('stage/blocks.0.attn.relative_position_bias_table', [169, 3])).to.equal(true);
    expect(excludedFromDecay('stage/blocks.0.attn.cpb_mlp.0.weight', [2, 512])).to.equal(true);
    expect(excludedFromDecay('stage/blocks.0.attn.logit_scale', [3, 1, 1])).to.equal(true);
    expect(excludedFromDecay('absolute_pos/absolute_pos_embed', [1, 14, 14, 96])).to.equal(true);
    expect(excludedFromDecay('stage/blocks.0.attn.qkv.weight', [96, 288])).to.equal(false);
    expect(excludedFromDecay('conv/kernel', [3, 3, 8, 8])).to.equal(false);
  });

  it('excludes the position tables of the Swin networks, which it finds by their names', () => {
    const common = {imageSize: 16, patchSize: 4, embedDim: 8, depths: [2], numHeads: [2], windowSize: 2};
    for (const variant of ['v1', 'v2'] as const) {
      const model = swinTransformer({...common, variant, numClasses: 3, absolutePosition: true});
      const decayed = model.trainableWeights
        .filter(({name, shape}) => !excludedFromDecay(name, shape as number[]))
        .map(({name}) => name.replace(/^.*(patch_embed|attn|mlp|head)/, '$1'));
      const block = ['attn.qkv.weight', 'attn.proj.weight', 'mlp.fc1.weight', 'mlp.fc2.weight'];
      const expected = ['patch_embed/proj.weight', ...block, ...block, 'head/kernel'];
      expect(decayed.map((name) => name.replace(/_\d+$/, '')).sort(), variant).to.deep.equal(expected.sort());
      model.dispose();
    }
  });

  it('takes an exclusion of its own', async () => {
    const weight = tf.variable(tf.ones([2, 2]), true, 'adamw_exclude/kernel');
    const zero = tf.zeros([2, 2]);
    const optimizer = new AdamW({
      learningRate: 0.1,
      weightDecay: 0.5,
      exclude: (name) => name.endsWith('kernel'),
    });
    optimizer.applyGradients({[weight.name]: zero});
    expect([...(await weight.data())]).to.deep.equal([1, 1, 1, 1]);
    const decaying = new AdamW({learningRate: 0.1, weightDecay: 0.5, exclude: () => false});
    decaying.applyGradients({[weight.name]: zero});
    for (const value of await weight.data()) expect(value).to.be.closeTo(0.95, 1e-6);
    optimizer.dispose();
    decaying.dispose();
    tf.dispose([weight, zero]);
  });

  it('leaves a variable without a gradient alone', async () => {
    const weight = tf.variable(tf.ones([2, 2]), true, 'adamw_missing/kernel');
    const optimizer = new AdamW({learningRate: 0.1, weightDecay: 0.5});
    optimizer.applyGradients([{name: weight.name, tensor: undefined as unknown as tf.Tensor}]);
    expect([...(await weight.data())]).to.deep.equal([1, 1, 1, 1]);
    optimizer.dispose();
    weight.dispose();
  });

  it('keeps no tensor but two sums per variable, and frees those', () => expectKeeps(new AdamW(), 4));

  it('continues exactly where getWeights stood', () =>
    expectContinues(() => new AdamW({learningRate: 0.05})));

  it('is a tfjs optimizer: compiles, fits, and survives save and load with its state', () =>
    expectSurvivesSaving(new AdamW({learningRate: 0.05, weightDecay: 0.125})));

  const wrong: [string, () => unknown, RegExp][] = [
    ['a negative rate', () => new AdamW({learningRate: -1}), /learningRate must be a number from 0; got -1/],
    ['beta1 of 1', () => new AdamW({beta1: 1}), /beta1 must be a number in \[0, 1\); got 1/],
    ['beta2 below 0', () => new AdamW({beta2: -0.1}), /beta2/],
    ['no epsilon', () => new AdamW({epsilon: 0}), /epsilon must be a number above 0; got 0/],
    ['a decay that is no number', () => new AdamW({weightDecay: Number.NaN}), /weightDecay .* got NaN/],
    ['an unknown variable', () => new AdamW().applyGradients({nobody: tf.scalar(1)}), /got nobody/],
  ];
  for (const [what, build, message] of wrong) {
    it(`refuses ${what}`, () => expect(() => tf.tidy(() => void build())).to.throw(ConfigError, message));
  }

  it('refuses a gradient of another shape', () => {
    const weight = tf.variable(tf.ones([2, 2]), true, 'adamw_shape/kernel');
    const gradient = tf.ones([4]);
    expect(() => new AdamW().applyGradients({[weight.name]: gradient})).to.throw(
      ShapeError,
      /got \[4\].*\[2, 2\]/,
    );
    tf.dispose([weight, gradient]);
  });
});

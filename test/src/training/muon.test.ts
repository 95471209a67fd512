import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinTransformer, swinUNet} from '../../../architectures/index.js';
import {ConfigError} from '../../../src/errors.js';
import {Muon, type MuonArgs} from '../../../src/training/muon.js';
import {newtonSchulz} from '../../../src/training/newton_schulz.js';
import {eachBackend} from '../../helpers/backends.js';
import {expectContinues, expectKeeps, expectSurvivesSaving} from './optimizer_steps.js';

type Matrix = number[][];

const transposed = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));
const combined = (...terms: [number, Matrix][]): Matrix =>
  terms[0][1].map((row, i) => row.map((_, j) => terms.reduce((sum, [by, a]) => sum + by * a[i][j], 0)));
const norm = (values: number[]) => Math.hypot(...values);

/** The iteration as it stands in the source, in float64. */
function orthogonal(matrix: Matrix, steps: number): Matrix {
  const length = norm(matrix.flat()) + 1e-7;
  let x = matrix.map((row) => row.map((value) => value / length));
  for (let i = 0; i < steps; i++) {
    const square = product(x, transposed(x));
    const factor = combined([-4.775, square], [2.0315, product(square, square)]);
    x = combined([3.4445, x], [1, product(factor, x)]);
  }
  return x;
}

const split = (values: readonly number[], columns: number): Matrix =>
  Array.from({length: values.length / columns}, (_, i) => values.slice(i * columns, (i + 1) * columns));

/** One variable in float64: Muon's step of a matrix, or AdamW's. */
class Reference {
  private m: number[];
  private v: number[];
  private t = 0;

  constructor(
    public p: number[],
    private readonly shape: number[],
    private readonly args: MuonArgs,
    private readonly decays: boolean,
    private readonly joint: boolean,
  ) {
    this.m = p.map(() => 0);
    this.v = p.map(() => 0);
  }

  muon(gradient: number[], learningRate: number): void {
    const {momentum = 0.95, newtonSchulzSteps = 5, weightDecay = 0} = this.args;
    const {normalizeFilters, denseRateRatio = 1} = this.args;
    const columns = this.shape.at(-1)!;
    this.m = this.m.map((m, i) => momentum * m + gradient[i]);
    const direction = split(
      gradient.map((g, i) => g + momentum * this.m[i]),
      columns,
    );
    const parts = this.joint ? 3 : 1;
    const width = columns / parts;
    // Row by row, the columns of each part made orthogonal by themselves.
    const orthogonals = Array.from({length: parts}, (_, part) =>
      orthogonal(
        direction.map((row) => row.slice(part * width, (part + 1) * width)),
        newtonSchulzSteps,
      ),
    );
    const step = direction.flatMap((_, row) => orthogonals.flatMap((matrix) => matrix[row]));
    if (normalizeFilters && this.shape.length > 2) {
      const scale = Math.sqrt(columns) / norm(this.p);
      this.p = this.p.map((p) => p * scale);
    }
    const own = this.shape.length > 2 ? learningRate : learningRate * denseRateRatio;
    const kept = this.decays ? 1 - own * weightDecay : 1;
    const rate = own * Math.sqrt(Math.max(1, width / (this.p.length / columns)));
    this.p = this.p.map((p, i) => kept * p - rate * step[i]);
  }

  adamw(gradient: number[], muonRate: number): void {
    const {
      rateRatio = 0.1,
      beta1 = 0.9,
      beta2 = 0.95,
      epsilon = 1e-8,
      weightDecay = 0,
    } = this.args.adamw ?? {};
    const rate = muonRate * rateRatio;
    this.t += 1;
    for (const [i, g] of gradient.entries()) {
      this.m[i] = beta1 * this.m[i] + (1 - beta1) * g;
      this.v[i] = beta2 * this.v[i] + (1 - beta2) * g * g;
      const mHat = this.m[i] / (1 - beta1 ** this.t);
      const vHat = this.v[i] / (1 - beta2 ** this.t);
      this.p[i] *= this.decays ? 1 - rate * weightDecay : 1;
      this.p[i] -= (rate * mHat) / (Math.sqrt(vHat) + epsilon);
    }
  }
}

/** Deterministic numbers in (-1, 1). */
const values = (seed: number, count: number) =>
  Array.from(
    {length: count},
    (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * Math.cos(3.7 * i * seed + 1),
  );

/** Variables of every kind: name, shape, whether Muon has it, whether decay has it. */
const variables: [string, number[], muon: boolean, decays: boolean][] = [
  ['muon/tall/kernel', [7, 4], true, true],
  ['muon/first/kernel', [4, 6], true, true],
  ['muon/second/kernel', [4, 6], true, true],
  ['muon/attn.qkv.weight', [4, 6], true, true],
  ['muon/other.qkv.weight', [4, 6], true, true],
  ['muon/conv/kernel', [2, 2, 3, 5], true, true],
  ['muon/bias', [6], false, false],
  ['muon/blocks.0.attn.relative_position_bias_table', [9, 2], false, false],
  ['muon/mlp.conv.weight', [3, 3, 4, 1], false, true],
  ['muon/depthwise_kernel', [3, 3, 2, 2], false, true],
  ['muon/embeddings', [5, 3], false, true],
  ['muon/classifier/kernel', [4, 3], false, true],
  ['muon_head/kernel', [4, 3], false, true],
];

const cases: [string, MuonArgs][] = [
  ['by default', {}],
  [
    'with decay',
    {learningRate: 0.05, momentum: 0.8, weightDecay: 0.3, adamw: {weightDecay: 0.7, rateRatio: 0.2}},
  ],
  ['as airbench94_muon', {learningRate: 0.24, momentum: 0.6, newtonSchulzSteps: 3, normalizeFilters: true}],
  ['dense layers slower', {learningRate: 0.1, weightDecay: 0.3, denseRateRatio: 0.25}],
];

describe('Muon', () => {
  eachBackend((backend) => {
    if (backend !== 'webgpu') {
      it('continues exactly where getWeights stood', () => expectContinues(() => new Muon()));
    }

    // Each shape is a shader to compile on webgpu.
    const quick = backend === 'webgpu';
    it('newtonSchulz is the iteration in float64, for tall, square and wide matrices', async () => {
      const shapes = [
        [9, 4],
        [4, 9],
        [5, 5],
      ];
      for (const [rows, columns] of quick ? shapes.slice(0, 2) : shapes) {
        const matrices = [1, 2, 3].map((seed) =>
          values(seed, rows * columns).map((value) => value * 10 ** seed),
        );
        for (const steps of quick ? [3] : [1, 3, 5]) {
          const result = tf.tidy(() =>
            newtonSchulz(tf.tensor3d(matrices.flat(), [3, rows, columns]), steps, (value) =>
              tf.scalar(value),
            ),
          );
          const expected = matrices.flatMap((matrix) => orthogonal(split(matrix, columns), steps).flat());
          const got = await result.data();
          result.dispose();
          for (const [i, value] of expected.entries()) expect(got[i]).to.be.closeTo(value, 2e-5);
        }
      }
    });

    for (const [name, args] of quick ? cases.slice(1, 2) : cases) {
      it(`${name} is the formulas in float64, the rate changed on the way`, async () => {
        const optimizer = new Muon(args);
        const made = variables.map(([path, shape, muon, decays], k) => {
          const start = values(k + 1, tf.util.sizeFromShape(shape));
          const variable = tf.tidy(() => tf.variable(tf.tensor(start, shape), true, path));
          return {variable, muon, reference: new Reference(start, shape, args, decays, path.includes('qkv'))};
        });
        for (let step = 0; step < 6; step++) {
          if (step === 4) optimizer.learningRate *= 0.5;
          const gradients = made.map(({variable, muon, reference}, k) => {
            const gradient = values(20 + 7 * step + k, variable.size);
            reference[muon ? 'muon' : 'adamw'](gradient, optimizer.learningRate);
            return [variable.name, tf.tensor(gradient, variable.shape)] as const;
          });
          optimizer.applyGradients(Object.fromEntries(gradients));
          tf.dispose(gradients.map(([, gradient]) => gradient));
        }
        for (const {variable, reference} of made) {
          const got = await variable.data();
          for (const [i, value] of reference.p.entries()) {
            expect(got[i], `${variable.name} at ${i}`).to.be.closeTo(value, 5e-5);
          }
        }
        tf.dispose(made.map(({variable}) => variable));
        optimizer.dispose();
      });
    }
  });

  it('keeps one tensor for a matrix and two for all else, and frees those', async () => {
    await tf.setBackend('cpu');
    expectKeeps(new Muon({learningRate: 1e-3}), 3);
  });

  it('is saved and loaded with a model', () =>
    expectSurvivesSaving(new Muon({learningRate: 0.1, heads: /the_Head/, adamw: {rateRatio: 0.5}})));

  it('restores each kind of state, and refuses that of another kind or shape', async () => {
    const make = (shape: number[]) => tf.tidy(() => tf.variable(tf.ones(shape)));
    const step = (optimizer: Muon, list: tf.Variable[]) =>
      tf.tidy(() => optimizer.applyGradients(list.map(({name, shape}) => ({name, tensor: tf.ones(shape)}))));
    const [matrix, bias] = [make([2, 3]), make([3])];
    const optimizer = new Muon();
    step(optimizer, [matrix, bias]);
    const weights = await optimizer.getWeights();
    expect(weights.map(({name}) => name)).to.deep.equal([
      'iter',
      `${matrix.name}/momentum`,
      `${bias.name}/gradient_sum`,
      `${bias.name}/squared_gradient_sum`,
    ]);
    for (const [order, message] of [
      [[bias, matrix], /got .* \[momentum\] for .* \[gradient_sum, squared_gradient_sum\]/],
      [[make([3, 2]), bias], /got .* \[2, 3\] \[momentum\] for .* \[3, 2\]/],
    ] as const) {
      const other = new Muon();
      await other.setWeights(weights);
      expect(() => step(other, [...order])).to.throw(ConfigError, message);
      other.dispose();
      if (order[0] !== bias) order[0].dispose();
    }
    const half = await new Muon().setWeights(weights.slice(0, 3)).catch((error: Error) => error);
    expect(half).to.be.instanceOf(ConfigError);
    expect((half as Error).message).to.match(/got 3 tensors, with \[gradient_sum\] for/);
    weights[0].tensor.dispose();
    optimizer.dispose();
    tf.dispose([matrix, bias]);
  });

  it('finds the matrices of the networks of this library', async () => {
    await tf.setBackend('cpu');
    const common = {patchSize: 4, embedDim: 8, depths: [2], numHeads: [2], windowSize: 2};
    const networks = [
      swinTransformer({...common, imageSize: 16, numClasses: 3, absolutePosition: true}),
      swinUNet({numClasses: 3, embedDim: 8, depths: [2, 2], numHeads: [2, 2], windowSize: 2}),
    ];
    for (const network of networks) {
      const optimizer = new Muon();
      const kinds = new Map<string, string>();
      for (const {name, shape} of network.trainableWeights) {
        const kind = (optimizer as unknown as {kindOf: (name: string, shape: number[]) => string}).kindOf(
          name,
          shape as number[],
        );
        kinds.set(name.replace(/_\d+$/, ''), kind);
      }
      const heads = [...kinds].filter(([name]) => /^(head|output)\/kernel$/.test(name));
      expect(heads.map(([, kind]) => kind)).to.deep.equal(['other']);
      for (const [name, kind] of kinds) {
        const matrix = /(qkv|proj|fc1|fc2|reduction|expand)\.weight$/.test(name);
        if (matrix) expect(kind, name).to.equal('matrix');
        if (/bias|norm|absolute_pos_embed/.test(name)) expect(kind, name).to.equal('other');
      }
      network.dispose();
    }
  });

  const wrong: [string, MuonArgs, RegExp][] = [
    ['a negative rate', {learningRate: -1}, /Muon: learningRate must be a number from 0; got -1/],
    ['momentum of 1', {momentum: 1}, /Muon: momentum must be a number in \[0, 1\); got 1/],
    ['no iterations', {newtonSchulzSteps: 0}, /newtonSchulzSteps must be a whole number from 1; got 0/],
    ['a decay below 0', {weightDecay: -1}, /Muon: weightDecay must be a number from 0; got -1/],
    ['a flag that is none', {normalizeFilters: 1 as never}, /normalizeFilters must be true or false; got 1/],
    [
      'a ratio of dense layers below 0',
      {denseRateRatio: -1},
      /Muon: denseRateRatio must be a number from 0; got -1/,
    ],
    ['a pattern that is none', {heads: '['}, /Muon: heads must be a regular expression/],
    ['a wrong name', {adamw: {ratio: 1} as never}, /Muon\(adamw\): .* got ratio \(try rateRatio\)/],
    ['a ratio below 0', {adamw: {rateRatio: -1}}, /Muon\(adamw\): rateRatio must be a number from 0; got -1/],
    ['a discount of 1', {adamw: {beta2: 1}}, /Muon\(adamw\): beta2/],
  ];
  for (const [what, args, message] of wrong) {
    it(`refuses ${what}`, () => expect(() => new Muon(args)).to.throw(ConfigError, message));
  }
});

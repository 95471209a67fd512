/**
 * Muon: momentum whose update of a matrix is made orthogonal, and AdamW for all that is no hidden matrix.
 *
 *     M_t = momentum M_{t-1} + G                     G the gradient as a matrix [rows, columns]
 *     O_t = newtonSchulz(G + momentum M_t)           Nesterov's momentum; see newton_schulz
 *     W_t = (1 - lr wd) W_{t-1} - lr sqrt(max(1, columns / rows)) O_t
 *
 * A convolution filter [kh, kw, in, out] is the matrix [kh kw in, out]. The factor of the step is that of the source, where
 * matrices are [out, in]: sqrt(max(1, out / in)). Matrices of one shape are updated at once. The joint matrix of queries,
 * keys and values is three, each made orthogonal by itself, as the source has it.
 *
 * AdamW, at a fixed ratio of Muon's rate, has what is not a map between hidden features: variables of rank 0 and 1,
 * position tables and embeddings, the logit scale, depthwise filters, matrices of one row or column, and heads.
 *
 * Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; github.com/KellerJordan/Muon;
 * for filters github.com/KellerJordan/cifar10-airbench, airbench94_muon.py.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  ABOVE_ZERO,
  BELOW_ONE,
  checkNumber,
  FROM_ZERO,
  flag,
  positiveInteger,
} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {adamAttrs, adamUpdate} from '../../kernels/index.js';
import {ADAM_STATE} from './adam.js';
import {type NamePattern, namePattern, patternSource} from './name_pattern.js';
import {newtonSchulz} from './newton_schulz.js';
import {
  type DecayExclusion,
  excludedFromDecay,
  type Step,
  type Update,
  VariableOptimizer,
} from './variable_optimizer.js';

/** AdamW inside Muon. */
export interface MuonAdamWArgs {
  /** Its learning rate is this times Muon's. Default 0.1. */
  rateRatio?: number;
  /** Discount of the gradient sum, in [0, 1). Default 0.9. */
  beta1?: number;
  /** Discount of the squared gradient sum, in [0, 1). Default 0.95. */
  beta2?: number;
  /** Added to the root of the second moment, above 0. Default 1e-8. */
  epsilon?: number;
  /** Share of a weight that one step at AdamW's learning rate 1 removes. Default 0. */
  weightDecay?: number;
}

export interface MuonArgs {
  /** Muon's step size; may be changed at any time through the property of the same name. Default 0.02. */
  learningRate?: number;
  /** Discount of the gradient sum, in [0, 1). Default 0.95. */
  momentum?: number;
  /** Iterations that make an update orthogonal. Default 5; airbench94_muon takes 3. */
  newtonSchulzSteps?: number;
  /** Share of a matrix that one step at learning rate 1 removes. Default 0. */
  weightDecay?: number;
  /**
   * Whether filters of convolutions have the norm sqrt(out) before each step, as in airbench94_muon; for networks where a
   * norm follows every convolution, so that their scale does not matter. Default false.
   */
  normalizeFilters?: boolean;
  /**
   * Rate of the matrices of dense layers, those of attention and MLPs, as a share of the filters' rate. Default 1; where
   * filters are kept at one norm, matrices, which grow, want less.
   */
  denseRateRatio?: number;
  /** Finds by their names the variables of heads, which are AdamW's. Default `classifier|head|^output/`. */
  heads?: NamePattern;
  /**
   * Which variables decay leaves alone. Default `excludedFromDecay`. A function cannot be written to a file, so a Muon
   * restored by `fromConfig` has the default again.
   */
  exclude?: DecayExclusion;
  adamw?: MuonAdamWArgs;
}

const ARGUMENTS = {
  ...{learningRate: true, momentum: true, newtonSchulzSteps: true, weightDecay: true},
  ...{normalizeFilters: true, denseRateRatio: true, heads: true, exclude: true, adamw: true},
} as const satisfies ArgumentNames<MuonArgs>;

const ADAMW = {
  ...{rateRatio: true, beta1: true, beta2: true, epsilon: true, weightDecay: true},
} as const satisfies ArgumentNames<MuonAdamWArgs>;

/** The classifiers of this library, and the last convolution of its swinUNet. */
const HEADS = 'classifier|head|^output/';

/** Filters with a matrix for each channel, and embeddings: tables, of which a step sees some rows. */
const NO_HIDDEN_MATRIX = /depthwise|embeddings$/;

/** [in, 3 out]: three matrices side by side. */
const QUERIES_KEYS_VALUES = /qkv/;

function checkedAdamW(args: MuonAdamWArgs): Required<MuonAdamWArgs> {
  const who = 'Muon(adamw)';
  checkArguments(who, args, ADAMW);
  const {rateRatio = 0.1, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0} = args;
  checkNumber(who, 'rateRatio', rateRatio, FROM_ZERO);
  checkNumber(who, 'beta1', beta1, BELOW_ONE);
  checkNumber(who, 'beta2', beta2, BELOW_ONE);
  checkNumber(who, 'epsilon', epsilon, ABOVE_ZERO);
  checkNumber(who, 'weightDecay', weightDecay, FROM_ZERO);
  return {rateRatio, beta1, beta2, epsilon, weightDecay};
}

/** [rows, columns] of a variable as a matrix: the last axis, and all before it. */
function matrixShape(shape: readonly number[]): [number, number] {
  return [tf.util.sizeFromShape(shape.slice(0, -1)), shape[shape.length - 1]];
}

/** How many matrices of equal size stand side by side in a variable. */
function partsOf({name, value: {shape}}: Update): number {
  return QUERIES_KEYS_VALUES.test(name) && shape[shape.length - 1] % 3 === 0 ? 3 : 1;
}

/**
 * Muon for `model.compile({optimizer: new Muon({...})})`, `optimizer.minimize` and `train`. One learning rate drives both
 * of its parts.
 *
 * A variable without a gradient in a step is left as it is, decay included.
 *
 * @throws ConfigError where an argument lies outside its range.
 */
export class Muon extends VariableOptimizer {
  /** @nocollapse */
  static className = 'SwintMuon';

  readonly momentum: number;
  readonly newtonSchulzSteps: number;
  readonly weightDecay: number;
  readonly normalizeFilters: boolean;
  readonly denseRateRatio: number;
  readonly adamw: Readonly<Required<MuonAdamWArgs>>;
  private readonly heads: RegExp;

  constructor(args: MuonArgs = {}) {
    checkArguments('Muon', args, ARGUMENTS);
    const {learningRate = 0.02, momentum = 0.95, newtonSchulzSteps = 5, weightDecay = 0} = args;
    super('Muon', {matrix: ['momentum'], other: ADAM_STATE}, learningRate, args.exclude);
    this.checkNumber('momentum', momentum, BELOW_ONE);
    this.checkNumber('weightDecay', weightDecay, FROM_ZERO);
    this.momentum = momentum;
    this.newtonSchulzSteps = positiveInteger('Muon', 'newtonSchulzSteps', newtonSchulzSteps);
    this.weightDecay = weightDecay;
    this.normalizeFilters = flag('Muon', 'normalizeFilters', args.normalizeFilters, false);
    this.denseRateRatio = args.denseRateRatio ?? 1;
    this.checkNumber('denseRateRatio', this.denseRateRatio, FROM_ZERO);
    this.heads = namePattern('Muon', 'heads', args.heads ?? HEADS);
    this.adamw = checkedAdamW(args.adamw ?? {});
  }

  protected override kindOf(name: string, shape: readonly number[]): string {
    // What the recipe leaves out of the decay is what is no matrix in the sense of Muon, whatever `exclude` says.
    if (excludedFromDecay(name, shape)) return 'other';
    if (NO_HIDDEN_MATRIX.test(name) || this.heads.test(name)) return 'other';
    return matrixShape(shape).some((extent) => extent <= 1) ? 'other' : 'matrix';
  }

  protected override update(updates: Update[], step: Step): tf.Tensor[][] {
    const results = new Map<Update, tf.Tensor[]>();
    const groups = new Map<string, Update[]>();
    for (const update of updates) {
      const key = update.kind === 'other' ? 'other' : `${update.value.shape} in ${partsOf(update)}`;
      groups.set(key, [...(groups.get(key) ?? []), update]);
    }
    for (const group of groups.values()) {
      const updated =
        group[0].kind === 'other' ? this.adamUpdate(group, step) : this.matrixUpdate(group, step);
      for (const [i, update] of group.entries()) results.set(update, updated[i]);
    }
    return updates.map((update) => results.get(update)!);
  }

  /** The step of matrices of one shape and as many parts. */
  private matrixUpdate(updates: Update[], {scalar}: Step): tf.Tensor[][] {
    const {shape} = updates[0].value;
    const parts = partsOf(updates[0]);
    const [rows, allColumns] = matrixShape(shape);
    const columns = allColumns / parts;
    // The parts of every variable, one after the other, [variables * parts, rows, columns]; and back.
    const stacked = (tensors: tf.Tensor[]): tf.Tensor3D => {
      const matrices = tensors.map((tensor) => tf.reshape(tensor, [rows, allColumns]));
      const all = parts === 1 ? matrices : matrices.flatMap((matrix) => tf.split(matrix, parts, 1));
      return tf.stack(all) as tf.Tensor3D;
    };
    const apart = (all: tf.Tensor): tf.Tensor[] => {
      const matrices = tf.unstack(all);
      return updates.map((_, i) =>
        tf.reshape(tf.concat(matrices.slice(i * parts, (i + 1) * parts), 1), shape),
      );
    };
    const momentum = scalar(this.momentum);
    const gradient = stacked(updates.map((update) => update.gradient));
    const sums = tf.add(tf.mul(stacked(updates.map(({state}) => state[0])), momentum), gradient);
    const direction = newtonSchulz(tf.add(gradient, tf.mul(sums, momentum)), this.newtonSchulzSteps, scalar);
    const rate = this.matrixRate(shape);
    const before = stacked(updates.map((update) => this.decayed(update, rate, scalar)));
    const factor = rate * Math.sqrt(Math.max(1, columns / rows));
    const values = tf.sub(before, tf.mul(direction, scalar(factor)));
    const [newValues, newSums] = [apart(values), apart(sums)];
    return updates.map((_, i) => [newValues[i], newSums[i]]);
  }

  private matrixRate(shape: readonly number[]): number {
    return shape.length > 2 ? this.learningRate : this.learningRate * this.denseRateRatio;
  }

  /** A matrix as the step finds it: normalised and decayed, where that is asked for. */
  private decayed({value, decays}: Update, rate: number, scalar: Step['scalar']): tf.Tensor {
    let before: tf.Tensor = value;
    if (this.normalizeFilters && value.rank > 2) {
      const norm = tf.maximum(tf.sqrt(tf.sum(tf.square(value))), scalar(1e-12));
      before = tf.mul(value, tf.div(scalar(Math.sqrt(value.shape[value.rank - 1])), norm));
    }
    const kept = 1 - rate * this.weightDecay;
    return decays && kept !== 1 ? tf.mul(before, scalar(kept)) : before;
  }

  private adamUpdate(updates: Update[], {number, scalar}: Step): tf.Tensor[][] {
    const {rateRatio, beta1, beta2, epsilon} = this.adamw;
    const weightDecay = updates.map(({decays}) => (decays ? this.adamw.weightDecay : 0));
    const learningRate = this.learningRate * rateRatio;
    const attrs = adamAttrs({learningRate, beta1, beta2, epsilon, weightDecay}, number);
    const variables = updates.map(({value, gradient, state: [m, v]}) => ({value, gradient, m, v}));
    return adamUpdate(variables, attrs, scalar);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {learningRate, momentum, newtonSchulzSteps, weightDecay, normalizeFilters, denseRateRatio} = this;
    return {
      ...{learningRate, momentum, newtonSchulzSteps, weightDecay, normalizeFilters, denseRateRatio},
      heads: patternSource(this.heads),
      adamw: {...this.adamw},
    };
  }
}
tf.serialization.registerClass(Muon);

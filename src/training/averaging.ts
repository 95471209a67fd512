/**
 * Averages of a model's weights over the steps of its training, which often do better than the last weights. p are the
 * weights that the optimizer moves, a their average, t the updates so far:
 *
 *     ema         after each update      a = d a + (1 - d) p,   d = min(decay, (1 + t) / (10 + t))
 *     lookahead   after each k updates   a = decay a + (1 - decay) p,   p = a
 *
 * The smaller d of the first updates keeps the average from remembering the weights that the training began with, as in
 * TensorFlow's ExponentialMovingAverage. All weights of type float32 are averaged, moving statistics of batch norm
 * included; others are copied.
 *
 * Source: Polyak & Juditsky 1992; Zhang et al. 2019, "Lookahead Optimizer: k steps forward, 1 step back", whose alpha is
 * 1 - decay; for a decay that grows github.com/KellerJordan/cifar10-airbench.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {
  BELOW_ONE,
  checkNumber,
  flag,
  oneOf,
  positiveInteger,
  SHARE,
  wholeNumber,
} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {sgdUpdate} from '../../kernels/index.js';
import {ConfigError} from '../errors.js';
import {type NamedTensor, updatedTogether} from './variable_optimizer.js';

/** Exponential moving average. */
export interface EmaAveraging {
  method: 'ema';
  /** Share of the average that an update leaves, in [0, 1). Default 0.999. */
  decay?: number;
}

export interface LookaheadAveraging {
  method: 'lookahead';
  /** Updates from one averaging to the next. Default 5. */
  every?: number;
  /**
   * Share of the average that stays, 0 to 1, or that share by the part of the training that is done, from 0 to 1.
   * Default 0.5; airbench has `(done) => 0.95 ** 5 * done ** 3`.
   */
  decay?: number | ((done: number) => number);
}

export type Averaging = EmaAveraging | LookaheadAveraging;

const EMA = {method: true, decay: true} as const satisfies ArgumentNames<EmaAveraging>;
const LOOKAHEAD = {
  method: true,
  every: true,
  decay: true,
} as const satisfies ArgumentNames<LookaheadAveraging>;

/** @throws ConfigError for what is no averaging. */
export function checkAveraging(who: string, averaging: Averaging): void {
  const name = `${who}(averaging)`;
  checkArguments(name, averaging, LOOKAHEAD);
  oneOf(name, 'method', averaging.method, ['ema', 'lookahead']);
  checkArguments(name, averaging, averaging.method === 'ema' ? EMA : LOOKAHEAD);
  if (averaging.method === 'ema') {
    checkNumber(name, 'decay', averaging.decay ?? 0, BELOW_ONE);
  } else {
    positiveInteger(name, 'every', averaging.every ?? 1);
    if (typeof averaging.decay !== 'function') checkNumber(name, 'decay', averaging.decay ?? 0, SHARE);
  }
}

/** A weight of the model, and its other value: the average, or where the model has that, the trained one. */
interface Pair {
  variable: tf.Variable;
  other: tf.Variable;
}

/** What a saved average knows beside its tensors. */
export interface AverageState {
  /** Updates so far. */
  updates: number;
  /** Whether the model has the average, and the tensors are the trained weights. */
  inModel: boolean;
}

/** The average of a model's weights. The model has either the trained weights or their average. */
export class WeightAverage {
  /** Null before the training starts. */
  private pairs: Pair[] | null = null;
  private updates = 0;
  private inModel = false;

  /** @param averaging as checked by checkAveraging. */
  constructor(
    private readonly who: string,
    private readonly model: tfl.LayersModel,
    private readonly averaging: Averaging,
  ) {}

  /** Gives the model the weights that are trained. The first time the average becomes a copy of them. */
  useTrained(): void {
    this.pairs ??= this.variables().map((variable) => ({variable, other: copyOf(variable)}));
    if (this.inModel) this.exchange();
  }

  /** Gives the model the average. */
  useAverage(): void {
    if (this.pairs !== null && !this.inModel) this.exchange();
  }

  /**
   * Takes note of an update of the trained weights, which the model has.
   *
   * @param done part of the training that is done, 0 to 1.
   */
  update(done: number): void {
    const {averaging} = this;
    this.updates += 1;
    if (averaging.method === 'ema') {
      const {decay = 0.999} = averaging;
      this.move(1 - Math.min(decay, (1 + this.updates) / (10 + this.updates)));
      return;
    }
    const {every = 5, decay = 0.5} = averaging;
    if (this.updates % every !== 0) return;
    const share = typeof decay === 'number' ? decay : decay(done);
    checkNumber(`${this.who}(averaging)`, `decay(${done})`, share, SHARE);
    this.move(1 - share);
    for (const {variable, other} of this.pairs!) variable.assign(other);
  }

  /** Moves the average by a part of the way to the trained weights. */
  private move(part: number): void {
    const pairs = this.pairs!.map(({variable, other}) => ({source: variable, value: other}));
    for (const {source, value} of pairs) if (source.dtype !== 'float32') value.assign(source);
    for (const some of updatedTogether(pairs.filter(({source}) => source.dtype === 'float32'))) {
      tf.tidy(() => {
        // A gradient step with the gradient p - a: one pass of a fused kernel for all of them.
        const variables = some.map(({source, value}) => ({value, gradient: source}));
        const attrs = {learningRate: -part, momentum: 0, nesterov: false, weightDecay: some.map(() => -1)};
        for (const [i, [moved]] of sgdUpdate(variables, attrs).entries()) some[i].value.assign(moved);
      });
    }
  }

  private exchange(): void {
    for (const {variable, other} of this.pairs!) {
      const before = tf.tidy(() => tf.clone(variable));
      variable.assign(other);
      other.assign(before);
      before.dispose();
    }
    this.inModel = !this.inModel;
  }

  private variables(): tf.Variable[] {
    // read() returns the variable itself, though its type says tensor. A shared layer's weights come once.
    return [...new Set(this.model.weights.map((weight) => weight.read() as tf.Variable))];
  }

  /** For each weight of the model the value that the model does not have. They stay the average's own. */
  async getWeights(): Promise<NamedTensor[]> {
    return (this.pairs ?? []).map(({variable, other}) => ({name: variable.name, tensor: other}));
  }

  /**
   * Takes over what getWeights returned, copied, in the order of the model's weights.
   *
   * @throws ConfigError where they are not those of this model.
   */
  async setWeights(weights: NamedTensor[]): Promise<void> {
    const variables = weights.length === 0 ? [] : this.variables();
    const fits = (variable: tf.Variable, i: number) =>
      tf.util.arraysEqual(variable.shape, weights[i].tensor.shape) &&
      variable.dtype === weights[i].tensor.dtype;
    const shapes = (list: tf.Tensor[]) => list.map(({shape}) => showShape(shape)).join(', ');
    if (weights.length !== variables.length || !variables.every(fits)) {
      throw new ConfigError(
        `${this.who}: saved averages must be those of the model's weights, ${shapes(variables)}; ` +
          `got ${shapes(weights.map(({tensor}) => tensor))}.`,
      );
    }
    const pairs = variables.map((variable, i) => ({variable, other: copyOf(weights[i].tensor)}));
    this.dispose();
    this.pairs = pairs.length === 0 ? null : pairs;
  }

  getState(): AverageState {
    return {updates: this.updates, inModel: this.inModel};
  }

  /** After setWeights. */
  setState({updates, inModel}: AverageState): void {
    const who = `${this.who}(averaging)`;
    this.updates = checkNumber(who, 'updates', updates, wholeNumber(0));
    this.inModel = flag(who, 'inModel', inModel, false);
  }

  /** Frees the tensors. The model keeps the weights that it has. */
  dispose(): void {
    for (const {other} of this.pairs ?? []) other.dispose();
    this.pairs = null;
    this.updates = 0;
    this.inModel = false;
  }
}

const copyOf = (tensor: tf.Tensor): tf.Variable =>
  tf.tidy(() => tf.variable(tf.clone(tensor), false, undefined, tensor.dtype));

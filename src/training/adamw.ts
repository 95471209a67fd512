/**
 * AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization",
 * algorithm 2, in the form PyTorch and timm use: the decay is scaled by the learning rate).
 *
 *     m_t = beta1 m_{t-1} + (1 - beta1) g          v_t = beta2 v_{t-1} + (1 - beta2) g^2
 *     p_t = p_{t-1} (1 - lr wd) - lr (m_t / (1 - beta1^t)) / (sqrt(v_t / (1 - beta2^t)) + epsilon)
 *
 * What is stored is M = m / (1 - beta1) and V = v / (1 - beta2), the plain discounted sums, because then every
 * constant factor folds into three scalars that all variables share:
 *
 *     M = beta1 M + g      V = beta2 V + g^2      p = decay p - scale M / (sqrt(V) + shift)
 *
 * so a variable costs 11 operations a step (10 without decay), and no number is uploaded per variable.
 */
import * as tf from '@tensorflow/tfjs-core';
import {ConfigError, ShapeError} from '../errors.js';

/** Decides by name and shape whether a variable is left out of the weight decay. */
export type DecayExclusion = (variableName: string, shape: readonly number[]) => boolean;

export interface AdamWArgs {
  /** Step size; may be changed at any time through the property of the same name. Default 1e-3. */
  learningRate?: number;
  /** Discount of the gradient sum, in [0, 1). Default 0.9. */
  beta1?: number;
  /** Discount of the squared gradient sum, in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the root of the second moment, above 0. Default 1e-8. */
  epsilon?: number;
  /** Share of a weight that one step at learning rate 1 removes. Default 0.05, as Swin Transformer uses. */
  weightDecay?: number;
  /**
   * Which variables decay leaves alone. Default `excludedFromDecay`. A function cannot be written to a file, so
   * an AdamW restored by `fromConfig` has the default again.
   */
  exclude?: DecayExclusion;
}

/**
 * The default exclusion: parameters of rank 0 and 1 (biases, gains of norms), relative position bias tables,
 * the continuous position bias MLP and the logit scale, as in the training recipe of Swin V1 and V2.
 */
export function excludedFromDecay(variableName: string, shape: readonly number[]): boolean {
  return shape.length <= 1 || /relative_position_bias_table|cpb_mlp|logit_scale/.test(variableName);
}

/** tfjs's own type of this name is not exported. */
interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

interface Moments {
  /** Name under which the pair is saved; a restored one keeps the name it had when it was saved. */
  savedName: string;
  gradientSum: tf.Variable;
  squaredGradientSum: tf.Variable;
}

/**
 * AdamW for `model.compile({optimizer: new AdamW({...})})`, `optimizer.minimize` and `train`.
 *
 * Bias correction counts the optimizer's steps, as tfjs's Adam does, not each variable's own. A variable without a
 * gradient in a step is left as it is, decay included.
 *
 * @throws ConfigError where an argument lies outside its range.
 */
export class AdamW extends tf.Optimizer {
  /** @nocollapse */
  static className = 'SwintAdamW';

  learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  private readonly exclude: DecayExclusion;
  private readonly moments = new Map<string, Moments>();
  /**
   * Moments read by setWeights, not yet claimed. They are claimed in order, not by name: tfjs renames the variables
   * of a model that is loaded twice in one process.
   */
  private restored: Moments[] = [];

  constructor(args: AdamWArgs = {}) {
    super();
    const {learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.05} = args;
    requireNumber('learningRate', learningRate, learningRate >= 0, '0 or more');
    requireNumber('beta1', beta1, beta1 >= 0 && beta1 < 1, 'in [0, 1)');
    requireNumber('beta2', beta2, beta2 >= 0 && beta2 < 1, 'in [0, 1)');
    requireNumber('epsilon', epsilon, epsilon > 0, 'above 0');
    requireNumber('weightDecay', weightDecay, weightDecay >= 0, '0 or more');
    this.learningRate = learningRate;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
    this.exclude = args.exclude ?? excludedFromDecay;
  }

  /**
   * One step.
   *
   * @param gradients Gradient by variable name, or a list of {name, tensor}; each of its variable's shape. The
   *     caller keeps and disposes them.
   * @throws ConfigError for a name that is no registered variable; ShapeError for a gradient of another shape.
   */
  override applyGradients(gradients: tf.NamedTensorMap | NamedTensor[]): void {
    const entries: [string, tf.Tensor | null | undefined][] = Array.isArray(gradients)
      ? gradients.map(({name, tensor}) => [name, tensor])
      : Object.entries(gradients);
    const t = this.iterations + 1;
    const secondCorrection = Math.sqrt(1 - this.beta2 ** t);
    const secondScale = Math.sqrt(1 - this.beta2);
    tf.tidy(() => {
      const beta1 = tf.scalar(this.beta1);
      const beta2 = tf.scalar(this.beta2);
      const decay = tf.scalar(1 - this.learningRate * this.weightDecay);
      const scale = tf.scalar(
        (this.learningRate * (1 - this.beta1) * secondCorrection) / ((1 - this.beta1 ** t) * secondScale),
      );
      const shift = tf.scalar((this.epsilon * secondCorrection) / secondScale);
      for (const [name, gradient] of entries) {
        if (gradient == null) continue;
        const variable = registeredVariable(name);
        if (!tf.util.arraysEqual(variable.shape, gradient.shape)) {
          throw new ShapeError(
            `AdamW: a gradient must have its variable's shape; ` +
              `got [${gradient.shape}] for ${name}, which is [${variable.shape}].`,
          );
        }
        const {gradientSum, squaredGradientSum} = this.momentsOf(variable);
        // A tidy of its own, so that the intermediates of one variable are freed before the next begins.
        tf.tidy(() => {
          const first = tf.add(tf.mul(gradientSum, beta1), gradient);
          const second = tf.add(tf.mul(squaredGradientSum, beta2), tf.square(gradient));
          const step = tf.mul(tf.div(first, tf.add(tf.sqrt(second), shift)), scale);
          const decays = this.weightDecay > 0 && !this.exclude(name, variable.shape);
          variable.assign(tf.sub(decays ? tf.mul(variable, decay) : variable, step));
          gradientSum.assign(first);
          squaredGradientSum.assign(second);
        });
      }
    });
    this.incrementIterations();
  }

  private momentsOf(variable: tf.Variable): Moments {
    const known = this.moments.get(variable.name);
    if (known) return known;
    let pair = this.restored.shift();
    if (pair && !tf.util.arraysEqual(pair.gradientSum.shape, variable.shape)) {
      throw new ConfigError(
        `AdamW: restored moments must fit the model's variables in order; got ${pair.savedName} ` +
          `[${pair.gradientSum.shape}] for ${variable.name} [${variable.shape}] (was the model changed?).`,
      );
    }
    pair ??= {
      savedName: variable.name,
      gradientSum: tf.variable(tf.zerosLike(variable), false),
      squaredGradientSum: tf.variable(tf.zerosLike(variable), false),
    };
    this.moments.set(variable.name, pair);
    return pair;
  }

  private allMoments(): Moments[] {
    return [...this.moments.values(), ...this.restored];
  }

  /** Frees the moments. The optimizer can still be used; it then starts from zero moments. */
  override dispose(): void {
    for (const {gradientSum, squaredGradientSum} of this.allMoments()) {
      gradientSum.dispose();
      squaredGradientSum.dispose();
    }
    this.moments.clear();
    this.restored = [];
    this.iterations_ = 0;
  }

  /** The step counter, then both sums of each variable; the sums stay the optimizer's own. */
  override async getWeights(): Promise<NamedTensor[]> {
    const weights = [await this.saveIterations()];
    for (const {savedName, gradientSum, squaredGradientSum} of this.allMoments()) {
      weights.push({name: `${savedName}/gradient_sum`, tensor: gradientSum});
      weights.push({name: `${savedName}/squared_gradient_sum`, tensor: squaredGradientSum});
    }
    return weights;
  }

  /**
   * Takes over what getWeights returned, copied. The sums are claimed by the model's variables in order.
   *
   * @throws ConfigError where the list is not the step counter followed by pairs.
   */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    if (weights.length % 2 === 0) {
      throw new ConfigError(
        `AdamW: weights must be the step counter and two sums per variable; got ${weights.length} tensors.`,
      );
    }
    this.dispose();
    const sums = await this.extractIterations(weights);
    for (let i = 0; i < sums.length; i += 2) {
      this.restored.push({
        savedName: sums[i].name.replace(/\/gradient_sum$/, ''),
        // Cloned, so that the caller may dispose what it passed.
        gradientSum: tf.tidy(() => tf.variable(tf.clone(sums[i].tensor), false)),
        squaredGradientSum: tf.tidy(() => tf.variable(tf.clone(sums[i + 1].tensor), false)),
      });
    }
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      learningRate: this.learningRate,
      beta1: this.beta1,
      beta2: this.beta2,
      epsilon: this.epsilon,
      weightDecay: this.weightDecay,
    };
  }

  /** @nocollapse */
  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(config);
  }
}
tf.serialization.registerClass(AdamW);

function registeredVariable(name: string): tf.Variable {
  const variable = tf.engine().registeredVariables[name];
  if (!variable) {
    throw new ConfigError(
      `AdamW: a gradient must be named after a variable; got ${name}, which is none (was the model disposed?).`,
    );
  }
  return variable;
}

function requireNumber(name: string, value: number, valid: boolean, rule: string): void {
  if (!Number.isFinite(value) || !valid) {
    throw new ConfigError(`AdamW: ${name} must be ${rule}; got ${value}.`);
  }
}

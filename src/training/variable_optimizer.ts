/**
 * What the optimizers of this library share: they go through the gradients, keep some tensors of state for each variable,
 * save and restore them, and decide which variables weight decay leaves alone. Each of them is then a formula for some
 * variables at once.
 */
import * as tf from '@tensorflow/tfjs-core';
import {checkNumber, FROM_ZERO, type NumberRule} from '../../kernels/common/arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {ConfigError, ShapeError} from '../errors.js';

/** Decides by name and shape whether a variable is left out of the weight decay. */
export type DecayExclusion = (variableName: string, shape: readonly number[]) => boolean;

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

/** What is kept for a variable. */
interface State {
  /** Name under which it is saved; a restored one keeps the name it had when it was saved. */
  savedName: string;
  tensors: tf.Variable[];
}

/** One variable's part of a step. */
export interface Update {
  value: tf.Variable;
  gradient: tf.Tensor;
  /** In the order of the names given to the constructor. */
  state: tf.Variable[];
  /** Whether weight decay is for this variable. */
  decays: boolean;
}

/** What all variables of a step share. */
export interface Step {
  /** Number of the step, from 1. */
  number: number;
  /** A number as a tensor, made once for all variables. */
  scalar: (value: number) => tf.Scalar;
}

/**
 * Numbers of the variables that are updated at once, and most variables: their new values are in memory beside the old
 * ones until all are there.
 */
const TOGETHER = {numbers: 2 ** 20, variables: 64};

/** Cuts updates into those that are done at once. */
function batches(updates: Update[]): Update[][] {
  const all: Update[][] = [];
  let numbers = Number.POSITIVE_INFINITY;
  for (const update of updates) {
    numbers += update.value.size;
    if (numbers > TOGETHER.numbers || all[all.length - 1].length === TOGETHER.variables) {
      all.push([]);
      numbers = update.value.size;
    }
    all[all.length - 1].push(update);
  }
  return all;
}

/**
 * The base of AdamW, Adam and SGD.
 *
 * Steps are counted for the optimizer, as tfjs's Adam does, not for each variable. A variable without a gradient in a
 * step is left as it is, decay included.
 */
export abstract class VariableOptimizer extends tf.Optimizer {
  /** Step size; may be changed at any time. */
  learningRate: number;
  private readonly states = new Map<string, State>();
  /**
   * State read by setWeights, not yet claimed. It is claimed in order, not by name: tfjs renames the variables of a
   * model that is loaded twice in one process.
   */
  private restored: State[] = [];

  /**
   * @param who the name that errors start with.
   * @param stateNames what is kept for each variable, by the names that it is saved under.
   * @throws ConfigError where the learning rate is no number from 0.
   */
  protected constructor(
    protected readonly who: string,
    private readonly stateNames: readonly string[],
    learningRate: number,
    private readonly exclude: DecayExclusion = excludedFromDecay,
  ) {
    super();
    this.checkNumber('learningRate', learningRate, FROM_ZERO);
    this.learningRate = learningRate;
  }

  /** Of each variable the new value and the new state, in the order of the old one. The old state is given up. */
  protected abstract update(updates: Update[], step: Step): tf.Tensor[][];

  protected checkNumber(name: string, value: number, rule: NumberRule): void {
    checkNumber(this.who, name, value, rule);
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
    const updates = entries.flatMap(([name, gradient]) =>
      gradient == null ? [] : [this.updateOf(name, gradient)],
    );
    const scalars = new Map<number, tf.Scalar>();
    const scalar = (value: number) => {
      const made = scalars.get(value) ?? tf.keep(tf.scalar(value));
      scalars.set(value, made);
      return made;
    };
    const step = {number: this.iterations + 1, scalar};
    try {
      for (const some of batches(updates)) {
        tf.tidy(() => {
          const results = this.update(some, step);
          for (const [i, {value, state}] of some.entries()) {
            for (const [k, target] of [value, ...state].entries()) target.assign(results[i][k]);
          }
        });
      }
    } finally {
      tf.dispose([...scalars.values()]);
    }
    this.incrementIterations();
  }

  private updateOf(name: string, gradient: tf.Tensor): Update {
    const value = this.registeredVariable(name);
    if (!tf.util.arraysEqual(value.shape, gradient.shape)) {
      throw new ShapeError(
        `${this.who}: a gradient must have its variable's shape; ` +
          `got ${showShape(gradient.shape)} for ${name}, which is ${showShape(value.shape)}.`,
      );
    }
    return {value, gradient, state: this.stateOf(value), decays: !this.exclude(name, value.shape)};
  }

  private registeredVariable(name: string): tf.Variable {
    const variable = tf.engine().registeredVariables[name];
    if (!variable) {
      throw new ConfigError(
        `${this.who}: a gradient must be named after a variable; got ${name}, which is none (was the model disposed?).`,
      );
    }
    return variable;
  }

  private stateOf(variable: tf.Variable): tf.Variable[] {
    const known = this.states.get(variable.name);
    if (known) return known.tensors;
    const restored = this.restored.shift();
    const other = restored?.tensors.find(({shape}) => !tf.util.arraysEqual(shape, variable.shape));
    if (restored && other) {
      throw new ConfigError(
        `${this.who}: restored state must fit the model's variables in order; got ${restored.savedName} ` +
          `${showShape(other.shape)} for ${variable.name} ${showShape(variable.shape)} (was the model changed?).`,
      );
    }
    const state = restored ?? {
      savedName: variable.name,
      tensors: this.stateNames.map(() => tf.tidy(() => tf.variable(tf.zerosLike(variable), false))),
    };
    this.states.set(variable.name, state);
    return state.tensors;
  }

  private allStates(): State[] {
    return [...this.states.values(), ...this.restored];
  }

  /** Frees the state. The optimizer can still be used; it then starts anew. */
  override dispose(): void {
    for (const {tensors} of this.allStates()) tf.dispose(tensors);
    this.states.clear();
    this.restored = [];
    this.iterations_ = 0;
  }

  /** The step counter, then the state of each variable, which stays the optimizer's own. */
  override async getWeights(): Promise<NamedTensor[]> {
    const weights = [await this.saveIterations()];
    for (const {savedName, tensors} of this.allStates()) {
      for (const [i, tensor] of tensors.entries()) {
        weights.push({name: `${savedName}/${this.stateNames[i]}`, tensor});
      }
    }
    return weights;
  }

  /**
   * Takes over what getWeights returned, copied. The state is claimed by the model's variables in order.
   *
   * @throws ConfigError where the list is not the step counter followed by the state of whole variables.
   */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const names = this.stateNames;
    const count = names.length;
    const left = weights.length - 1;
    if (left < 0 || (count === 0 ? left > 0 : left % count > 0)) {
      throw new ConfigError(
        `${this.who}: weights must be the step counter and for each variable [${names.join(', ')}]; ` +
          `got ${weights.length} tensors.`,
      );
    }
    this.dispose();
    const tensors = await this.extractIterations(weights);
    for (let i = 0; i < tensors.length; i += count) {
      const suffix = `/${names[0]}`;
      const {name} = tensors[i];
      this.restored.push({
        savedName: name.endsWith(suffix) ? name.slice(0, -suffix.length) : name,
        // Cloned, so that the caller may dispose what it passed.
        tensors: tensors
          .slice(i, i + count)
          .map(({tensor}) => tf.tidy(() => tf.variable(tf.clone(tensor), false))),
      });
    }
  }

  /** @nocollapse */
  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    // tfjs adds customObjects to a configuration that it loads.
    const {customObjects: _, ...args} = config;
    return new cls(args);
  }
}

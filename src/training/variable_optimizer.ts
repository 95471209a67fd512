/**
 * What the optimizers of this library share: they go through the gradients, keep some tensors of state for each variable,
 * save and restore them, and decide which variables weight decay leaves alone. Each of them is then a formula for some
 * variables at once, or one for each kind of variable.
 */
import * as tf from '@tensorflow/tfjs-core';
import {checkNumber, FROM_ZERO, type NumberRule} from '../../kernels/common/arguments.js';
import {showShape} from '../../kernels/common/shapes.js';
import {ConfigError, ShapeError} from '../errors.js';

/** Decides by name and shape whether a variable is left out of the weight decay. */
export type DecayExclusion = (variableName: string, shape: readonly number[]) => boolean;

/**
 * The default exclusion: parameters of rank 0 and 1 (biases, gains of norms), absolute position embeddings, relative
 * position bias tables, the continuous position bias MLP and the logit scale, as in the training recipe of Swin V1 and V2
 * (`no_weight_decay` and `no_weight_decay_keywords` of microsoft/Swin-Transformer).
 */
export function excludedFromDecay(variableName: string, shape: readonly number[]): boolean {
  const tables = /absolute_pos_embed|relative_position_bias_table|cpb_mlp|logit_scale/;
  return shape.length <= 1 || tables.test(variableName);
}

/** tfjs's own type of this name is not exported. */
export interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

/** For each kind of variable the names under which the tensors that are kept for it are saved. */
export type StateNames = Readonly<Record<string, readonly string[]>>;

/** What is kept for a variable. */
interface State {
  /** Name under which it is saved; a restored one keeps the name it had when it was saved. */
  savedName: string;
  names: readonly string[];
  tensors: tf.Variable[];
}

/** One variable's part of a step. */
export interface Update {
  name: string;
  kind: string;
  value: tf.Variable;
  gradient: tf.Tensor;
  /** In the order of the names of its kind. */
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

/** Cuts variables into those that are updated at once. */
export function updatedTogether<T extends {value: tf.Tensor}>(variables: readonly T[]): T[][] {
  const all: T[][] = [];
  let numbers = Number.POSITIVE_INFINITY;
  for (const variable of variables) {
    numbers += variable.value.size;
    if (numbers > TOGETHER.numbers || all[all.length - 1].length === TOGETHER.variables) {
      all.push([]);
      numbers = variable.value.size;
    }
    all[all.length - 1].push(variable);
  }
  return all;
}

/**
 * The base of AdamW, Adam, SGD and Muon.
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
   * @param stateNames what is kept for each kind of variable.
   * @throws ConfigError where the learning rate is no number from 0.
   */
  protected constructor(
    protected readonly who: string,
    private readonly stateNames: StateNames,
    learningRate: number,
    private readonly exclude: DecayExclusion = excludedFromDecay,
  ) {
    super();
    this.checkNumber('learningRate', learningRate, FROM_ZERO);
    this.learningRate = learningRate;
  }

  /** The kind of a variable, a key of the state names. */
  protected abstract kindOf(name: string, shape: readonly number[]): string;

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
      for (const some of updatedTogether(updates)) {
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
    const kind = this.kindOf(name, value.shape);
    const state = this.stateOf(value, this.stateNames[kind]);
    return {name, kind, value, gradient, state, decays: !this.exclude(name, value.shape)};
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

  private stateOf(variable: tf.Variable, names: readonly string[]): tf.Variable[] {
    const known = this.states.get(variable.name);
    if (known) return known.tensors;
    const restored = names.length === 0 ? undefined : this.restored.shift();
    if (restored) this.checkFits(restored, variable, names);
    const state = restored ?? {
      savedName: variable.name,
      names,
      tensors: names.map(() => tf.tidy(() => tf.variable(tf.zerosLike(variable), false))),
    };
    this.states.set(variable.name, state);
    return state.tensors;
  }

  private checkFits(restored: State, variable: tf.Variable, names: readonly string[]): void {
    const other = restored.tensors.find(({shape}) => !tf.util.arraysEqual(shape, variable.shape));
    if (!other && restored.names.join() === names.join()) return;
    const {shape} = other ?? variable;
    throw new ConfigError(
      `${this.who}: restored state must fit the model's variables in order; got ${restored.savedName} ` +
        `${showShape(shape)} [${restored.names.join(', ')}] for ${variable.name} ${showShape(variable.shape)} ` +
        `[${names.join(', ')}] (was the model changed?).`,
    );
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
    for (const {savedName, names, tensors} of this.allStates()) {
      for (const [i, tensor] of tensors.entries()) weights.push({name: `${savedName}/${names[i]}`, tensor});
    }
    return weights;
  }

  /**
   * Takes over what getWeights returned, copied. The state is claimed by the model's variables in order.
   *
   * @throws ConfigError where the list is not the step counter followed by the state of whole variables.
   */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const kinds = Object.values(this.stateNames).filter((names) => names.length > 0);
    const found = perVariable(weights.slice(1));
    const wrong = found.find((state) => !kinds.some((names) => names.join() === state.names.join()));
    if (weights.length === 0 || wrong) {
      const allowed = kinds.map((names) => `[${names.join(', ')}]`).join(' or ') || '[]';
      const which = wrong ? `, with [${wrong.names.join(', ')}] for ${wrong.savedName || 'no variable'}` : '';
      throw new ConfigError(
        `${this.who}: weights must be the step counter and for each variable ${allowed}; ` +
          `got ${weights.length} tensors${which}.`,
      );
    }
    this.dispose();
    await this.extractIterations(weights);
    // Cloned, so that the caller may dispose what it passed.
    const copy = (tensor: tf.Tensor) => tf.tidy(() => tf.variable(tf.clone(tensor), false));
    this.restored = found.map((state) => ({...state, tensors: state.tensors.map(copy)}));
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

/** Collects tensors named variable/state that follow each other by their variable. */
function perVariable(weights: NamedTensor[]): {savedName: string; names: string[]; tensors: tf.Tensor[]}[] {
  const found: {savedName: string; names: string[]; tensors: tf.Tensor[]}[] = [];
  for (const {name, tensor} of weights) {
    const end = name.lastIndexOf('/');
    const [savedName, stateName] = [name.slice(0, Math.max(end, 0)), name.slice(end + 1)];
    const last = found.at(-1);
    if (last?.savedName === savedName && !last.names.includes(stateName)) {
      last.names.push(stateName);
      last.tensors.push(tensor);
    } else {
      found.push({savedName, names: [stateName], tensors: [tensor]});
    }
  }
  return found;
}

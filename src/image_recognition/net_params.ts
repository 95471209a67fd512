/**
 * The weights of a model as tfjs-image-recognition-base keeps the parameters of a network: a tree of objects whose leaves
 * are tensors, and a path for each of them. The path is the name that tfjs saves the weight under, such as
 * `conv2d/kernel`; the leaves are the model's own variables, in the order of the layers.
 */

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {showShape} from '../../kernels/common/shapes.js';
import {CheckpointError, ConfigError} from '../errors.js';

/** Objects within objects; the leaves are variables. */
export interface ParamTree {
  [name: string]: ParamTree | tf.Tensor;
}

/** The package's ParamMapping. */
export interface ParamMapping {
  originalPath: string;
  paramPath: string;
}

/** The weights of a model by path, in order. */
export class NetParams {
  readonly tree: ParamTree = {};
  readonly mappings: ParamMapping[];
  readonly #weights: ReadonlyMap<string, tfl.LayerVariable>;
  readonly #tensors: readonly tf.Tensor[];

  /** @throws ConfigError where two weights have one name, or one's name is the beginning of another's. */
  constructor(
    readonly who: string,
    model: tfl.LayersModel,
  ) {
    const weights = new Map<string, tfl.LayerVariable>();
    for (const weight of weightsOf(model)) {
      const path = weight.originalName;
      this.#place(path, weight.read());
      weights.set(path, weight);
    }
    this.#weights = weights;
    this.#tensors = [...weights.values()].map((weight) => weight.read());
    this.mappings = [...weights.keys()].map((path) => ({originalPath: path, paramPath: path}));
  }

  /** Puts a leaf into the tree. */
  #place(path: string, tensor: tf.Tensor): void {
    const names = path.split('/');
    const leaf = names.pop()!;
    let branch = this.tree;
    for (const name of names) {
      if (!Object.hasOwn(branch, name)) branch[name] = {};
      const next = branch[name]!;
      if (next instanceof tf.Tensor) throw this.#ambiguous(path);
      branch = next;
    }
    if (Object.hasOwn(branch, leaf)) throw this.#ambiguous(path);
    branch[leaf] = tensor;
  }

  #ambiguous(path: string): ConfigError {
    return new ConfigError(
      `${this.who}: every weight of the model must have a path of its own; got ${path} again ` +
        '(name the layers differently).',
    );
  }

  /** Whether the model has disposed its variables. */
  get disposed(): boolean {
    return this.#tensors.some(({isDisposed}) => isDisposed);
  }

  /** The values of all weights, one after the other. */
  async serialize(): Promise<Float32Array> {
    const weights = [...this.#weights.values()];
    const values = new Float32Array(weights.reduce((sum, {shape}) => sum + sizeOf(shape), 0));
    let at = 0;
    for (const weight of weights) {
      values.set(await weight.read().data(), at);
      at += sizeOf(weight.shape);
    }
    return values;
  }

  /**
   * Sets all weights from what `serialize` gives.
   *
   * @throws CheckpointError for another number of values; no weight has changed then.
   */
  writeValues(who: string, values: Float32Array): void {
    const sizes = [...this.#weights.values()].map(({shape}) => sizeOf(shape));
    const expected = sizes.reduce((sum, size) => sum + size, 0);
    if (values.length !== expected) {
      throw new CheckpointError(
        `${who}: there must be one value for each of the ${expected} parameters; got ${values.length}.`,
      );
    }
    let at = 0;
    for (const weight of this.#weights.values()) {
      const part = values.slice(at, at + sizeOf(weight.shape));
      at += part.length;
      const tensor = tf.tensor(part, weight.shape as number[], weight.dtype);
      write(weight, tensor);
      tensor.dispose();
    }
  }

  /**
   * Sets all weights from tensors by path.
   *
   * @throws CheckpointError where one is missing, unknown, or of another shape or dtype; no weight has changed then.
   */
  writeTensors(who: string, tensors: tf.NamedTensorMap): void {
    const missing = [...this.#weights.keys()].filter((path) => !Object.hasOwn(tensors, path));
    const unknown = Object.keys(tensors).filter((path) => !this.#weights.has(path));
    if (missing.length > 0 || unknown.length > 0) {
      throw new CheckpointError(
        `${who}: there must be one tensor for each weight of the model, by its path; ` +
          `got ${missing.length} missing${some(missing)} and ${unknown.length} that it does not have${some(unknown)}.`,
      );
    }
    for (const path of this.#weights.keys()) this.#checkTensor(who, path, tensors[path]!);
    for (const [path, weight] of this.#weights) write(weight, tensors[path]!);
  }

  /**
   * Sets one weight.
   *
   * @throws CheckpointError for an unknown path, or a tensor of another shape or dtype.
   */
  writeTensor(who: string, path: string, tensor: tf.Tensor): void {
    this.#checkTensor(who, path, tensor);
    write(this.#weights.get(path)!, tensor);
  }

  #checkTensor(who: string, path: string, {shape, dtype}: tf.Tensor): void {
    const weight = this.#weights.get(path);
    if (!weight) {
      throw new CheckpointError(
        `${who}: the path must be that of a weight; got ${path} (getParamList() names them).`,
      );
    }
    if (!tf.util.arraysEqual(weight.shape as number[], shape) || weight.dtype !== dtype) {
      throw new CheckpointError(
        `${who}: ${path} must be ${weight.dtype} ${showShape(weight.shape)}; got ${dtype} ${showShape(shape)}.`,
      );
    }
  }
}

/**
 * The weights of a model, layer by layer, each layer's in the order in which it made them. Not `model.weights`, whose order
 * changes as layers are frozen.
 */
function weightsOf(model: tfl.LayersModel): Set<tfl.LayerVariable> {
  const lists = model.layers.map((layer) =>
    layer instanceof tfl.LayersModel ? [...weightsOf(layer)] : [...layer.weights].sort((a, b) => a.id - b.id),
  );
  return new Set(lists.flat());
}

/** In a tidy, because a constraint makes tensors. */
function write(weight: tfl.LayerVariable, tensor: tf.Tensor): void {
  tf.tidy(() => {
    weight.write(tensor);
  });
}

const sizeOf = (shape: tfl.LayerVariable['shape']): number => tf.util.sizeFromShape(shape as number[]);

/** The first few of some names, in brackets. */
function some(names: readonly string[]): string {
  if (names.length === 0) return '';
  return ` (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''})`;
}

/** Makes every layer of a model, and of models within it, trainable or not. */
export function setTrainable(layer: tfl.layers.Layer, trainable: boolean): void {
  if (layer instanceof tfl.LayersModel) {
    for (const inner of layer.layers) setTrainable(inner, trainable);
  }
  layer.trainable = trainable;
}

/** The variables that training changes. */
export function trainableTensors(model: tfl.LayersModel): Set<tf.Tensor> {
  return new Set(model.trainableWeights.map((weight) => weight.read()));
}

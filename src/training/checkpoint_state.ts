/**
 * What a training is made of, as values that a checkpoint holds: the weights of the network, how often its layers have drawn
 * random numbers, the state of the optimizer, and whatever else has one.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {RandomLayer} from '../../layers/random_seed.js';
import {CheckpointError} from '../errors.js';
import type {Saved} from './checkpoint_file.js';

/** tfjs's own type of this name is not exported. */
interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

/** What has a state in a training: an optimizer, an average of the weights, a schedule that looks at the results. */
export interface Resumable {
  /** The caller disposes those that are no variables. */
  getWeights?(): Promise<NamedTensor[]>;
  /** Copies what it is given. */
  setWeights?(weights: NamedTensor[]): Promise<void> | void;
  /** Plain values, as JSON has them. */
  getState?(): Saved;
  // biome-ignore lint/suspicious/noExplicitAny: each knows its own.
  setState?(state: any): void;
}

/** A tensor as numbers. */
interface SavedTensor {
  name: string;
  shape: number[];
  dtype: tf.DataType;
  values: tf.TypedArray;
}

/** The weights of a model, trainable or not, at one moment, in their order. */
export type SavedWeights = tf.TypedArray[];

export async function copyWeights(model: tfl.LayersModel): Promise<SavedWeights> {
  const copy: SavedWeights = [];
  // One after the other: read at once, they would all be in memory twice.
  for (const weight of model.weights) {
    // A copy: data() may hand out the array that the backend keeps.
    copy.push(((await weight.read().data()) as tf.TypedArray).slice());
  }
  return copy;
}

export function restoreWeights(model: tfl.LayersModel, copy: SavedWeights): void {
  for (const [i, weight] of model.weights.entries()) {
    const tensor = tf.tensor(copy[i], weight.shape as number[], weight.dtype);
    weight.write(tensor);
    tensor.dispose();
  }
}

/** The layers that draw random numbers, those inside other models and wrappers too. */
function randomLayers(layers: readonly tfl.layers.Layer[]): RandomLayer[] {
  return layers.flatMap((layer) => {
    const {layers: inside = [], layer: wrapped} = layer as {
      layers?: tfl.layers.Layer[];
      layer?: tfl.layers.Layer;
    };
    const own = 'randomUses' in layer ? [layer as unknown as RandomLayer] : [];
    return [...own, ...randomLayers(wrapped ? [...inside, wrapped] : inside)];
  });
}

export const randomUses = (model: tfl.LayersModel): number[] =>
  randomLayers(model.layers).map((layer) => layer.randomUses);

export function setRandomUses(model: tfl.LayersModel, uses: readonly number[]): void {
  for (const [i, layer] of randomLayers(model.layers).entries()) layer.randomUses = uses[i] ?? 0;
}

/** Everything that `part` tells of its state. */
export async function stateOf(part: Resumable): Promise<Saved> {
  const tensors: SavedTensor[] = [];
  for (const {name, tensor} of (await part.getWeights?.()) ?? []) {
    const {shape, dtype} = tensor;
    tensors.push({name, shape, dtype, values: ((await tensor.data()) as tf.TypedArray).slice()});
    // The step counter is made for the caller; the others are the part's own.
    if (!(tensor instanceof tf.Variable)) tensor.dispose();
  }
  return {tensors, state: part.getState?.()};
}

/** Puts `part` into the state that `stateOf` gave. */
export async function restoreState(who: string, name: string, part: Resumable, saved: Saved): Promise<void> {
  const {tensors, state} = (saved ?? {}) as {tensors?: SavedTensor[]; state?: Saved};
  if (tensors === undefined) {
    throw new CheckpointError(`${who}: the checkpoint must have the state of ${name}; it has none.`);
  }
  const weights = tensors.map(({name, shape, dtype, values}) => ({
    name,
    tensor: tf.tensor(values, shape, dtype),
  }));
  try {
    if (weights.length > 0) await part.setWeights?.(weights);
    if (state !== undefined) part.setState?.(state);
  } finally {
    tf.dispose(weights.map(({tensor}) => tensor));
  }
}

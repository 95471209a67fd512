/**
 * A LayersModel built anew, layer by layer, with some of its layers replaced by others.
 *
 * Every layer is made again from its configuration and called on the new tensors as the old one was on the old tensors:
 *
 *   branches, several inputs and outputs       follow from the calls
 *   a layer with several calls                 is made once and called as often
 *   a model inside, functional or Sequential   is rebuilt by the same rules, once; a Sequential becomes functional
 *
 * Weights are copied bit by bit, past the constraints that `setWeights` would apply again; `trainable` of models, layers and
 * single weights is kept. No layer or weight is shared with the old model.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {showShape} from '../kernels/common/shapes.js';
import {ConfigError} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import {type CallArguments, callsOf, type Layer} from './model_graph.js';

/** What takes a layer's place. */
export interface StandIn {
  /** Its layers. */
  layers: Layer[];
  /** One call: the result for the input of one of the old layer's calls. */
  call(x: Symbolic, callArguments: CallArguments): Symbolic;
  /** Sets weights that come from the old layer; called once the layers have weights. */
  setWeights(): void;
}

/**
 * Builds a model again.
 *
 * @param who The caller, for errors.
 * @param model Sequential or functional; stays as it is.
 * @param standIns What takes the place of which layers, each of which has one input and one output. Default: nothing.
 * @returns A functional model with the names, inputs, outputs and weights of the old one.
 * @throws ConfigError for a layer that its configuration does not describe; no weight of the new model is left behind then.
 */
export function rebuildModel(
  who: string,
  model: tfl.LayersModel,
  standIns: ReadonlyMap<Layer, StandIn> = new Map(),
): tfl.LayersModel {
  const models = new Map<tfl.LayersModel, tfl.LayersModel>();
  const layers = new Map<Layer, Layer>();

  const rebuildLayer = (layer: Layer): Layer => {
    if (layer instanceof tfl.LayersModel) return rebuild(layer);
    const known = layers.get(layer);
    if (known) return known;
    const copy = copyLayer(who, layer);
    layers.set(layer, copy);
    return copy;
  };

  const rebuild = (old: tfl.LayersModel): tfl.LayersModel => {
    const known = models.get(old);
    if (known) return known;
    const tensors = new Map<number, Symbolic>();
    const copyOf = (tensor: Symbolic) => tensors.get(tensor.id) as Symbolic;
    const inputs = old.inputs.map((input) => {
      const {shape: batchShape, dtype, sourceLayer} = input;
      const {sparse} = sourceLayer as Layer & {sparse?: boolean};
      const copy = tfl.input({name: sourceLayer.name, batchShape, dtype, sparse});
      tensors.set(input.id, copy);
      return copy;
    });
    for (const call of callsOf(old)) {
      const standIn = standIns.get(call.layer);
      const results = standIn
        ? [standIn.call(copyOf(call.inputs[0]), renamed(call.callArguments, tensors))]
        : applied(rebuildLayer(call.layer), call.inputs, call.callArguments, tensors);
      call.outputs.forEach((output, i) => {
        checkShape(who, call.layer, output, results[i]);
        tensors.set(output.id, results[i]);
      });
    }
    const copy = tfl.model({inputs, outputs: old.outputs.map(copyOf), name: old.name});
    models.set(old, copy);
    return copy;
  };

  try {
    const copy = rebuild(model);
    // Models first, for they set the flags of all weights in them.
    for (const [from, to] of [...models, ...layers]) {
      if (to.trainable !== from.trainable) to.trainable = from.trainable;
    }
    for (const [from, to] of layers) copyWeights(who, from, to);
    for (const [from, standIn] of standIns) startStandIn(from, standIn);
    const metadata = model.getUserDefinedMetadata();
    if (metadata) copy.setUserDefinedMetadata(metadata);
    return copy;
  } catch (error) {
    for (const layer of [...layers.values(), ...[...standIns.values()].flatMap((one) => one.layers)]) {
      for (const weight of layer.weights) weight.dispose();
    }
    throw error;
  }
}

/** A new layer of the same class and configuration, not called yet. */
function copyLayer(who: string, layer: Layer): Layer {
  const made = layer.constructor as unknown as tf.serialization.SerializableConstructor<Layer>;
  let copy: Layer;
  try {
    copy = made.fromConfig(made, layer.getConfig());
  } catch (error) {
    throw new ConfigError(
      `${who}: every layer must be one that its class makes again from getConfig; ${layer.name} ` +
        `(${layer.getClassName()}) is not: ${error instanceof Error ? error.message : error}`,
    );
  }
  copy.name = layer.name;
  // The initial weights are overwritten: zeros will do.
  copy.setFastWeightInitDuringBuild(true);
  return copy;
}

/** The same arguments with the new tensors in the place of the old ones. */
function renamed(callArguments: CallArguments, tensors: ReadonlyMap<number, Symbolic>): CallArguments {
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rename);
    return value instanceof tfl.SymbolicTensor ? tensors.get(value.id) : value;
  };
  // tfjs leaves the mask of its last run in here.
  const lasting = Object.entries(callArguments).filter(([, value]) => !(value instanceof tf.Tensor));
  return Object.fromEntries(lasting.map(([name, value]) => [name, rename(value)]));
}

/** The results of a call of `layer` on the new tensors. */
function applied(
  layer: Layer,
  inputs: Symbolic[],
  callArguments: CallArguments,
  tensors: ReadonlyMap<number, Symbolic>,
): Symbolic[] {
  // Recurrent layers and attention append the tensors among their arguments to the inputs, and will do so again.
  const appended = Object.values(callArguments)
    .flat()
    .filter((value) => value instanceof tfl.SymbolicTensor);
  const tail = inputs.slice(Math.max(1, inputs.length - appended.length));
  const given = appended.every((tensor) => tail.includes(tensor))
    ? inputs.slice(0, inputs.length - appended.length)
    : inputs;
  const list = given.map(({id}) => tensors.get(id) as Symbolic);
  const results = layer.apply(list.length === 1 ? list[0] : list, renamed(callArguments, tensors));
  return (Array.isArray(results) ? results : [results]) as Symbolic[];
}

function checkShape(who: string, layer: Layer, {shape: was}: Symbolic, {shape: is}: Symbolic): void {
  if (was.length !== is.length || was.some((size, axis) => size !== is[axis])) {
    throw new ConfigError(
      `${who}: a layer made again must have the shapes of the old one; ${layer.name} (${layer.getClassName()}) gives ` +
        `${showShape(is)} for ${showShape(was)}.`,
    );
  }
}

/** The name that the layer's class gave a weight, without the layers that it is in. */
const ownName = ({originalName}: tfl.LayerVariable) => originalName.slice(originalName.lastIndexOf('/') + 1);

/**
 * Weights are matched by their own name, where several have the same one (in a wrapper) in their order: the order alone
 * changes with `trainable` of single weights.
 */
function copyWeights(who: string, from: Layer, to: Layer): void {
  const sources = new Map<string, tfl.LayerVariable[]>();
  for (const weight of from.weights) {
    sources.set(ownName(weight), [...(sources.get(ownName(weight)) ?? []), weight]);
  }
  const pairs = to.weights.map((weight) => [sources.get(ownName(weight))?.shift(), weight] as const);
  const fits = pairs.every(([source, weight]) => source && String(source.shape) === String(weight.shape));
  if (!fits || pairs.length !== from.weights.length) {
    const list = (layer: Layer) => layer.weights.map((w) => `${ownName(w)} ${showShape(w.shape)}`).join(', ');
    throw new ConfigError(
      `${who}: a layer made again must have the weights of the old one; ${from.name} (${from.getClassName()}) has ` +
        `${list(to) || 'none'} for ${list(from) || 'none'}.`,
    );
  }
  for (const [source, weight] of pairs as [tfl.LayerVariable, tfl.LayerVariable][]) {
    setWeight(weight, source.read());
    weight.trainable = source.trainable;
  }
}

/** Gives a weight a value as it is: `LayerVariable.write` would apply the weight's constraint to it. */
export function setWeight(weight: tfl.LayerVariable, value: tf.Tensor): void {
  (weight.read() as tf.Variable).assign(value);
}

function startStandIn(from: Layer, standIn: StandIn): void {
  standIn.setWeights();
  // A model or a weight may be frozen while its layer is not.
  const frozen = from.weights.length > 0 && from.weights.every(({trainable}) => !trainable);
  for (const layer of standIn.layers) {
    for (const weight of layer.weights) if (frozen) weight.trainable = false;
  }
}

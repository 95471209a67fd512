/**
 * The graph of a LayersModel: which layers it calls, on what, in an order in which each call finds its inputs made.
 *
 * tfjs keeps a graph backwards: a symbolic tensor knows the layer that made it and which of that layer's calls did
 * (`sourceLayer.inboundNodes[nodeIndex]`), and that call knows its inputs. A layer may have calls in other models too; only
 * those that lead to this model's outputs are its own.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import type {Symbolic} from '../layers/tfjs_types.js';

export type Layer = tfl.layers.Layer;

/** What a call was given beside its inputs. */
export type CallArguments = Record<string, unknown>;

/** One use of a layer, or of a model as a layer. */
export interface Call {
  layer: Layer;
  inputs: Symbolic[];
  outputs: Symbolic[];
  callArguments: CallArguments;
}

/**
 * The calls of a model, each after those that make its inputs. Input layers are no calls; a model inside is one call.
 *
 * @param model Sequential or functional.
 */
export function callsOf(model: tfl.LayersModel): Call[] {
  const calls: Call[] = [];
  const made = new Set(model.inputs.map(({id}) => id));
  const add = (call: Call) => {
    calls.push(call);
    for (const {id} of call.outputs) made.add(id);
  };
  const first = model instanceof tfl.Sequential ? model.layers[0] : undefined;
  if (first instanceof tfl.LayersModel) {
    // A Sequential that starts with a model takes that model's tensors for its own, and no node shows the call.
    add({layer: first, inputs: model.inputs, outputs: first.outputs, callArguments: {}});
  }
  const visit = (tensor: Symbolic) => {
    if (made.has(tensor.id)) return;
    const layer = tensor.sourceLayer;
    const {inputTensors, outputTensors, callArgs} = layer.inboundNodes[tensor.nodeIndex];
    inputTensors.forEach(visit);
    add({layer, inputs: inputTensors, outputs: outputTensors, callArguments: callArgs ?? {}});
  };
  model.outputs.forEach(visit);
  return calls;
}

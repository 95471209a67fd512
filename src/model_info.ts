/**
 * What a model costs, layer by layer: parameters, multiply-adds of a forward pass, bytes.
 *
 * Counted are products of matrices, convolutions and attention, a multiplication with its addition as one, as papers do;
 * norms, activations and additions are not.
 */

import type * as tfl from '@tensorflow/tfjs-layers';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {textTable} from '../kernels/common/text_table.js';
import {ConfigError} from './errors.js';

export interface LayerInfo {
  name: string;
  className: string;
  /** Shapes of its results at this use. */
  outputShapes: number[][];
  /** Numbers of its weights; 0 at a further use of a shared layer. */
  parameters: number;
  multiplyAdds: number;
  /** Bytes of the weights, and of the results. */
  weightBytes: number;
  outputBytes: number;
}

export interface ModelInfo {
  /** Shape of the input that was counted with. */
  inputShapes: number[][];
  layers: LayerInfo[];
  /** Sums over the layers. */
  parameters: number;
  multiplyAdds: number;
  weightBytes: number;
  outputBytes: number;
  /** The same as a table. */
  text: string;
}

/** A layer, of this library or another. */
interface GraphLayer extends tfl.layers.Layer {
  multiplyAdds?(inputShape: tfl.Shape): number;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/**
 * @param model Any LayersModel.
 * @param inputShape Shape of an image without the batch, where the model leaves sizes open. Default: the model's own.
 * @throws ConfigError where a size of the input is open and not given.
 */
export function modelInfo(model: tfl.LayersModel, options: {inputShape?: number[]} = {}): ModelInfo {
  checkArguments('modelInfo', options, {inputShape: true} satisfies ArgumentNames<typeof options>);
  const {inputShape} = options;
  const shapes = new Map<number, number[]>();
  const inputShapes = model.inputs.map((input, i) => {
    const own = input.shape.slice(1);
    const given = i === 0 ? (inputShape ?? own) : own;
    const fits =
      given.length === own.length &&
      given.every((size, axis) => size !== null && (own[axis] ?? size) === size);
    if (!fits) {
      throw new ConfigError(
        `modelInfo: inputShape must give every size of ${showShape(own)}; got ` +
          `${inputShape ? showShape(inputShape) : 'none'} (for example {inputShape: [3, 224, 224]}).`,
      );
    }
    const shape = [1, ...(given as number[])];
    shapes.set(input.id, shape);
    return shape;
  });
  const layers: LayerInfo[] = [];
  const waiting = model.layers.flatMap((layer) =>
    (layer as GraphLayer).inboundNodes.map((node, use) => ({layer: layer as GraphLayer, node, use})),
  );
  const seen = new Set<tfl.layers.Layer>();
  // Layers come in the order of the graph; nodes of other models that share a layer never get their inputs.
  for (let again = true; again; ) {
    again = false;
    for (const one of waiting.splice(0)) {
      const inputs = one.node.inputTensors.map(({id}) => shapes.get(id));
      if (inputs.some((shape) => !shape)) {
        waiting.push(one);
        continue;
      }
      again = true;
      const info = describe(one.layer, inputs as number[][], !seen.has(one.layer));
      seen.add(one.layer);
      if (one.layer.getClassName() === 'InputLayer') continue;
      for (const [i, {id}] of one.node.outputTensors.entries()) shapes.set(id, info.outputShapes[i]);
      layers.push(info);
    }
  }
  const sum = (key: 'parameters' | 'multiplyAdds' | 'weightBytes' | 'outputBytes') =>
    layers.reduce((total, layer) => total + layer[key], 0);
  const totals = {
    parameters: sum('parameters'),
    multiplyAdds: sum('multiplyAdds'),
    weightBytes: sum('weightBytes'),
    outputBytes: sum('outputBytes'),
  };
  return {inputShapes, layers, ...totals, text: table(model.name, inputShapes, layers, totals)};
}

function describe(layer: GraphLayer, inputs: number[][], first: boolean): LayerInfo {
  const input = inputs.length === 1 ? inputs[0] : inputs;
  const computed =
    layer.getClassName() === 'InputLayer'
      ? inputs
      : (layer.computeOutputShape(input) as number[] | number[][]);
  const outputShapes = (Array.isArray(computed[0]) ? computed : [computed]) as number[][];
  const parameters = first ? layer.countParams() : 0;
  return {
    name: layer.name,
    className: layer.getClassName(),
    outputShapes,
    parameters,
    multiplyAdds: multiplyAdds(layer, inputs, outputShapes[0]),
    weightBytes: 4 * parameters,
    outputBytes: 4 * outputShapes.reduce((total, shape) => total + sizeOf(shape), 0),
  };
}

function multiplyAdds(layer: GraphLayer, inputs: number[][], output: number[]): number {
  if (layer.multiplyAdds) return layer.multiplyAdds(inputs[0]);
  const kernel = layer.weights.find(({originalName}) => /kernel$/.test(originalName))?.shape as
    | number[]
    | undefined;
  if (!kernel) return 0;
  switch (layer.getClassName()) {
    case 'Dense':
      return sizeOf(output) * kernel[0];
    case 'Conv1D':
    case 'Conv2D':
    case 'Conv3D':
      return (sizeOf(output) / kernel[kernel.length - 1]) * sizeOf(kernel);
    case 'DepthwiseConv2D':
      return sizeOf(output) * kernel[0] * kernel[1];
    case 'Conv2DTranspose':
      return (sizeOf(inputs[0]) / kernel[3]) * sizeOf(kernel);
    default:
      return 0;
  }
}

function table(
  name: string,
  inputShapes: number[][],
  layers: LayerInfo[],
  totals: Pick<ModelInfo, 'parameters' | 'multiplyAdds' | 'weightBytes' | 'outputBytes'>,
): string {
  const count = (value: number) => value.toLocaleString('en-US');
  const row = (what: string, shape: string, of: typeof totals) => [
    ...[
      what,
      shape,
      count(of.parameters),
      count(of.multiplyAdds),
      count(of.weightBytes),
      count(of.outputBytes),
    ],
  ];
  const shapesOf = (shapes: number[][]) => shapes.map(showShape).join(' ');
  const rows = [
    ['layer', 'output', 'parameters', 'multiply-adds', 'bytes of weights', 'bytes of output'],
    ...layers.map((layer) => row(`${layer.name} (${layer.className})`, shapesOf(layer.outputShapes), layer)),
    row(`${name} for ${shapesOf(inputShapes)}`, '', totals),
  ];
  return textTable(rows, (column) => column >= 2).join('\n');
}

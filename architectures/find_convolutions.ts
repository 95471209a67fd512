/**
 * The convolutions of a LayersModel: its Conv2D layers, described, and every other layer that convolves, with the reason why
 * no SwinT takes its place.
 *
 * A layer is named by the models that it is in and its own name: `encoder/conv1`, at the top `conv1`. A layer that is called
 * several times, or stands in several models, is found once.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import type {DataFormat} from '../kernels/common/data_format.js';
import type {Constraint} from '../layers/tfjs_types.js';
import {type Call, callsOf, type Layer} from './model_graph.js';

/** A Conv2D layer of a model. Shapes are those of its first call, null where a size is unknown. */
export interface Conv2DInfo {
  /** Its name, after the names of the models that it is in: `encoder/conv1`. */
  name: string;
  kernelSize: [number, number];
  strides: [number, number];
  dilationRate: [number, number];
  padding: 'same' | 'valid';
  dataFormat: DataFormat;
  inChannels: number;
  filters: number;
  useBias: boolean;
  /** Class of its activation, 'linear' where it has none. */
  activation: string;
  trainable: boolean;
  inputShape: (number | null)[];
  outputShape: (number | null)[];
  /** How often the models call it. */
  calls: number;
}

/** A layer that convolves and stays. */
export interface KeptConvolution {
  name: string;
  className: string;
  reason: string;
}

/** What tfjs's Conv2D, whose class it does not export, keeps of its arguments. */
export interface Conv2DLayer extends Layer {
  readonly kernelSize: number[];
  readonly strides: number[];
  readonly dilationRate: number[];
  readonly padding: 'same' | 'valid';
  readonly dataFormat: DataFormat;
  readonly filters: number;
  readonly useBias: boolean;
  readonly activation: {getClassName(): string};
  readonly kernelRegularizer?: Parameters<typeof tfl.layers.conv2d>[0]['kernelRegularizer'];
  readonly biasRegularizer?: Parameters<typeof tfl.layers.conv2d>[0]['biasRegularizer'];
  readonly kernelConstraint?: Constraint;
  readonly biasConstraint?: Constraint;
}

export interface FoundConv2D {
  layer: Conv2DLayer;
  info: Conv2DInfo;
  /** Why a SwinT cannot take its place, where it cannot. */
  obstacle?: string;
}

export interface FoundConvolutions {
  conv2d: FoundConv2D[];
  others: KeptConvolution[];
  /** Class by name, of all layers; and their own names alone. */
  classes: Map<string, string>;
  names: Set<string>;
}

/** Finds them in the order in which the model calls them. */
export function findConvolutions(model: tfl.LayersModel): FoundConvolutions {
  const found = new Map<Layer, FoundConv2D>();
  const seen = new Set<Layer>();
  const others: KeptConvolution[] = [];
  const classes = new Map<string, string>();
  const names = new Set<string>();
  const search = (inside: tfl.LayersModel, path: string) => {
    for (const {name} of inside.layers) names.add(name);
    for (const call of callsOf(inside)) {
      const {layer} = call;
      const one = found.get(layer);
      if (one) one.info.calls++;
      if (seen.has(layer)) continue;
      seen.add(layer);
      const [name, className] = [path + layer.name, layer.getClassName()];
      classes.set(name, className);
      if (layer instanceof tfl.LayersModel) search(layer, `${name}/`);
      else if (className === 'Conv2D') found.set(layer, describe(name, call));
      else others.push(...convolutionsIn(name, className, layer.getConfig()));
    }
  };
  search(model, '');
  return {conv2d: [...found.values()], others, classes, names};
}

function describe(name: string, call: Call): FoundConv2D {
  const layer = call.layer as Conv2DLayer;
  const {padding, dataFormat, filters, useBias, trainable} = layer;
  const inputShape = [...call.inputs[0].shape];
  const info: Conv2DInfo = {
    name,
    kernelSize: pair(layer.kernelSize),
    strides: pair(layer.strides),
    dilationRate: pair(layer.dilationRate),
    padding,
    dataFormat,
    inChannels: inputShape[dataFormat === 'channelsFirst' ? 1 : 3] as number,
    filters,
    useBias,
    activation: layer.activation.getClassName(),
    trainable,
    inputShape,
    outputShape: [...call.outputs[0].shape],
    calls: 1,
  };
  return {layer, info, obstacle: obstacleOf(layer, info)};
}

const pair = ([rows, columns]: number[]): [number, number] => [rows, columns];

function obstacleOf(layer: Conv2DLayer, {strides, dilationRate}: Conv2DInfo): string | undefined {
  const [rows, columns] = strides;
  if (rows !== columns || rows > 2) {
    return `strides ${rows}x${columns}: a SwinT keeps the resolution or halves it`;
  }
  if (dilationRate.some((rate) => rate !== 1)) {
    return `dilation ${dilationRate.join('x')}: the windows of a SwinT have no gaps`;
  }
  const axes = [layer.kernelConstraint?.getConfig().axis ?? 0].flat() as number[];
  return axes.every((axis) => axis === 0 || axis === 1 || axis === -1)
    ? undefined
    : `kernelConstraint over axis ${axes.join(', ')}: the kernels of a SwinT have two axes`;
}

const REASONS: Record<string, string> = {
  DepthwiseConv2D: 'depthwise: every channel has a kernel of its own, and a SwinT mixes channels',
  SeparableConv2D: 'depthwise within: every channel has a kernel of its own, and a SwinT mixes channels',
  Conv2DTranspose: 'it enlarges the map, and a SwinT keeps the resolution or halves it',
  Conv1D: 'its input is a sequence, not a map',
  Conv3D: 'its input is a volume, not a map',
  Conv3DTranspose: 'its input is a volume, not a map',
  ConvLSTM2D: 'recurrent: its input is a sequence of maps',
};

/**
 * The layers that convolve in a layer's configuration: the layer itself, or those in the layers that it holds and calls on
 * its own, as TimeDistributed does.
 */
function convolutionsIn(
  name: string,
  className: string,
  config: unknown,
  holder?: string,
): KeptConvolution[] {
  if (/conv/i.test(className)) {
    const own = REASONS[className] ?? `it is a ${className}, not a Conv2D`;
    return [{name, className, reason: holder ? `inside ${holder}, which calls it by itself` : own}];
  }
  const held = Object.values((config ?? {}) as object).flat();
  return held.flatMap((value: {className?: unknown; config?: {name?: unknown}} | null) => {
    if (typeof value?.className !== 'string') return [];
    const path = `${name}/${value.config?.name ?? value.className}`;
    return convolutionsIn(path, value.className, value.config, holder ?? `the ${className} ${name}`);
  });
}

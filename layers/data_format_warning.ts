/**
 * A warning where a layer takes the axes of a map for others than they are: a channelsFirst layer behind a Conv2D that is
 * channelsLast computes on, with rows for channels, and only learns badly.
 *
 * Nothing is guessed. The format of a map is that of the nearest layer before that has a data format of its own; between the
 * two may only be layers that leave every axis where it is. A picture that enters the model is known by its shape.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {type DataFormat, mapShape} from '../kernels/common/data_format.js';
import {showShape} from '../kernels/common/shapes.js';
import {layerName} from './layer_name.js';
import type {Symbolic} from './tfjs_types.js';

/** Layers, by class, that leave every axis where it is. */
const KEEP_AXES: ReadonlySet<string> = new Set([
  ...['Activation', 'ReLU', 'LeakyReLU', 'PReLU', 'ELU', 'ThresholdedReLU', 'Softmax', 'Masking'],
  ...['Dropout', 'AlphaDropout', 'GaussianDropout', 'GaussianNoise'],
  ...['BatchNormalization', 'LayerNormalization', 'Add', 'Average', 'Maximum', 'Minimum', 'Multiply'],
  ...['Concatenate', 'SwinBatchNormalization', 'SwinDropPath', 'SwinCropLike'],
]);

/**
 * The data format that a picture's shape, without the batch, tells: 1, 3 or 4 channels on one side, and on the other two
 * axes of equal size, larger than that. Undefined where it may be either.
 */
export function formatOfPicture(shape: readonly unknown[]): DataFormat | undefined {
  const [a, b, c] = shape;
  const isColours = (size: unknown) => size === 1 || size === 3 || size === 4;
  const isSide = (size: unknown) => typeof size === 'number' && size > 4;
  if (shape.length !== 3) return undefined;
  if (isColours(c) && isSide(a) && a === b) return 'channelsLast';
  return isColours(a) && isSide(b) && b === c ? 'channelsFirst' : undefined;
}

/** The layer that says how the axes of a map lie, and how, where that is certain. */
function sourceOf(map: Symbolic): {layer: tfl.layers.Layer; format: DataFormat} | undefined {
  let at: Symbolic | undefined = map;
  while (at !== undefined) {
    const layer: tfl.layers.Layer = at.sourceLayer;
    if (layer instanceof tfl.LayersModel) {
      at = layer.outputs[at.tensorIndex];
      continue;
    }
    const {dataFormat} = layer as {dataFormat?: unknown};
    if (dataFormat === 'channelsFirst' || dataFormat === 'channelsLast') return {layer, format: dataFormat};
    if (layer.getClassName() === 'InputLayer') {
      const format = formatOfPicture(at.shape.slice(1));
      return format && {layer, format};
    }
    at = KEEP_AXES.has(layer.getClassName()) ? at.inputs[0] : undefined;
  }
  return undefined;
}

/** Layers that have been warned of: once is enough. */
const warned = new WeakSet<tfl.layers.Layer>();

/**
 * Says on the console, once for each layer, that a map does not lie as the layer takes it, where that is certain.
 *
 * @param inputs What the layer is called with, the map alone or before others; nothing is known of tensors.
 * @param wanted How the layer takes its axes.
 * @param fix What to do about it.
 */
export function warnOfDataFormat(
  layer: tfl.layers.Layer,
  inputs: unknown,
  wanted: DataFormat,
  fix: (format: DataFormat) => string = (format) => `give dataFormat: '${format}'`,
): void {
  const input = Array.isArray(inputs) ? inputs[0] : inputs;
  if (warned.has(layer) || !(input instanceof tfl.SymbolicTensor) || input.shape.length !== 4) return;
  const source = sourceOf(input);
  if (source === undefined || source.format === wanted) return;
  const form = showShape(['B', ...mapShape(wanted, 'C', 'H', 'W')]);
  console.warn(
    `${layerName(layer)}: the map must be ${form}, ${wanted}; got ${showShape(input.shape)}, which is ${source.format} as ` +
      `it comes from ${layerName(source.layer)}, so that the layer takes its axes for others (${fix(source.format)}).`,
  );
  warned.add(layer);
}

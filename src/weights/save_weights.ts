/**
 * Writes the weights of a Swin Transformer as a safetensors file under the names, and in the order of axes, of a published
 * layout, so that training can go on in timm, torchvision or transformers. The reverse of load_weights.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError, ConfigError} from '../errors.js';
import {LAYOUTS, type Layout, sourceOf, versionOf} from './layouts.js';
import {canonicalName, ourOrder, permuted} from './load_weights.js';
import {type NamedValues, writeSafetensors} from './safetensors.js';

/** A weight of ours, [.., in, out] and [p, p, C, out], as PyTorch has it. */
function theirOrder(name: string, shape: number[], values: Float32Array): Omit<NamedValues, 'name'> {
  const axes = shape.length === 4 ? [3, 2, 0, 1] : [1, 0];
  const turned = axes.map((axis) => shape[axis]);
  const isTurned =
    (shape.length === 2 || shape.length === 4) &&
    ourOrder(name, turned).shape.every((size, axis) => size === shape[axis]) &&
    !/relative_position_bias_table$|absolute_pos_embed$/.test(name);
  return isTurned ? {shape: turned, values: permuted(values, shape, axes)} : {shape, values};
}

/**
 * The weights as a safetensors file.
 *
 * @param model A model of architectures/swin_transformer.
 * @param options layout: whose names are written; default 'microsoft'.
 * @throws ConfigError for an unknown layout; CheckpointError for a weight that the layout has no name for.
 */
export async function saveWeights(
  model: tfl.LayersModel,
  {layout = 'microsoft'}: {layout?: Layout} = {},
): Promise<Uint8Array> {
  if (!LAYOUTS.includes(layout)) {
    throw new ConfigError(`saveWeights: layout must be one of ${LAYOUTS.join(', ')}; got ${layout}.`);
  }
  const names = model.weights.map(canonicalName);
  const version = versionOf(names);
  const tensors = new Map<string, NamedValues>();
  for (const [i, weight] of model.weights.entries()) {
    const {names: targets, third} = sourceOf(names[i], layout, version);
    const values = (await weight.read().data()) as Float32Array;
    const turned = theirOrder(names[i], weight.shape as number[], values);
    if (third !== undefined) {
      // A joint bias of queries, keys and values; V2 has none for the keys.
      const size = turned.values.length;
      const joint = tensors.get(targets[0]) ?? {
        ...{name: targets[0], shape: [3 * size], values: new Float32Array(3 * size)},
      };
      joint.values.set(turned.values, third * size);
      tensors.set(targets[0], joint);
      continue;
    }
    const size = turned.values.length / targets.length;
    for (const [part, name] of targets.entries()) {
      if (tensors.has(name)) {
        throw new CheckpointError(
          `saveWeights: ${layout} must have a name of its own for ${names[i]}; it has not.`,
        );
      }
      const shape = [turned.shape[0] / targets.length, ...turned.shape.slice(1)];
      tensors.set(name, {name, shape, values: turned.values.slice(part * size, (part + 1) * size)});
    }
  }
  return writeSafetensors([...tensors.values()], {format: 'pt'});
}

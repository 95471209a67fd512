/**
 * Writes the weights of a model as a safetensors file, under the names and in the order of axes of a layout, so that
 * training can go on in timm, torchvision or transformers, or, in our own layout, later here. The reverse of load_weights.
 * What torchvision and microsoft keep as buffers is written with them (buffers.ts).
 */

import type * as tfl from '@tensorflow/tfjs-layers';
import {oneOf} from '../../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../../kernels/common/known_arguments.js';
import {CheckpointError} from '../errors.js';
import {toFile} from './axes.js';
import {buffersOf} from './buffers.js';
import {LAYOUTS, type Layout, namingOf, versionOf} from './layouts/index.js';
import {checkSkips} from './layouts/swin_unet.js';
import {checkVariant} from './load_report.js';
import {checkPrefix} from './renaming.js';
import {FLOAT_TYPES, type FloatType, type NamedValues, writeSafetensors} from './safetensors.js';
import {settingsMetadata} from './swin_settings.js';
import {namesOf} from './weight_names.js';

export interface SaveWeightsOptions {
  /** Whose names are written; default 'microsoft'. */
  layout?: Layout;
  /** What is written before every name, for example `swin_unet.`, which Swin-Unet's training has. Default none. */
  prefix?: string;
  /** 'float32', or 'float16' for half of the bytes: the nearest of each value. Default 'float32'. */
  dtype?: FloatType;
}

const OPTIONS = {
  layout: true,
  prefix: true,
  dtype: true,
} as const satisfies ArgumentNames<SaveWeightsOptions>;

/**
 * The weights as a safetensors file.
 *
 * @param model For a published layout a model of architectures/swin_transformer, for 'swin-unet' a swinUNet with
 *   skips 'stageInput', for 'miziha' one SwinT layer or a
 *   SwinResNet of that variant, for 'tfjs-swint' any model.
 * @param options layout; prefix; dtype.
 * @throws ConfigError for an unknown layout or dtype, or an unusable prefix; CheckpointError for a weight that the layout has no place for, or with
 *     values too large for float16.
 */
export async function saveWeights(
  model: tfl.LayersModel,
  options: SaveWeightsOptions = {},
): Promise<Uint8Array> {
  checkArguments('saveWeights', options, OPTIONS);
  const {layout = 'microsoft', prefix = '', dtype = 'float32'} = options;
  checkPrefix('saveWeights', prefix);
  oneOf('saveWeights', 'layout', layout, LAYOUTS);
  oneOf('saveWeights', 'dtype', dtype, FLOAT_TYPES);
  if (layout === 'miziha') checkVariant('saveWeights', model);
  if (layout === 'swin-unet') checkSkips('saveWeights', model);
  const naming = namingOf(layout, versionOf(model.weights.map(({originalName}) => originalName)));
  const tensors = new Map<string, NamedValues>();
  for (const weight of model.weights) {
    const names = namesOf(weight);
    const source = naming(names);
    if (!source) {
      throw new CheckpointError(
        `saveWeights: layout ${layout} must have a place for every weight; it has none for ${names.canonical} ` +
          "(layout 'tfjs-swint' takes any model).",
      );
    }
    const {names: targets, form, third} = source;
    const {shape, turn} = toFile(form, weight.shape as number[]);
    const values = turn((await weight.read().data()) as Float32Array);
    if (third !== undefined) {
      writeThird(tensors, targets[0], third, values);
      continue;
    }
    const size = values.length / targets.length;
    for (const [part, name] of targets.entries()) {
      if (tensors.has(name)) {
        throw new CheckpointError(
          `saveWeights: layout ${layout} must have a name of its own for every weight; ${name} is also that of ` +
            `${names.canonical}.`,
        );
      }
      const rows = shape.length === 0 ? [] : [shape[0] / targets.length, ...shape.slice(1)];
      tensors.set(name, {name, shape: rows, values: values.subarray(part * size, (part + 1) * size)});
    }
  }
  const format = layout === 'tfjs-swint' || layout === 'miziha' ? layout : 'pt';
  const metadata = {format, ...settingsMetadata(model)};
  const all = [...tensors.values(), ...buffersOf(model, layout, naming)];
  return writeSafetensors(
    all.map((one) => ({...one, name: prefix + one.name})),
    metadata,
    dtype,
  );
}

/** A joint bias of queries, keys and values; V2 has none for the keys, whose third stays zero. */
function writeThird(
  tensors: Map<string, NamedValues>,
  name: string,
  third: 0 | 2,
  values: Float32Array,
): void {
  const size = values.length;
  const joint = tensors.get(name) ?? {name, shape: [3 * size], values: new Float32Array(3 * size)};
  joint.values.set(values, third * size);
  tensors.set(name, joint);
}

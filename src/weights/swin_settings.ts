/**
 * What names and shapes of a Swin Transformer's weights do not tell, as JSON under `swin` in the metadata of a safetensors
 * file: saveWeights writes it, so that no argument is needed to read the file again.
 *
 *     {"windowSize": [[h, w], ..], "pretrainedWindowSize": [[h, w], ..], "padding": "masked",
 *      "shiftRule": ["perAxis", ..], "qkScale": 0.1}    one window per stage; qkScale where the network has one
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {SHIFT_RULES, type ShiftRule} from '../../layers/index.js';
import {CheckpointError} from '../errors.js';
import type {Checkpoint} from './checkpoint.js';
import {isSize} from './is_size.js';

export type Pair = [number, number];

export interface SwinSettings {
  windowSize: Pair[];
  pretrainedWindowSize?: Pair[];
  padding: 'masked' | 'attended';
  shiftRule?: ShiftRule[];
  qkScale?: number;
}

const KEY = 'swin';

/** The stages of a Swin Transformer, in their order; none for another model. */
export function stagesOf(model: tfl.LayersModel): tfl.layers.Layer[] {
  return model.layers.filter(({name}) => /^layers\.\d+$/.test(name));
}

/** The metadata of a model's file; none for a model without stages. */
export function settingsMetadata(model: tfl.LayersModel): Record<string, string> {
  const configs = stagesOf(model).map((layer) => layer.getConfig());
  if (configs.length === 0) return {};
  const [{padding, qkScale, variant}] = configs;
  const rules = configs.map(({shiftRule}) => shiftRule ?? 'perAxis');
  const settings = {
    windowSize: configs.map(({windowSize}) => windowSize),
    ...(variant === 'v2' ? {pretrainedWindowSize: configs.map((one) => one.pretrainedWindowSize)} : {}),
    padding,
    ...(rules.every((rule) => rule === 'perAxis') ? {} : {shiftRule: rules}),
    ...(typeof qkScale === 'number' ? {qkScale} : {}),
  };
  return {[KEY]: JSON.stringify(settings)};
}

const isPair = (value: unknown): value is Pair =>
  Array.isArray(value) && value.length === 2 && value.every((side) => isSize(side) && side > 0);

/**
 * The settings in a file, or undefined where it has none.
 *
 * @param stages How many the file has weights of; settings of another number are not the network's.
 * @throws CheckpointError for settings that are damaged.
 */
export function settingsOf(file: Checkpoint, stages: number): SwinSettings | undefined {
  const text = file.metadata?.get(KEY);
  if (text === undefined) return undefined;
  const fail = (got: string) =>
    new CheckpointError(
      `${file.name}: the metadata ${KEY} must be settings as saveWeights writes them, of ${stages} stages; got ` +
        `${got.slice(0, 80)} (give windowSize and padding, and remove the metadata).`,
    );
  let settings: Partial<Record<keyof SwinSettings, unknown>>;
  try {
    settings = JSON.parse(text);
  } catch {
    throw fail(text);
  }
  const arePairs = (value: unknown) => Array.isArray(value) && value.length === stages && value.every(isPair);
  const areRules = (value: unknown) =>
    Array.isArray(value) && value.length === stages && value.every((rule) => SHIFT_RULES.includes(rule));
  const {windowSize, pretrainedWindowSize, padding, shiftRule, qkScale} = settings ?? {};
  const holds =
    arePairs(windowSize) &&
    (pretrainedWindowSize === undefined || arePairs(pretrainedWindowSize)) &&
    (padding === 'masked' || padding === 'attended') &&
    (shiftRule === undefined || areRules(shiftRule)) &&
    (qkScale === undefined || (typeof qkScale === 'number' && qkScale > 0));
  if (!holds) throw fail(text);
  return settings as SwinSettings;
}

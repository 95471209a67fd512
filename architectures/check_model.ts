/** The check of a model that a function here is given. */
import * as tfl from '@tensorflow/tfjs-layers';
import {ConfigError} from '../layers/index.js';

/** Throws ConfigError unless this is a LayersModel with layers; the promise of one is none. */
export function checkModel(who: string, model: unknown): asserts model is tfl.LayersModel {
  const isModel = model instanceof tfl.LayersModel;
  if (isModel && model.outputs.length > 0) return;
  const got = isModel ? 'an empty one' : (model?.constructor?.name ?? String(model));
  const fix = model instanceof Promise ? ' (await it)' : '';
  throw new ConfigError(`${who}: the model must be a LayersModel with layers; got ${got}${fix}.`);
}

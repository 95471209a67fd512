/** The weights of a model by their names, and which of them depend on the classes. */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {WeightName} from './layouts/naming.js';

/** The names of a weight of a model: tfjs's, and that of microsoft. */
export function namesOf(weight: {originalName: string}): WeightName {
  const canonical = weight.originalName
    .replace('/', '.')
    .replace(/^head\.kernel$/, 'head.weight')
    .replace(/^absolute_pos\./, '');
  return {original: weight.originalName, canonical};
}

/** Whether a weight of ours, by its canonical name, is of the layer whose units are the classes. */
export const isHead = (canonical: string): boolean =>
  /^(head\.(weight|bias)|(classifier|output)\.(kernel|bias))$/.test(canonical);

/** The same of a tensor of a checkpoint, in any layout. */
export const isCheckpointHead = (name: string): boolean =>
  /^(head|head\.fc|classifier|output|out\.5)\.(weight|bias)$|^(head|classifier|output)\/(kernel|bias)$/.test(
    name,
  );

/** The window of the layer that each weight belongs to, for layers that have one. */
export function windowsOf(model: tfl.LayersModel): Map<tfl.LayerVariable, [number, number]> {
  const windows = new Map<tfl.LayerVariable, [number, number]>();
  for (const layer of model.layers) {
    const {windowSize} = layer.getConfig();
    if (!Array.isArray(windowSize)) continue;
    for (const weight of layer.weights) windows.set(weight, windowSize as [number, number]);
  }
  return windows;
}

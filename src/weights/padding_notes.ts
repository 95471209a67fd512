/**
 * Where a model treats maps that windows do not cut evenly otherwise than the system whose layout a checkpoint has. Maps
 * that they cut evenly give the same numbers everywhere.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import type {Checkpoint} from './checkpoint.js';
import type {Layout} from './layouts/index.js';
import {settingsOf, stagesOf} from './swin_settings.js';

/** Systems that attend to padded cells. */
const ATTENDING: ReadonlySet<Layout> = new Set(['torchvision', 'timm', 'microsoft', 'huggingface']);

export function paddingNotes(file: Checkpoint, layout: Layout, model: tfl.LayersModel): string[] {
  const stages = stagesOf(model);
  // A file that saveWeights wrote says itself how maps were padded.
  if (stages.length === 0 || !ATTENDING.has(layout) || settingsOf(file, stages.length)) return [];
  const masked = stages.some((layer) => layer.getConfig().padding === 'masked');
  if (masked) {
    return [
      `padding: the model masks padded cells, ${layout} attends to them; images whose maps are no multiples of the window ` +
        "give other numbers (padding: 'attended')",
    ];
  }
  if (layout !== 'timm') return [];
  return [
    'padding: maps are padded before they are shifted; timm pads after that, so that images whose maps are no multiples of ' +
      'the window give other numbers than in timm',
  ];
}

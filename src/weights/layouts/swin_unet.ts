/**
 * The names of HuCaoFighting/Swin-Unet: those of microsoft on the way down, and on the way up, where the stage of expanding
 * alone is counted as the first:
 *
 *   part               Swin-Unet                                here
 *   expanding 0        layers_up.0                              layers_up.0.expand
 *   expanding d > 0    layers_up.{d}.upsample                   layers_up.{d}.expand
 *   1x1 after a skip   concat_back_dim.{d+1}, dense             concat_back_dim.{d}, a convolution
 *   stage of blocks    layers_up.{d+1}.blocks.j                 layers_up.{d}.blocks.j
 *   end                norm_up, up, output                      the same
 *
 * Its skip connections carry the map before the blocks of a stage: only networks with skips 'stageInput' compute the same.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {skipsOf} from '../../../architectures/swin_unet.js';
import {CheckpointError} from '../../errors.js';
import {isPublished, microsoft} from './microsoft.js';
import {type Naming, torchForm} from './naming.js';

const EXPANDING = /^layers_up\.(\d+)\.expand\.((?:expand|norm)\..+)$/;
const STAGE_UP = /^layers_up\.(\d+)\.(blocks\.\d+\..+)$/;
const JOINED = /^concat_back_dim\.(\d+)\.(kernel|bias)$/;

export const swinUnet: Naming = (weight) => {
  const {canonical} = weight;
  const expanding = EXPANDING.exec(canonical);
  if (expanding) {
    const [, depth, rest] = expanding;
    const name = depth === '0' ? `layers_up.0.${rest}` : `layers_up.${depth}.upsample.${rest}`;
    return {names: [name], form: expandForm(rest)};
  }
  const stage = STAGE_UP.exec(canonical);
  if (stage) {
    const [, depth, rest] = stage;
    return {names: [`layers_up.${Number(depth) + 1}.${rest}`], form: torchForm(rest)};
  }
  const joined = JOINED.exec(canonical);
  if (joined) {
    const [, depth, part] = joined;
    const name = `concat_back_dim.${Number(depth) + 1}.${part === 'kernel' ? 'weight' : part}`;
    return {names: [name], form: part === 'kernel' ? 'unit' : 'same'};
  }
  if (/^(norm_up|up)\./.test(canonical)) return {names: [canonical], form: expandForm(canonical)};
  if (canonical === 'output.kernel') return {names: ['output.weight'], form: 'convolution'};
  if (/^(head|norm\d+)\./.test(canonical) || !isPublished(weight)) return undefined;
  return microsoft(weight);
};

const expandForm = (name: string) => (name.endsWith('expand.weight') ? 'matrix' : 'same');

/** Weights of Swin-Unet fit a network of other skip connections too, which computes something else with them. */
export function checkSkips(who: string, model: tfl.LayersModel): void {
  if (skipsOf(model) !== 'stageOutput') return;
  throw new CheckpointError(
    `${who}: the layout swin-unet must go with skip connections from before the blocks of a stage; got ${model.name} with ` +
      "those from after them (build it with swinUNet({skips: 'stageInput'}), or use the layout tfjs-swint).",
  );
}

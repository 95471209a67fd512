/**
 * The names of microsoft/Swin-Transformer, which those of architectures/swin_transformer are; timm had them as well until it
 * moved the merging (timm.ts).
 */
import {type Naming, torchForm, type WeightName} from './naming.js';

const KNOWN =
  /^(patch_embed\.(proj|norm)|layers\.\d+\.(blocks\.\d+|downsample)|norm\d*|head)\.|^absolute_pos_embed$/;

/** Whether the weight is one of a Swin Transformer: one of a decoder, for example, no published layout has. */
export const isPublished = ({canonical}: WeightName): boolean => KNOWN.test(canonical);

export const microsoft: Naming = ({canonical}) => ({names: [canonical], form: torchForm(canonical)});

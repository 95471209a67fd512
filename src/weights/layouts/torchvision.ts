/**
 * The names of pytorch/vision: stages and mergings in turn under `features`. In V2 queries, keys and values have one bias,
 * whose middle third, the keys', is not used. There is no absolute position embedding.
 */
import {BLOCK, MERGING, type Naming, torchForm} from './naming.js';

export const torchvision: Naming = ({canonical}) => {
  if (canonical === 'absolute_pos_embed' || /^norm\d/.test(canonical)) return undefined;
  const form = torchForm(canonical);
  const block = BLOCK.exec(canonical);
  if (block) {
    const [, stage, index, rest] = block;
    const prefix = `features.${2 * Number(stage) + 1}.${index}.`;
    if (rest === 'attn.q_bias') return {names: [`${prefix}attn.qkv.bias`], form, third: 0};
    if (rest === 'attn.v_bias') return {names: [`${prefix}attn.qkv.bias`], form, third: 2};
    return {names: [prefix + rest.replace('mlp.fc1', 'mlp.0').replace('mlp.fc2', 'mlp.3')], form};
  }
  const merging = MERGING.exec(canonical);
  if (merging) return {names: [`features.${2 * Number(merging[1]) + 2}.${merging[2]}`], form};
  const name = canonical
    .replace('patch_embed.proj', 'features.0.0')
    .replace('patch_embed.norm', 'features.0.2');
  return {names: [name], form};
};

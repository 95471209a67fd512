/**
 * What the weights of a Swin Transformer are called in published checkpoints, and how they lie there.
 *
 * Our names are those of architectures/swin_transformer: a layer's name and a weight's, `layers.0/blocks.1.attn.qkv.weight`,
 * joined by a dot as in microsoft/Swin-Transformer. Values differ in the order of axes: a dense kernel is [in, out] here
 * and [out, in] in PyTorch, the kernel of the patches [p, p, C, out] here and [out, C, p, p] there.
 *
 *   part          microsoft, old timm    timm                       torchvision           huggingface
 *   patches       patch_embed.proj       same                       features.0.0          embeddings.patch_embeddings.projection
 *   their norm    patch_embed.norm       same                       features.0.2          embeddings.norm
 *   block j of i  layers.i.blocks.j      same                       features.{2i+1}.j     encoder.layers.i.blocks.j
 *   merging       layers.i.downsample    layers.{i+1}.downsample    features.{2i+2}       encoder.layers.i.downsample
 *   end           norm, head             norm, head.fc              norm, head            layernorm, classifier
 *
 * Sources: microsoft/Swin-Transformer; huggingface/pytorch-image-models (timm); pytorch/vision; huggingface/transformers.
 */

export type Layout = 'microsoft' | 'timm' | 'torchvision' | 'huggingface';

export const LAYOUTS: readonly Layout[] = ['microsoft', 'timm', 'torchvision', 'huggingface'];

/** How a weight of ours is made of the checkpoint's. */
export interface WeightSource {
  /** Names in the checkpoint; several are put after each other along their first axis. */
  names: string[];
  /** Which third of the first axis is taken: of torchvision's joint bias in V2. */
  third?: 0 | 2;
}

/** What is left out of a checkpoint without a word: buffers that follow from the configuration. */
export const BUFFERS =
  /(relative_position_index|relative_coords_table|attn_mask|relative_position_bias_table_index)$/;

const BLOCK = /^layers\.(\d+)\.blocks\.(\d+)\.(.+)$/;
const MERGING = /^layers\.(\d+)\.downsample\.(.+)$/;

function torchvision(name: string): WeightSource {
  const block = BLOCK.exec(name);
  if (block) {
    const [, stage, index, rest] = block;
    const prefix = `features.${2 * Number(stage) + 1}.${index}.`;
    if (rest === 'attn.q_bias') return {names: [`${prefix}attn.qkv.bias`], third: 0};
    if (rest === 'attn.v_bias') return {names: [`${prefix}attn.qkv.bias`], third: 2};
    return {names: [prefix + rest.replace('mlp.fc1', 'mlp.0').replace('mlp.fc2', 'mlp.3')]};
  }
  const merging = MERGING.exec(name);
  if (merging) return {names: [`features.${2 * Number(merging[1]) + 2}.${merging[2]}`]};
  return {
    names: [name.replace('patch_embed.proj', 'features.0.0').replace('patch_embed.norm', 'features.0.2')],
  };
}

const HUGGINGFACE_PARTS: Readonly<Record<string, string>> = {
  'norm1.': 'layernorm_before.',
  'norm2.': 'layernorm_after.',
  'attn.proj.': 'attention.output.dense.',
  'attn.relative_position_bias_table': 'attention.self.relative_position_bias_table',
  'attn.logit_scale': 'attention.self.logit_scale',
  'attn.cpb_mlp.': 'attention.self.continuous_position_bias_mlp.',
  'attn.q_bias': 'attention.self.query.bias',
  'attn.v_bias': 'attention.self.value.bias',
  'mlp.fc1.': 'intermediate.dense.',
  'mlp.fc2.': 'output.dense.',
};

function huggingface(name: string, prefix: string): WeightSource {
  const block = BLOCK.exec(name);
  if (block) {
    const [, stage, index, rest] = block;
    const at = `${prefix}encoder.layers.${stage}.blocks.${index}.`;
    const joint = /^attn\.qkv\.(weight|bias)$/.exec(rest);
    if (joint)
      return {names: ['query', 'key', 'value'].map((part) => `${at}attention.self.${part}.${joint[1]}`)};
    const [from, to] = Object.entries(HUGGINGFACE_PARTS).find(([part]) => rest.startsWith(part)) ?? ['', ''];
    return {names: [at + to + rest.slice(from.length)]};
  }
  if (MERGING.test(name)) return {names: [`${prefix}encoder.${name}`]};
  if (name.startsWith('head.')) return {names: [name.replace('head.', 'classifier.')]};
  const renamed = name
    .replace('patch_embed.proj', 'embeddings.patch_embeddings.projection')
    .replace('patch_embed.norm', 'embeddings.norm')
    .replace('absolute_pos_embed', 'embeddings.position_embeddings')
    .replace(/^norm\./, 'layernorm.');
  return {names: [prefix + renamed]};
}

/** Swin V1, with bias tables, or V2, with bias networks. */
export type Version = 'V1' | 'V2';

/** The version that weights of these names, ours or a checkpoint's, belong to. */
export function versionOf(names: Iterable<string>): Version {
  for (const name of names) if (/(cpb_mlp|continuous_position_bias_mlp)\./.test(name)) return 'V2';
  return 'V1';
}

/** Where a weight of ours stands in a checkpoint. */
export function sourceOf(name: string, layout: Layout, version: Version): WeightSource {
  switch (layout) {
    case 'torchvision':
      return torchvision(name);
    case 'huggingface':
      return huggingface(name, version === 'V2' ? 'swinv2.' : 'swin.');
    case 'timm': {
      const merging = MERGING.exec(name);
      if (merging) return {names: [`layers.${Number(merging[1]) + 1}.downsample.${merging[2]}`]};
      return {names: [name.replace(/^head\./, 'head.fc.')]};
    }
    case 'microsoft':
      return {names: [name]};
  }
}

/** The layout that a checkpoint's names belong to, or undefined. */
export function detectLayout(names: ReadonlySet<string>): Layout | undefined {
  const has = (pattern: RegExp) => [...names].some((name) => pattern.test(name));
  if (has(/^swin(v2)?\.encoder\./)) return 'huggingface';
  if (has(/^features\.\d+\.\d+\./)) return 'torchvision';
  if (!has(/^layers\.\d+\.blocks\./)) return undefined;
  // timm merges at the beginning of the next stage: stage 0 has no merging.
  if (names.has('head.fc.weight') || (has(/^layers\.1\.downsample\./) && !has(/^layers\.0\.downsample\./))) {
    return 'timm';
  }
  return 'microsoft';
}

/**
 * What the weights of a Swin Transformer are called in checkpoints, and how they lie there; one file per layout.
 *
 * Our names are a layer's and a weight's, `layers.0/blocks.1.attn.qkv.weight`; joined by a dot those of
 * architectures/swin_transformer are microsoft's. Values differ in the order of axes (axes.ts): a dense kernel is [in, out]
 * here and [out, in] in PyTorch.
 *
 *   part          microsoft, old timm    timm                       torchvision           huggingface
 *   patches       patch_embed.proj       same                       features.0.0          embeddings.patch_embeddings.projection
 *   their norm    patch_embed.norm       same                       features.0.2          embeddings.norm
 *   block j of i  layers.i.blocks.j      same                       features.{2i+1}.j     encoder.layers.i.blocks.j
 *   merging       layers.i.downsample    layers.{i+1}.downsample    features.{2i+2}       encoder.layers.i.downsample
 *   end           norm, head             norm, head.fc              norm, head            layernorm, classifier
 *
 * 'swin-unet' is that of HuCaoFighting/Swin-Unet, microsoft's with a way up. 'miziha' is that of single SwinT layers and of its SwinResNet; 'tfjs-swint' is our own, for any model: every weight under
 * its own name, axes as they are.
 *
 * Sources: microsoft/Swin-Transformer; huggingface/pytorch-image-models (timm); pytorch/vision; huggingface/transformers;
 * HuCaoFighting/Swin-Unet; the package miziha.
 */
import type {Checkpoint} from '../checkpoint.js';
import {huggingface} from './huggingface.js';
import {isPublished, microsoft} from './microsoft.js';
import {type DenseOrder, isUnused, miziha} from './miziha.js';
import type {Naming} from './naming.js';
import {swinUnet} from './swin_unet.js';
import {timm} from './timm.js';
import {torchvision} from './torchvision.js';

export const LAYOUTS = [
  ...(['microsoft', 'timm', 'torchvision', 'huggingface', 'swin-unet', 'miziha', 'tfjs-swint'] as const),
] as const;

export type Layout = (typeof LAYOUTS)[number];

/** Buffers that follow from the configuration. */
const BUFFERS =
  /(relative_position_index|relative_coords_table|attn_mask|relative_position_bias_table_index)$/;

/** Whether a tensor of a checkpoint may be left out without a word. */
export function isBuffer(name: string, names: ReadonlySet<string>): boolean {
  return BUFFERS.test(name) || isUnused(name, names);
}

/** Swin V1, with bias tables, or V2, with bias networks. */
export type Version = 'V1' | 'V2';

/** The version that weights of these names, ours or a checkpoint's, belong to. */
export function versionOf(names: Iterable<string>): Version {
  for (const name of names) if (/(cpb_mlp|continuous_position_bias_mlp)\./.test(name)) return 'V2';
  return 'V1';
}

/**
 * Where the weights of a model stand in a layout.
 *
 * @param denseOrder For 'miziha': whose order of axes the checkpoint has; default that of Paddle.
 */
export function namingOf(layout: Layout, version: Version, denseOrder: DenseOrder = 'paddle'): Naming {
  switch (layout) {
    case 'microsoft':
      return published(microsoft);
    case 'timm':
      return published(timm);
    case 'torchvision':
      return published(torchvision);
    case 'huggingface':
      return published(huggingface(version === 'V2' ? 'swinv2.' : 'swin.'));
    case 'swin-unet':
      return swinUnet;
    case 'miziha':
      return miziha(denseOrder);
    case 'tfjs-swint':
      return ({original}) => ({names: [original], form: 'same'});
  }
}

/** A naming that has no place for weights that are not a Swin Transformer's. */
const published =
  (naming: Naming): Naming =>
  (weight) =>
    isPublished(weight) ? naming(weight) : undefined;

/** Whose order of axes a checkpoint of miziha's layout has: queries, keys and values are the wider axis of `qkv`. */
export function denseOrderOf({tensors}: Checkpoint): DenseOrder {
  for (const [name, {shape}] of tensors) {
    if (/\.attn\.qkv\.weight$/.test(name)) return shape[0] > shape[1] ? 'torch' : 'paddle';
  }
  return 'paddle';
}

/** The layout that a checkpoint's names belong to, or undefined. */
export function detectLayout(names: ReadonlySet<string>): Layout | undefined {
  const has = (pattern: RegExp) => [...names].some((name) => pattern.test(name));
  // Only tfjs puts a slash between the names of a layer and a weight.
  if (has(/\//)) return 'tfjs-swint';
  if (has(/^swin(v2)?\.encoder\./)) return 'huggingface';
  if (has(/^features\.\d+\.\d+\./)) return 'torchvision';
  if (has(/^bb_\d+_\d+\./)) return 'miziha';
  // A vision transformer with relative positions has the same blocks, and a class token.
  if (names.has('blocks.0.attn.relative_position_bias_table') && !names.has('cls_token')) return 'miziha';
  if (!has(/^layers\.\d+\.blocks\./)) return undefined;
  if (has(/^layers_up\.0\.expand\./)) return 'swin-unet';
  // timm merges at the beginning of the next stage: stage 0 has no merging.
  if (names.has('head.fc.weight') || (has(/^layers\.1\.downsample\./) && !has(/^layers\.0\.downsample\./))) {
    return 'timm';
  }
  return 'microsoft';
}

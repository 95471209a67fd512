/**
 * The Swin Transformer: patches, stages of blocks with patch merging between them, and a head or the maps of the stages.
 *
 *   image -> PatchEmbed [-> AbsolutePosition] -> dropout -> stage 0 -> PatchMerging -> stage 1 -> ... -> stage n - 1
 *
 *   swinTransformer   ... -> LN -> mean over the map -> dense: [B, 3, H, W] to logits [B, numClasses], or without classes
 *                     to features [B, C]
 *   swinBackbone      LN of the maps of the chosen stages: [B, 3, H, W] to [[B, C_i, H / s_i, W / s_i], ...]
 *
 *   stage i: depths[i] blocks over embedDim 2^i channels, numHeads[i] heads. Drop-path grows linearly over all blocks.
 *
 * Inside, maps are [B, H, W, C]. Layers and weights are called as in microsoft/Swin-Transformer: `patch_embed`,
 * `layers.i` (its weights `blocks.j...`), `layers.i.downsample`, `norm`, `head`. An image may have any size at the call.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3; Liu et al. 2022, "Swin Transformer V2".
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {
  checkNumber,
  flag,
  optionalOneOf,
  optionalSeed,
  positiveInteger,
  rate,
  sizePair,
  wholeNumber,
} from '../kernels/common/arguments.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {ConfigError, layerNormalization} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import {checkModel} from './check_model.js';
import {BACKBONE_ARGUMENTS, narrow, patches, planOf, type SwinBackboneArgs, stages} from './swin_parts.js';

export interface SwinTransformerArgs extends SwinBackboneArgs {
  /** Classes; 0 for the features before the head. Default 1000. */
  numClasses?: number;
  /** Dropout rate before the head. Default 0. */
  headDropout?: number;
  /** Activation of the head. Default: none, logits. */
  classifierActivation?: 'softmax' | 'sigmoid';
}

/** The names of the arguments. */
export const SWIN_TRANSFORMER_ARGUMENTS = {
  ...BACKBONE_ARGUMENTS,
  ...{numClasses: true, headDropout: true, classifierActivation: true},
} as const satisfies ArgumentNames<SwinTransformerArgs>;

/**
 * A Swin Transformer classifier, or, with `numClasses: 0`, its features.
 *
 * @param args See SwinTransformerArgs; the defaults are those of Swin-T without its drop-path rate of 0.2.
 * @returns A LayersModel from images [B, 3, H, W] to logits [B, numClasses] or features [B, C].
 * @throws ConfigError for arguments that can never work.
 */
export function swinTransformer(args: SwinTransformerArgs = {}): tfl.LayersModel {
  const plan = planOf('swinTransformer', args, SWIN_TRANSFORMER_ARGUMENTS);
  const {numClasses = 1000, headDropout = 0, classifierActivation: activation} = args;
  if (numClasses !== 0) positiveInteger(plan.who, 'numClasses', numClasses);
  rate(plan.who, 'headDropout', headDropout);
  optionalOneOf(plan.who, 'classifierActivation', activation, ['softmax', 'sigmoid']);
  const {image, map} = patches(plan);
  const maps = stages(plan, map);
  const norm = layerNormalization({name: 'norm', dataFormat: 'channelsLast'});
  let x = norm.apply(maps[maps.length - 1]) as Symbolic;
  x = tfl.layers.globalAveragePooling2d({name: 'avgpool', dataFormat: 'channelsLast'}).apply(x) as Symbolic;
  const name = args.name ?? 'swin_transformer';
  if (numClasses === 0) return tfl.model({inputs: image, outputs: x, name});
  if (headDropout > 0) {
    x = tfl.layers
      .dropout({name: 'head_drop', rate: headDropout, seed: plan.nextSeed()})
      .apply(x) as Symbolic;
  }
  const head = classifier(numClasses, plan.nextSeed(), activation);
  const model = tfl.model({inputs: image, outputs: head.apply(x) as Symbolic, name});
  // The input leaves the size open; who classifies pictures with this model, or with a saved one, has to know it.
  model.setUserDefinedMetadata({imageSize: sizePair(plan.who, 'imageSize', args.imageSize ?? 224)});
  return model;
}

function classifier(units: number, seed: number | undefined, activation?: 'softmax' | 'sigmoid') {
  return tfl.layers.dense({name: 'head', units, activation, kernelInitializer: narrow(seed)});
}

/** What comes out of a backbone. */
export interface BackboneOutputs {
  /** Stages whose maps come out. Default all. */
  outStages?: number[];
  /** Whether a layer norm follows each; timm's features have none. Default true. */
  outNorms?: boolean;
}

/**
 * The pyramid of maps of a Swin Transformer, each after a layer norm of its own (`norm0`, `norm1`, ...).
 *
 * @param args As for swinTransformer, whose arguments of the head are taken and not read, so that a classifier and its
 *   backbone can be made of the same ones; outStages: the stages whose maps come out, default all;
 *   outNorms: false leaves the norms out.
 * @returns A LayersModel from images [B, 3, H, W] to maps [B, C_i, H / s_i, W / s_i], s_i = patchSize 2^i; a single tensor
 *   where there is one map.
 * @throws ConfigError for arguments that can never work.
 */
export function swinBackbone(args: SwinBackboneArgs & BackboneOutputs = {}): tfl.LayersModel {
  const plan = planOf('swinBackbone', args, {...SWIN_TRANSFORMER_ARGUMENTS, outStages: true, outNorms: true});
  const outNorms = flag(plan.who, 'outNorms', args.outNorms, true);
  const {outStages = plan.depths.map((_, i) => i), dataFormat = 'channelsFirst'} = args;
  const {what, holds: exists} = wholeNumber(0, plan.depths.length - 1);
  if (!Array.isArray(outStages) || outStages.length === 0 || !outStages.every(exists)) {
    throw new ConfigError(
      `swinBackbone: outStages must be numbers of stages, each ${what}; got ${showValue(outStages)}.`,
    );
  }
  const {image, map} = patches(plan);
  const maps = stages(plan, map);
  const outputs = outStages.map((stage) => {
    const norm = layerNormalization({name: `norm${stage}`, dataFormat: 'channelsLast'});
    const normed = outNorms ? (norm.apply(maps[stage]) as Symbolic) : maps[stage];
    return dataFormat === 'channelsLast'
      ? normed
      : (tfl.layers.permute({name: `to_channels_first${stage}`, dims: [3, 1, 2]}).apply(normed) as Symbolic);
  });
  return tfl.model({inputs: image, outputs, name: args.name ?? 'swin_backbone'});
}

/** A published form: what it fixes; everything else is the caller's. */
type Form = Pick<SwinTransformerArgs, 'embedDim' | 'depths' | 'numHeads' | 'dropPath'>;

const TINY: Form = {embedDim: 96, depths: [2, 2, 6, 2], numHeads: [3, 6, 12, 24], dropPath: 0.2};
const SMALL: Form = {embedDim: 96, depths: [2, 2, 18, 2], numHeads: [3, 6, 12, 24], dropPath: 0.3};
const BASE: Form = {embedDim: 128, depths: [2, 2, 18, 2], numHeads: [4, 8, 16, 32], dropPath: 0.5};
const LARGE: Form = {embedDim: 192, depths: [2, 2, 18, 2], numHeads: [6, 12, 24, 48], dropPath: 0.2};

/** A network of the family: what `fixed` gives, and over it the caller's arguments. */
const named =
  (who: string, fixed: (args: SwinTransformerArgs) => SwinTransformerArgs) =>
  (args: SwinTransformerArgs = {}): tfl.LayersModel => {
    checkArguments(who, args, SWIN_TRANSFORMER_ARGUMENTS);
    return swinTransformer({...fixed(args), ...args});
  };

/** V1: images of 224 with windows of 7 or, with `imageSize: 384`, of 12. */
const v1 = (who: string, name: string, form: Form) =>
  named(who, ({imageSize}) => ({...form, windowSize: imageSize === 384 ? 12 : 7, name}));

/** V2: images of 256 with windows of 8 or, where `windowSize` says so, of 16. */
const v2 = (who: string, name: string, form: Form) =>
  named(who, () => ({...form, variant: 'v2', imageSize: 256, windowSize: 8, name}));

/** Swin-T: 28,288,354 parameters for 1000 classes. Arguments as for swinTransformer; `imageSize: 384` has windows of 12. */
export const swinTiny = v1('swinTiny', 'swin_tiny', TINY);
/** Swin-S: 49,606,258 parameters. */
export const swinSmall = v1('swinSmall', 'swin_small', SMALL);
/** Swin-B: 87,768,224 parameters. */
export const swinBase = v1('swinBase', 'swin_base', BASE);
/** Swin-L: 196,532,476 parameters. */
export const swinLarge = v1('swinLarge', 'swin_large', LARGE);
/** Swin V2-T for images of 256, windows of 8; `windowSize: 16` for the other published form. */
export const swinV2Tiny = v2('swinV2Tiny', 'swin_v2_tiny', TINY);
/** Swin V2-S. */
export const swinV2Small = v2('swinV2Small', 'swin_v2_small', SMALL);
/** Swin V2-B. */
export const swinV2Base = v2('swinV2Base', 'swin_v2_base', BASE);
/** Swin V2-L. */
export const swinV2Large = v2('swinV2Large', 'swin_v2_large', LARGE);

/**
 * Swin for 32x32 images: patches of 2, width 192, layers 2-6-2, heads 3-6-12, windows of 7 (clamped on small maps), MLPs as
 * wide as the map.
 */
export const swinCifar = named('swinCifar', () => ({
  ...{imageSize: 32, patchSize: 2, embedDim: 192, depths: [2, 6, 2], numHeads: [3, 6, 12], mlpRatio: 1},
  ...{numClasses: 10, dropPath: 0, name: 'swin_cifar'},
}));

/**
 * A small Swin for 32x32 images: patches of 2 with positions, two blocks of width 64 with 8 heads and windows of 2, then a
 * merging. 152,154 parameters for 10 classes. As in the Keras example "Image classification with Swin Transformers".
 */
export const swinCifarTiny = named('swinCifarTiny', () => ({
  ...{imageSize: 32, patchSize: 2, patchNorm: false, absolutePosition: true, windowSize: 2},
  ...{embedDim: 64, depths: [2, 0], numHeads: [8, 8], numClasses: 10, dropPath: 0.03, dropout: 0.03},
  ...{name: 'swin_cifar_tiny'},
}));

/** How the new head starts and ends. */
interface ResetOptions extends Pick<SwinTransformerArgs, 'seed' | 'classifierActivation'> {}

/**
 * The same network with a new head, for other classes.
 *
 * @param model A classifier of this file.
 * @param numClasses Classes of the new head; 0 for the features before it.
 * @returns A new LayersModel that shares every other layer, and its weights, with `model`.
 * @throws ConfigError where the model has no dense layer called `head`.
 */
export function resetClassifier(
  model: tfl.LayersModel,
  numClasses: number,
  options: ResetOptions = {},
): tfl.LayersModel {
  const who = 'resetClassifier';
  checkModel(who, model);
  checkArguments(who, options, {
    seed: true,
    classifierActivation: true,
  } satisfies ArgumentNames<ResetOptions>);
  const seed = optionalSeed(who, options.seed);
  const activation = optionalOneOf(who, 'classifierActivation', options.classifierActivation, [
    'softmax',
    'sigmoid',
  ]);
  const head = model.layers.find(({name}) => name === 'head');
  if (head?.getClassName() !== 'Dense') {
    throw new ConfigError(`${who}: the model must have a dense layer called head; ${model.name} has none.`);
  }
  if (numClasses !== 0) positiveInteger(who, 'numClasses', numClasses);
  const features = head.input as Symbolic;
  const outputs =
    numClasses === 0 ? features : (classifier(numClasses, seed, activation).apply(features) as Symbolic);
  const changed = tfl.model({inputs: model.inputs, outputs, name: model.name});
  // Size and scaling of images stay; the classes are others.
  const {classNames: _, ...images} = {
    ...(model.getUserDefinedMetadata() as {classNames?: string[]} | undefined),
  };
  changed.setUserDefinedMetadata(images);
  return changed;
}

/**
 * Freezes the patches and the first stages of a Swin Transformer; later stages are set to train.
 *
 * @param model A model of this file.
 * @param stages How many stages are frozen, with the merging after each; 0 freezes nothing.
 * @throws ConfigError for a number of stages that the model has not.
 */
export function freezeStages(model: tfl.LayersModel, stages: number): void {
  checkModel('freezeStages', model);
  const names = model.layers.map(({name}) => name);
  const count = names.filter((name) => /^layers\.\d+$/.test(name)).length;
  checkNumber('freezeStages', 'stages', stages, wholeNumber(0, count));
  for (const layer of model.layers) {
    const stage = /^layers\.(\d+)(\.downsample)?$/.exec(layer.name);
    if (stage) layer.trainable = Number(stage[1]) >= stages;
    else if (layer.name === 'patch_embed' || layer.name === 'absolute_pos') layer.trainable = stages === 0;
  }
}

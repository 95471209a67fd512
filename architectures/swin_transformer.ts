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
import {positiveInteger, rate, type Size, sizePair} from '../layers/arguments.js';
import {
  absolutePosition,
  ConfigError,
  type DataFormat,
  layerNormalization,
  patchEmbed,
  patchMerging,
  type SwinTArgs,
  swinT,
} from '../layers/index.js';

export interface SwinBackboneArgs {
  /** Height and width that the model is meant for: of the position embedding and of the summary. Default 224. */
  imageSize?: Size;
  /** Channels of an image. Default 3. */
  inChannels?: number;
  /** Pixels of a patch. Default 4. */
  patchSize?: Size;
  /** Channels of stage 0. Default 96. */
  embedDim?: number;
  /** Blocks of each stage, even. Default [2, 2, 6, 2]. */
  depths?: number[];
  /** Attention heads of each stage. Default [3, 6, 12, 24]. */
  numHeads?: number[];
  /** Cells of a window, one for all stages or one per stage. Default 7, and 8 for 'v2'. */
  windowSize?: Size | Size[];
  /** For 'v2': window that the bias network was trained with, one for all stages or one per stage. Default windowSize. */
  pretrainedWindowSize?: Size | Size[];
  /** Default 'v1'. */
  variant?: 'v1' | 'v2';
  /** Hidden width of the MLPs as a multiple of the channels. Default 4. */
  mlpRatio?: number;
  qkvBias?: boolean;
  /** Whether a layer norm follows the patches. Default true. */
  patchNorm?: boolean;
  /** Whether a learned vector is added to every cell after the patches. Default false. */
  absolutePosition?: boolean;
  /** Dropout rate of the patches and after each projection. Default 0. */
  dropout?: number;
  /** Dropout rate of the attention weights. Default 0. */
  attentionDropout?: number;
  /** Drop-path rate of the last block. Default 0.1. */
  dropPath?: number;
  /** Cells added so that windows fit: never attended, or attended as torchvision does. Default 'masked'. */
  padding?: 'masked' | 'attended';
  /** Where the channels are, of the image and of the maps that come out. Default 'channelsFirst'. */
  dataFormat?: DataFormat;
  /** Makes the initial weights and every dropout repeatable. */
  seed?: number;
  /** Name of the model. */
  name?: string;
}

export interface SwinTransformerArgs extends SwinBackboneArgs {
  /** Classes; 0 for the features before the head. Default 1000. */
  numClasses?: number;
  /** Dropout rate before the head. Default 0. */
  headDropout?: number;
  /** Activation of the head. Default: none, logits. */
  classifierActivation?: 'softmax' | 'sigmoid';
}

type Symbolic = tfl.SymbolicTensor;

interface Plan {
  who: string;
  args: SwinBackboneArgs;
  embedDim: number;
  depths: number[];
  numHeads: number[];
  windows: [number, number][];
  pretrained: [number, number][];
  variant: 'v1' | 'v2';
  dropPath: number[];
  nextSeed: () => number | undefined;
}

/** One size for all stages, or one for each. */
function perStage(who: string, name: string, given: Size | Size[], stages: number): [number, number][] {
  // Two numbers are a window of two sides; a list of windows is told from it by its length or by what is in it.
  const list = Array.isArray(given) && (given.length !== 2 || given.some(Array.isArray));
  if (!list) {
    const one = sizePair(who, name, given as Size);
    return Array.from({length: stages}, () => one);
  }
  const sizes = given as Size[];
  if (sizes.length !== stages) {
    throw new ConfigError(
      `${who}: ${name} must be one size or one per stage (${stages}); got ${JSON.stringify(given)}.`,
    );
  }
  return sizes.map((size) => sizePair(who, name, size));
}

function planOf(who: string, args: SwinBackboneArgs): Plan {
  const {embedDim = 96, depths = [2, 2, 6, 2], numHeads = [3, 6, 12, 24], variant = 'v1'} = args;
  if (variant !== 'v1' && variant !== 'v2') {
    throw new ConfigError(`${who}: variant must be one of v1, v2; got ${JSON.stringify(variant)}.`);
  }
  positiveInteger(who, 'embedDim', embedDim);
  if (depths.length === 0 || numHeads.length !== depths.length) {
    throw new ConfigError(
      `${who}: depths and numHeads must have one number per stage; got ${JSON.stringify(depths)} and ` +
        `${JSON.stringify(numHeads)}.`,
    );
  }
  const total = depths.reduce((a, b) => a + b, 0);
  const last = rate(who, 'dropPath', args.dropPath ?? 0.1);
  const windowSize = args.windowSize ?? (variant === 'v2' ? 8 : 7);
  const windows = perStage(who, 'windowSize', windowSize, depths.length);
  let seeds = 0;
  return {
    who,
    args,
    embedDim,
    depths,
    numHeads,
    windows,
    pretrained: perStage(who, 'pretrainedWindowSize', args.pretrainedWindowSize ?? windows, depths.length),
    variant,
    dropPath: Array.from({length: total}, (_, i) => (last * i) / Math.max(total - 1, 1)),
    // Steps of a thousand: a stage counts up from its seed, one per weight.
    nextSeed: () => (args.seed === undefined ? undefined : args.seed + 1000 * ++seeds),
  };
}

/** The image, and its patches [B, H, W, C] with their positions. */
function patches(plan: Plan): {image: Symbolic; map: Symbolic} {
  const {who, args, embedDim, nextSeed} = plan;
  const {imageSize = 224, inChannels = 3, patchSize = 4, dataFormat = 'channelsFirst'} = args;
  const [height, width] = sizePair(who, 'imageSize', imageSize);
  const [patchHeight, patchWidth] = sizePair(who, 'patchSize', patchSize);
  const first = dataFormat === 'channelsFirst';
  // Only the channels are fixed.
  const image = tfl.input({
    name: 'image',
    shape: first ? [inChannels, null, null] : [null, null, inChannels],
  });
  let x = first
    ? (tfl.layers.permute({name: 'to_channels_last', dims: [2, 3, 1]}).apply(image) as Symbolic)
    : image;
  const format = {dataFormat: 'channelsLast', seed: nextSeed()} as const;
  const {patchNorm = true, dropout = 0} = args;
  const kernelInitializer = narrow(format.seed);
  x = patchEmbed({name: 'patch_embed', embedDim, patchSize, patchNorm, kernelInitializer, ...format}).apply(
    x,
  ) as Symbolic;
  if (args.absolutePosition) {
    const mapSize: [number, number] = [Math.ceil(height / patchHeight), Math.ceil(width / patchWidth)];
    const seed = nextSeed();
    x = absolutePosition({
      name: 'absolute_pos',
      mapSize,
      dataFormat: 'channelsLast',
      seed,
      kernelInitializer: narrow(seed),
    }).apply(x) as Symbolic;
  }
  if (dropout > 0)
    x = tfl.layers.dropout({name: 'pos_drop', rate: dropout, seed: nextSeed()}).apply(x) as Symbolic;
  return {image, map: x};
}

const narrow = (seed: number | undefined) => tfl.initializers.truncatedNormal({stddev: 0.02, seed});

/** The map of each stage, before the merging that follows it. */
function stages(plan: Plan, map: Symbolic): Symbolic[] {
  const {args, depths, numHeads, windows, pretrained, variant, dropPath, nextSeed} = plan;
  const {mlpRatio, qkvBias, dropout, attentionDropout, padding} = args;
  const given = Object.fromEntries(
    Object.entries({mlpRatio, qkvBias, dropout, attentionDropout, padding}).filter(
      ([, value]) => value !== undefined,
    ),
  ) as Partial<SwinTArgs>;
  const maps: Symbolic[] = [];
  let x = map;
  let block = 0;
  depths.forEach((depth, i) => {
    if (i > 0) {
      const seed = nextSeed();
      x = patchMerging({
        name: `layers.${i - 1}.downsample`,
        norm: variant === 'v2' ? 'post' : 'pre',
        dataFormat: 'channelsLast',
        seed,
        kernelInitializer: narrow(seed),
      }).apply(x) as Symbolic;
    }
    const seed = nextSeed();
    x = swinT({
      name: `layers.${i}`,
      depth,
      numHeads: numHeads[i],
      windowSize: windows[i],
      ...(variant === 'v2' ? {pretrainedWindowSize: pretrained[i]} : {}),
      variant,
      dropPath: dropPath.slice(block, block + depth),
      dataFormat: 'channelsLast',
      seed,
      kernelInitializer: narrow(seed),
      ...given,
    }).apply(x) as Symbolic;
    block += depth;
    maps.push(x);
  });
  return maps;
}

/**
 * A Swin Transformer classifier, or, with `numClasses: 0`, its features.
 *
 * @param args See SwinTransformerArgs; the defaults are those of Swin-T without its drop-path rate of 0.2.
 * @returns A LayersModel from images [B, 3, H, W] to logits [B, numClasses] or features [B, C].
 * @throws ConfigError for arguments that can never work.
 */
export function swinTransformer(args: SwinTransformerArgs = {}): tfl.LayersModel {
  const plan = planOf('swinTransformer', args);
  const {numClasses = 1000, headDropout = 0, classifierActivation: activation} = args;
  if (numClasses !== 0) positiveInteger(plan.who, 'numClasses', numClasses);
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
  return tfl.model({inputs: image, outputs: head.apply(x) as Symbolic, name});
}

function classifier(units: number, seed: number | undefined, activation?: 'softmax' | 'sigmoid') {
  return tfl.layers.dense({name: 'head', units, activation, kernelInitializer: narrow(seed)});
}

/**
 * The pyramid of maps of a Swin Transformer, each after a layer norm of its own (`norm0`, `norm1`, ...).
 *
 * @param args As for swinTransformer; outStages: the stages whose maps come out, default all.
 * @returns A LayersModel from images [B, 3, H, W] to maps [B, C_i, H / s_i, W / s_i], s_i = patchSize 2^i; a single tensor
 *   where there is one map.
 * @throws ConfigError for arguments that can never work.
 */
export function swinBackbone(args: SwinBackboneArgs & {outStages?: number[]} = {}): tfl.LayersModel {
  const plan = planOf('swinBackbone', args);
  const {outStages = plan.depths.map((_, i) => i), dataFormat = 'channelsFirst'} = args;
  const known = (stage: number) => Number.isInteger(stage) && stage >= 0 && stage < plan.depths.length;
  if (outStages.length === 0 || !outStages.every(known)) {
    throw new ConfigError(
      `swinBackbone: outStages must be stages from 0 to ${plan.depths.length - 1}; got ${JSON.stringify(outStages)}.`,
    );
  }
  const {image, map} = patches(plan);
  const maps = stages(plan, map);
  const outputs = outStages.map((stage) => {
    const norm = layerNormalization({name: `norm${stage}`, dataFormat: 'channelsLast'});
    const normed = norm.apply(maps[stage]) as Symbolic;
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

/** V1: images of 224 with windows of 7 or, with `imageSize: 384`, of 12. */
const v1 = (name: string, form: Form) => (args: SwinTransformerArgs) =>
  swinTransformer({...form, windowSize: args.imageSize === 384 ? 12 : 7, name, ...args});

/** V2: images of 256 with windows of 8 or, where `windowSize` says so, of 16. */
const v2 = (name: string, form: Form) => (args: SwinTransformerArgs) =>
  swinTransformer({...form, variant: 'v2', imageSize: 256, windowSize: 8, name, ...args});

/** Swin-T: 28,288,354 parameters for 1000 classes. Arguments as for swinTransformer; `imageSize: 384` has windows of 12. */
export const swinTiny = (args: SwinTransformerArgs = {}) => v1('swin_tiny', TINY)(args);
/** Swin-S: 49,606,258 parameters. */
export const swinSmall = (args: SwinTransformerArgs = {}) => v1('swin_small', SMALL)(args);
/** Swin-B: 87,768,224 parameters. */
export const swinBase = (args: SwinTransformerArgs = {}) => v1('swin_base', BASE)(args);
/** Swin-L: 196,532,476 parameters. */
export const swinLarge = (args: SwinTransformerArgs = {}) => v1('swin_large', LARGE)(args);
/** Swin V2-T for images of 256, windows of 8; `windowSize: 16` for the other published form. */
export const swinV2Tiny = (args: SwinTransformerArgs = {}) => v2('swin_v2_tiny', TINY)(args);
/** Swin V2-S. */
export const swinV2Small = (args: SwinTransformerArgs = {}) => v2('swin_v2_small', SMALL)(args);
/** Swin V2-B. */
export const swinV2Base = (args: SwinTransformerArgs = {}) => v2('swin_v2_base', BASE)(args);
/** Swin V2-L. */
export const swinV2Large = (args: SwinTransformerArgs = {}) => v2('swin_v2_large', LARGE)(args);

/**
 * Swin for 32x32 images: patches of 2, width 192, layers 2-6-2, heads 3-6-12, windows of 7 (clamped on small maps), MLPs as
 * wide as the map.
 */
export const swinCifar = (args: SwinTransformerArgs = {}) =>
  swinTransformer({
    ...{imageSize: 32, patchSize: 2, embedDim: 192, depths: [2, 6, 2], numHeads: [3, 6, 12], mlpRatio: 1},
    ...{numClasses: 10, dropPath: 0, name: 'swin_cifar'},
    ...args,
  });

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
  {seed, classifierActivation}: {seed?: number; classifierActivation?: 'softmax' | 'sigmoid'} = {},
): tfl.LayersModel {
  const who = 'resetClassifier';
  const head = model.layers.find(({name}) => name === 'head');
  if (head?.getClassName() !== 'Dense') {
    throw new ConfigError(`${who}: the model must have a dense layer called head; ${model.name} has none.`);
  }
  if (numClasses !== 0) positiveInteger(who, 'numClasses', numClasses);
  const features = head.input as Symbolic;
  const outputs =
    numClasses === 0
      ? features
      : (classifier(numClasses, seed, classifierActivation).apply(features) as Symbolic);
  return tfl.model({inputs: model.inputs, outputs, name: model.name});
}

/**
 * Freezes the patches and the first stages of a Swin Transformer; later stages are set to train.
 *
 * @param model A model of this file.
 * @param stages How many stages are frozen, with the merging after each; 0 freezes nothing.
 * @throws ConfigError for a number of stages that the model has not.
 */
export function freezeStages(model: tfl.LayersModel, stages: number): void {
  const names = model.layers.map(({name}) => name);
  const count = names.filter((name) => /^layers\.\d+$/.test(name)).length;
  if (!Number.isInteger(stages) || stages < 0 || stages > count) {
    throw new ConfigError(`freezeStages: stages must be from 0 to ${count}; got ${stages}.`);
  }
  for (const layer of model.layers) {
    const stage = /^layers\.(\d+)(\.downsample)?$/.exec(layer.name);
    if (stage) layer.trainable = Number(stage[1]) >= stages;
    else if (layer.name === 'patch_embed' || layer.name === 'absolute_pos') layer.trainable = stages === 0;
  }
}

/**
 * What the networks of Swin Transformers share: their arguments, the patches of an image, and the stages.
 *
 *   image -> PatchEmbed [-> AbsolutePosition] -> dropout -> stage 0 -> PatchMerging -> stage 1 -> ... -> stage n - 1
 *
 *   stage i: depths[i] blocks over embedDim 2^i channels, numHeads[i] heads. Drop-path grows linearly over all blocks.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {
  COUNT,
  checkNumbers,
  flag,
  oneOf,
  optionalSeed,
  positiveInteger,
  rate,
  type Size,
  sizePair,
  wholeNumber,
} from '../kernels/common/arguments.js';
import {checkDataFormat} from '../kernels/common/data_format.js';
import {defined} from '../kernels/common/defined.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {
  absolutePosition,
  ConfigError,
  type DataFormat,
  patchEmbed,
  patchMerging,
  type ShiftRule,
  type SwinTArgs,
  swinT,
} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import {dropPathRates, seedCounter} from './block_plan.js';

export interface SwinBackboneArgs {
  /** Height and width that the model is meant for: of the position embedding and of the summary. Default 224. */
  imageSize?: Size;
  /** Channels of an image. Default 3. */
  inChannels?: number;
  /** Pixels of a patch. Default 4. */
  patchSize?: Size;
  /** Channels of stage 0. Default 96. */
  embedDim?: number;
  /** Blocks of each stage, even; 0 for the merging alone. Default [2, 2, 6, 2]. */
  depths?: number[];
  /** Whether depths may be odd, as in some published networks. Default false. */
  oddDepths?: boolean;
  /** Attention heads of each stage. Default [3, 6, 12, 24]. */
  numHeads?: number[];
  /**
   * Cells of a window, one for all stages or one per stage. Default 7, and 8 for 'v2'. One for all stages of 'v2' is, on
   * each axis, at most the stage's map of an image of imageSize: the coordinates of its bias network are relative to that.
   */
  windowSize?: Size | Size[];
  /** For 'v2': window that the bias network was trained with, one for all stages or one per stage. Default windowSize. */
  pretrainedWindowSize?: Size | Size[];
  /** Default 'v1'. */
  variant?: 'v1' | 'v2';
  /** Hidden width of the MLPs as a multiple of the channels. Default 4. */
  mlpRatio?: number;
  qkvBias?: boolean;
  /** Factor of the dot products of 'v1'. Default: head size to the power -0.5. */
  qkScale?: number;
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
  /** When windows shift, for all stages or for each: 'perAxis', 'joint' or 'none', see SwinTArgs. Default 'perAxis'. */
  shiftRule?: ShiftRule | ShiftRule[];
  /** How kernels start, but those that give the classes. Default: Swin's truncated normal of deviation 0.02. */
  kernelInitializer?: SwinTArgs['kernelInitializer'];
  /** Where the channels are, of the image and of the maps that come out. Default 'channelsFirst'. */
  dataFormat?: DataFormat;
  /** Makes the initial weights and every dropout repeatable. */
  seed?: number;
  /** Name of the model. */
  name?: string;
}

export const BACKBONE_ARGUMENTS = {
  ...{imageSize: true, inChannels: true, patchSize: true, embedDim: true, depths: true, numHeads: true},
  ...{
    windowSize: true,
    pretrainedWindowSize: true,
    variant: true,
    mlpRatio: true,
    qkvBias: true,
    qkScale: true,
    oddDepths: true,
    shiftRule: true,
    patchNorm: true,
  },
  ...{absolutePosition: true, dropout: true, attentionDropout: true, dropPath: true, padding: true},
  ...{kernelInitializer: true, dataFormat: true, seed: true, name: true},
} as const satisfies ArgumentNames<SwinBackboneArgs>;

const HINTS = {
  inputShape: 'give imageSize and inChannels',
  depth: 'give depths, the blocks of each stage',
  downsample: 'every stage but the first halves the map',
};

/** The arguments, checked and filled in. */
export interface Plan {
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
  if (isOneWindow(given)) {
    const one = sizePair(who, name, given);
    return Array.from({length: stages}, () => one);
  }
  const sizes = given;
  if (sizes.length !== stages) {
    throw new ConfigError(
      `${who}: ${name} must be one size or one per stage (${stages}); got ${showValue(given)}.`,
    );
  }
  return sizes.map((size) => sizePair(who, name, size));
}

/** Cells of an axis in a stage as timm, microsoft and transformers count them when they build: rounded down. */
export const stageCells = (pixels: number, patch: number, stage: number): number =>
  Math.max(1, Math.floor(pixels / (patch * 2 ** stage)));

/**
 * Windows, clamped to the maps that images of one size have in the stages, as timm and microsoft build them.
 *
 * @param patch Pixels of a cell of stage 0.
 */
export function clampWindows(
  windows: readonly [number, number][],
  image: readonly [number, number],
  patch: readonly [number, number],
): [number, number][] {
  return windows.map(([rows, columns], stage) => [
    Math.min(rows, stageCells(image[0], patch[0], stage)),
    Math.min(columns, stageCells(image[1], patch[1], stage)),
  ]);
}

/** Whether one window is given for all stages: two numbers are one of two sides, a list of windows is told by its content. */
export const isOneWindow = (given: Size | Size[]): given is Size =>
  !Array.isArray(given) || (given.length === 2 && !given.some(Array.isArray));

/** @throws ConfigError for arguments that can never work, whatever network has them. */
function checkBackbone(who: string, args: SwinBackboneArgs): void {
  positiveInteger(who, 'embedDim', args.embedDim ?? 96);
  positiveInteger(who, 'inChannels', args.inChannels ?? 3);
  sizePair(who, 'imageSize', args.imageSize ?? 224);
  sizePair(who, 'patchSize', args.patchSize ?? 4);
  oneOf(who, 'variant', args.variant ?? 'v1', ['v1', 'v2']);
  checkDataFormat(who, args.dataFormat ?? 'channelsFirst');
  rate(who, 'dropout', args.dropout ?? 0);
  for (const name of ['qkvBias', 'patchNorm', 'absolutePosition', 'oddDepths'] as const)
    flag(who, name, args[name], false);
  optionalSeed(who, args.seed);
}

/**
 * @param given The caller's arguments.
 * @param known The names of what the network takes.
 * @param defaults Where they are not those of SwinBackboneArgs.
 * @throws ConfigError for arguments that can never work.
 */
export function planOf(
  who: string,
  given: SwinBackboneArgs,
  known: Readonly<Record<string, true>>,
  defaults: SwinBackboneArgs = {},
): Plan {
  checkArguments(who, given, known, HINTS);
  const args = {...defaults, ...given};
  checkBackbone(who, args);
  const {embedDim = 96, depths = [2, 2, 6, 2], numHeads = [3, 6, 12, 24], variant = 'v1'} = args;
  if (
    !Array.isArray(depths) ||
    !Array.isArray(numHeads) ||
    depths.length === 0 ||
    numHeads.length !== depths.length
  ) {
    throw new ConfigError(
      `${who}: depths and numHeads must have one number per stage; got ${showValue(depths)} and ` +
        `${showValue(numHeads)}.`,
    );
  }
  const stages = {count: depths.length, per: 'stage'};
  checkNumbers(who, 'depths', depths, {...stages, rule: wholeNumber(0)});
  checkNumbers(who, 'numHeads', numHeads, {...stages, rule: COUNT});
  const total = depths.reduce((a, b) => a + b, 0);
  if (Array.isArray(args.shiftRule) && args.shiftRule.length !== depths.length) {
    throw new ConfigError(
      `${who}: shiftRule must be one rule or one per stage (${depths.length}); got ${showValue(args.shiftRule)}.`,
    );
  }
  const last = rate(who, 'dropPath', args.dropPath ?? 0.1);
  const windowSize = args.windowSize ?? (variant === 'v2' ? 8 : 7);
  const asked = perStage(who, 'windowSize', windowSize, depths.length);
  const [image, patch] = [
    sizePair(who, 'imageSize', args.imageSize ?? 224),
    sizePair(who, 'patchSize', args.patchSize ?? 4),
  ];
  const windows = variant === 'v2' && isOneWindow(windowSize) ? clampWindows(asked, image, patch) : asked;
  return {
    who,
    args,
    embedDim,
    depths,
    numHeads,
    windows,
    pretrained: perStage(who, 'pretrainedWindowSize', args.pretrainedWindowSize ?? windows, depths.length),
    variant,
    dropPath: dropPathRates(last, total),
    nextSeed: seedCounter(args.seed),
  };
}

/** Layers between the image and its patches. */
interface Stem {
  apply: (pixels: Symbolic) => Symbolic;
  /** Pixels that a cell of its map stands for, on each axis. */
  stride: number;
}

/** The model's input, the same as [B, H, W, C], and its patches with their positions. */
export function patches(plan: Plan, stem?: Stem): {image: Symbolic; pixels: Symbolic; map: Symbolic} {
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
  const pixels = first
    ? (tfl.layers.permute({name: 'to_channels_last', dims: [2, 3, 1]}).apply(image) as Symbolic)
    : image;
  const format = {dataFormat: 'channelsLast', seed: nextSeed()} as const;
  const {patchNorm = true, dropout = 0} = args;
  const kernelInitializer = kernelStart(plan, format.seed);
  let x = patchEmbed({
    name: 'patch_embed',
    embedDim,
    patchSize: stem ? [patchHeight / stem.stride, patchWidth / stem.stride] : patchSize,
    patchNorm,
    kernelInitializer,
    ...format,
  }).apply(stem ? stem.apply(pixels) : pixels) as Symbolic;
  if (args.absolutePosition) {
    const mapSize: [number, number] = [Math.ceil(height / patchHeight), Math.ceil(width / patchWidth)];
    const seed = nextSeed();
    x = absolutePosition({
      name: 'absolute_pos',
      mapSize,
      dataFormat: 'channelsLast',
      seed,
      kernelInitializer: kernelStart(plan, seed),
    }).apply(x) as Symbolic;
  }
  if (dropout > 0)
    x = tfl.layers.dropout({name: 'pos_drop', rate: dropout, seed: nextSeed()}).apply(x) as Symbolic;
  return {image, pixels, map: x};
}

/** Swin's start of kernels. */
export const narrow = (seed: number | undefined): ReturnType<typeof tfl.initializers.zeros> =>
  tfl.initializers.truncatedNormal({stddev: 0.02, seed});

/** How the kernels of a layer start: as the caller says, or as in Swin. */
export const kernelStart = (
  {args}: Plan,
  seed: number | undefined,
): NonNullable<SwinBackboneArgs['kernelInitializer']> => args.kernelInitializer ?? narrow(seed);

/** What the blocks of stage `i` have, on the way down and up. */
export function stageArgs(plan: Plan, i: number, seed: number | undefined): SwinTArgs {
  const {args, numHeads, windows, pretrained, variant} = plan;
  const {mlpRatio, qkvBias, qkScale, dropout, attentionDropout, padding, shiftRule, oddDepths} = args;
  return {
    numHeads: numHeads[i],
    windowSize: windows[i],
    ...(variant === 'v2' ? {pretrainedWindowSize: pretrained[i]} : {}),
    variant,
    dataFormat: 'channelsLast',
    seed,
    kernelInitializer: kernelStart(plan, seed),
    ...defined({mlpRatio, qkvBias, qkScale, dropout, attentionDropout, padding}),
    ...defined({oddDepth: oddDepths, shiftRule: Array.isArray(shiftRule) ? shiftRule[i] : shiftRule}),
  };
}

/** The maps of a stage before and after its blocks. */
export interface StageMaps {
  input: Symbolic;
  output: Symbolic;
}

/** The map of each stage, before the merging that follows it. */
export const stages = (plan: Plan, map: Symbolic): Symbolic[] =>
  stageMaps(plan, map).map(({output}) => output);

/** The maps of each stage, after the merging before it and before the merging that follows it. */
export function stageMaps(plan: Plan, map: Symbolic): StageMaps[] {
  const {depths, variant, dropPath, nextSeed} = plan;
  const maps: StageMaps[] = [];
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
        kernelInitializer: kernelStart(plan, seed),
      }).apply(x) as Symbolic;
    }
    const rates = dropPath.slice(block, block + depth);
    const stage = {...stageArgs(plan, i, nextSeed()), name: `layers.${i}`, depth, dropPath: rates};
    const input = x;
    if (depth !== 0) x = swinT(stage).apply(x) as Symbolic;
    block += depth;
    maps.push({input, output: x});
  });
  return maps;
}

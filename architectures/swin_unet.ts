/**
 * Swin-UNet: a Swin Transformer that goes down, one that comes up again, and skip connections between them.
 *
 *   [levels down:  convolutions of the image, at the full resolution, a half, ...]
 *   down:   PatchEmbed, stage 0, PatchMerging, stage 1, ..., stage n - 1, LN         (as in swin_transformer.ts)
 *   up, for i = n - 2 to 0:  PatchExpanding -> crop to stage i's map -> concat with it -> 1x1 -> stage of blocks
 *                            (stage i's map: what comes out of its blocks, or with skips 'stageInput' what goes into them)
 *   end:    LN -> PatchExpanding by the patch size -> crop to the image [or levels up] -> 1x1 to classes
 *
 *   [B, 3, H, W] to logits [B, numClasses, H, W], for any H and W
 *
 * With `convolutions` it is a hybrid: convolutions where the resolution is high and windows would cost most, SwinT below
 * (convolution_levels.ts). From few images that learns soonest.
 *
 * Layers are called as in HuCaoFighting/Swin-Unet: `layers.i` down, `layers_up.d` up (d counts from the deepest),
 * `concat_back_dim.d`, `norm`, `norm_up`, `up`, `output`.
 *
 * Source: Cao et al. 2021, "Swin-Unet: Unet-like Pure Transformer for Medical Image Segmentation".
 */
import * as tfl from '@tensorflow/tfjs-layers';
import {oneOf, positiveInteger, sizePair} from '../kernels/common/arguments.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {ConfigError, cropLike, layerNormalization, patchExpanding, swinT} from '../layers/index.js';
import type {Symbolic} from '../layers/tfjs_types.js';
import {checkModel} from './check_model.js';
import {checkLevels, levelsDown, levelsUp} from './convolution_levels.js';
import {
  BACKBONE_ARGUMENTS,
  kernelStart,
  narrow,
  type Plan,
  patches,
  planOf,
  type SwinBackboneArgs,
  stageArgs,
  stageMaps,
} from './swin_parts.js';

/** Where skip connections begin: after a stage's blocks or before them. */
export type Skips = 'stageOutput' | 'stageInput';

export interface SwinUNetArgs extends SwinBackboneArgs {
  /** Classes of a pixel; required. */
  numClasses: number;
  /** Blocks of the stages on the way up, for each map of the way down but the last, even. Default those of the way down. */
  decoderDepths?: number[];
  /**
   * What a skip connection carries: the map after the blocks of a stage, or before them as in HuCaoFighting/Swin-Unet, whose
   * trained weights need it. Default 'stageOutput'.
   */
  skips?: Skips;
  /**
   * Channels of 3x3 convolutions at the full resolution; or such a list for the full resolution, a half, a quarter and so on.
   * The patches are made of the last one's map, and each has a skip connection. Default none: a pure Swin-UNet.
   */
  convolutions?: number[] | number[][];
}

const ARGUMENTS = {
  ...BACKBONE_ARGUMENTS,
  ...{numClasses: true, decoderDepths: true, skips: true, convolutions: true},
} as const satisfies ArgumentNames<SwinUNetArgs>;

const concat = (name: string, maps: Symbolic[]) =>
  tfl.layers.concatenate({name, axis: -1}).apply(maps) as Symbolic;

/** Widths of the convolutions at one resolution after the other. */
function levelsOf({convolutions = []}: SwinUNetArgs): number[][] {
  if (!Array.isArray(convolutions)) {
    throw new ConfigError(
      `swinUNet: convolutions must be widths, or one list of widths per resolution; got ${showValue(convolutions)}.`,
    );
  }
  if (convolutions.length === 0) return [];
  return convolutions.some(Array.isArray) ? (convolutions as number[][]) : [convolutions as number[]];
}

/** The stage `d` on the way up, at the resolution of `stage` on the way down, whose map is joined to it. */
function stageUp(
  plan: Plan,
  {stage, d, depth}: {stage: number; d: number; depth: number},
  below: Symbolic,
  skip: Symbolic,
): Symbolic {
  const {embedDim, nextSeed} = plan;
  const seeds = [nextSeed(), nextSeed(), nextSeed()];
  let x = patchExpanding({
    ...{name: `layers_up.${d}.expand`, dataFormat: 'channelsLast', seed: seeds[0]},
    kernelInitializer: kernelStart(plan, seeds[0]),
  }).apply(below) as Symbolic;
  x = cropLike({name: `layers_up.${d}.crop`}).apply([x, skip]) as Symbolic;
  x = concat(`layers_up.${d}.concat`, [x, skip]);
  const reduce = {name: `concat_back_dim.${d}`, filters: embedDim * 2 ** stage, kernelSize: 1};
  x = tfl.layers.conv2d({...reduce, kernelInitializer: kernelStart(plan, seeds[1])}).apply(x) as Symbolic;
  return swinT({...stageArgs(plan, stage, seeds[2]), name: `layers_up.${d}`, depth}).apply(x) as Symbolic;
}

/**
 * A Swin-UNet.
 *
 * @param args See SwinUNetArgs; numClasses is required, depths default to [2, 2, 2, 2].
 * @returns A LayersModel from images [B, 3, H, W] to logits [B, numClasses, H, W].
 * @throws ConfigError for arguments that can never work.
 */
export function swinUNet(args: SwinUNetArgs): tfl.LayersModel {
  const plan = planOf('swinUNet', args, ARGUMENTS, {depths: [2, 2, 2, 2]});
  const {who, depths, embedDim, nextSeed} = plan;
  const {numClasses, decoderDepths = depths.slice(0, -1)} = args;
  positiveInteger(who, 'numClasses', numClasses);
  const levels = levelsOf(args);
  if (!Array.isArray(decoderDepths) || decoderDepths.length !== depths.length - 1) {
    throw new ConfigError(
      `${who}: decoderDepths must be ${depths.length - 1} numbers, one per skip connection; got ` +
        `${showValue(decoderDepths)}.`,
    );
  }
  const {patchSize = 4, dataFormat = 'channelsFirst', skips = 'stageOutput'} = args;
  oneOf(who, 'skips', skips, ['stageOutput', 'stageInput']);
  const scale = Array.isArray(patchSize) ? patchSize[0] : patchSize;
  if (Array.isArray(patchSize) && patchSize[1] !== scale) {
    throw new ConfigError(`${who}: patchSize must be the same on both axes; got ${showValue(patchSize)}.`);
  }
  checkLevels(who, levels, scale);
  const stride = 2 ** Math.max(levels.length - 1, 0);
  let levelMaps: Symbolic[] = [];
  const down = (pixels: Symbolic) => {
    levelMaps = levelsDown(levels, pixels, nextSeed);
    return levelMaps[levelMaps.length - 1];
  };
  const {image, pixels, map} = patches(plan, levels.length > 0 ? {stride, apply: down} : undefined);
  const maps = stageMaps(plan, map);
  const deepest = maps.length - 1;
  let x = layerNormalization({name: 'norm', dataFormat: 'channelsLast'}).apply(
    maps[deepest].output,
  ) as Symbolic;
  for (let stage = deepest - 1, d = 0; stage >= 0; stage--, d++) {
    const skip = skips === 'stageInput' ? maps[stage].input : maps[stage].output;
    x = stageUp(plan, {stage, d, depth: decoderDepths[stage]}, x, skip);
  }
  x = layerNormalization({name: 'norm_up', dataFormat: 'channelsLast'}).apply(x) as Symbolic;
  if (levels.length > 0) {
    x = levelsUp(levels, x, levelMaps, scale / stride, nextSeed);
  } else {
    const seed = nextSeed();
    const end = {name: 'up', scale, outChannels: embedDim, dataFormat: 'channelsLast', seed} as const;
    x = patchExpanding({...end, kernelInitializer: kernelStart(plan, seed)}).apply(x) as Symbolic;
    x = cropLike({name: 'up.crop'}).apply([x, pixels]) as Symbolic;
  }
  const classify = {name: 'output', filters: numClasses, kernelSize: 1, useBias: levels.length > 0};
  x = tfl.layers.conv2d({...classify, kernelInitializer: narrow(nextSeed())}).apply(x) as Symbolic;
  if (dataFormat === 'channelsFirst') {
    x = tfl.layers.permute({name: 'to_channels_first', dims: [3, 1, 2]}).apply(x) as Symbolic;
  }
  const model = tfl.model({inputs: image, outputs: x, name: args.name ?? 'swin_unet'});
  // The input leaves the size open; saveWeights writes masks for this one.
  if (args.imageSize !== undefined) {
    model.setUserDefinedMetadata({imageSize: sizePair(who, 'imageSize', args.imageSize)});
  }
  return model;
}

/** Where the skip connections of a Swin-UNet begin; undefined for another model. */
export function skipsOf(model: tfl.LayersModel): Skips | undefined {
  const joins = model.layers.filter(({name}) => /^layers_up\.\d+\.concat$/.test(name));
  if (joins.length === 0) return undefined;
  const starts = joins.map((layer) => (layer.input as Symbolic[])[1].sourceLayer.name);
  return starts.some((name) => /^layers\.\d+$/.test(name)) ? 'stageOutput' : 'stageInput';
}

/**
 * Starts the stages on the way up from those of the same width on the way down, as the paper does after loading a
 * classifier's weights into the latter.
 *
 * @param model A model of `swinUNet`.
 * @returns The names of the layers that were set; a stage with another number of blocks is left as it is.
 * @throws ConfigError for another model.
 */
export function decoderFromEncoder(model: tfl.LayersModel): string[] {
  checkModel('decoderFromEncoder', model);
  const names = model.layers.map(({name}) => name);
  const stageNames = names.filter((name) => /^layers\.\d+$/.test(name));
  if (!names.includes(`layers_up.${Math.max(stageNames.length - 2, 0)}`) && stageNames.length !== 1) {
    throw new ConfigError(
      `decoderFromEncoder: the model must be one of swinUNet, with a stage up for each down; got ${model.name}.`,
    );
  }
  const set: string[] = [];
  for (let stage = stageNames.length - 2, d = 0; stage >= 0; stage--, d++) {
    const [down, up] = [model.getLayer(`layers.${stage}`), model.getLayer(`layers_up.${d}`)];
    if (down.getConfig().depth !== up.getConfig().depth) continue;
    up.setWeights(down.getWeights());
    set.push(up.name);
  }
  return set;
}

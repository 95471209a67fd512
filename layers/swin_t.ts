/**
 * SwinT: a Swin Transformer stage that goes wherever a Conv2D goes.
 *
 *   blocks with W-MSA and SW-MSA in turn, then
 *   downsample:              PatchMerging to [ceil(H/2), ceil(W/2)] and outChannels
 *   outChannels != input's:  a 1x1 projection with bias, and with `projection` wherever there is no merging
 *   else:                    nothing
 *
 *   [B, C, H, W] to [B, outChannels, H, W] or [B, outChannels, ceil(H/2), ceil(W/2)]  (channelsFirst)
 *
 * Any H and W, known or not until the call. A window larger than the map is clamped per axis and loses its shift;
 * with padding 'attended' the map is padded instead, as torchvision does.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3; Liu et al. 2022, "Swin Transformer V2".
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  flag,
  oneOf,
  positiveInteger,
  rate,
  type Size,
  sameOr,
  sizePair,
} from '../kernels/common/arguments.js';
import {defined} from '../kernels/common/defined.js';
import {ConfigError, ShapeError} from '../kernels/common/errors.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {showValue} from '../kernels/common/show_value.js';
import {linear} from '../kernels/index.js';
import {CONV2D_HINTS} from './layer_arguments.js';
import {type KnownMapShape, MAP_ARGUMENTS, MapLayer, type MapLayerArgs, type MapShape} from './map_layer.js';
import {outChannelsOf} from './out_channels.js';
import {linearParameters, type ParameterSpec, type ParameterValues, prefixed} from './parameters.js';
import {mergedShape, mergePatches, mergingMultiplyAdds, mergingParameters} from './patch_merging.js';
import {
  BLOCK_ARGUMENTS,
  type BlockArgs,
  type BlockConfig,
  blockConfig,
  blockMultiplyAdds,
  blockParameters,
  checkChannels,
  halfWindow,
  savedBlock,
  transformerBlock,
} from './swin_block.js';

/** When the windows of every other block shift. */
export type ShiftRule = 'perAxis' | 'joint' | 'none';

export const SHIFT_RULES: readonly ShiftRule[] = ['perAxis', 'joint', 'none'];

export interface SwinTArgs extends BlockArgs, MapLayerArgs {
  /** Output channels. Default: the input's. */
  outChannels?: number;
  /** Conv2D's name for outChannels. */
  filters?: number;
  /** Checked against the input where given; never needed. */
  inChannels?: number;
  /** Height and width, checked against the input where given; never needed. */
  inputResolution?: Size;
  /** Blocks, W-MSA and SW-MSA alternating; even. Default 2. */
  depth?: number;
  /** Whether depth may be odd, as in some published networks: the last W-MSA then has no SW-MSA after it. Default false. */
  oddDepth?: boolean;
  /**
   * When windows shift: 'perAxis' on each axis that one window does not cover; 'joint' on both axes where a window covers
   * neither, as in microsoft's code and transformers' V1; 'none' never. Default 'perAxis'.
   */
  shiftRule?: ShiftRule;
  /** Whether PatchMerging halves the resolution at the end. Default false. */
  downsample?: boolean;
  /** Conv2D's name: 2 (or [2, 2]) is downsample true, 1 is false. */
  strides?: Size;
  /** Drop-path rate, one for all blocks or one per block. Default 0. */
  dropPath?: number | number[];
  /** Whether a 1x1 projection follows where the channels stay too, as in miziha's layer. Default false. */
  projection?: boolean;
}

const ARGUMENTS = {
  ...MAP_ARGUMENTS,
  ...BLOCK_ARGUMENTS,
  ...{outChannels: true, filters: true, inChannels: true, inputResolution: true},
  ...{depth: true, downsample: true, strides: true, dropPath: true, projection: true},
  ...{oddDepth: true, shiftRule: true},
} as const satisfies ArgumentNames<SwinTArgs>;

const HINTS = {
  ...CONV2D_HINTS,
  shiftSize: 'every other block shifts its windows by half their size: leave it out',
  units: 'give outChannels',
};

function downsampleOf(who: string, args: SwinTArgs): boolean {
  const downsample = flag(who, 'downsample', args.downsample, false);
  if (args.strides === undefined || args.strides === null) return downsample;
  const [rows, columns] = sizePair(who, 'strides', args.strides);
  if (rows !== columns || rows > 2) {
    throw new ConfigError(`${who}: strides must be 1 or 2 on both axes; got ${showValue(args.strides)}.`);
  }
  const asked = args.downsample === undefined || args.downsample === null ? undefined : downsample;
  return sameOr(who, ['downsample', asked], ['strides 2', rows === 2]) as boolean;
}

function depthOf(who: string, depth: number, odd: boolean): number {
  if (positiveInteger(who, 'depth', depth) % 2 !== 0 && !odd) {
    throw new ConfigError(
      `${who}: depth must be even, for W-MSA and SW-MSA come in pairs; got ${depth} (try ${depth + 1}).`,
    );
  }
  return depth;
}

function dropPathRates(who: string, dropPath: number | number[], depth: number): number[] {
  const rates = Array.isArray(dropPath) ? dropPath : Array.from({length: depth}, () => dropPath);
  if (rates.length !== depth) {
    throw new ConfigError(
      `${who}: dropPath must be one rate or one per block; got ${rates.length} rates for ${depth} blocks.`,
    );
  }
  return rates.map((value) => rate(who, 'dropPath', value));
}

export class SwinT extends MapLayer {
  static readonly className = 'SwinT';
  private readonly config: BlockConfig;
  private readonly depth: number;
  private readonly oddDepth: boolean;
  private readonly shiftRule: ShiftRule;
  private readonly dropPath: number[];
  private readonly downsample: boolean;
  private readonly projection: boolean;
  private readonly outChannels?: number;
  private readonly inChannels?: number;
  private readonly inputResolution?: [number, number];

  constructor(args: SwinTArgs) {
    super(args, ARGUMENTS, HINTS);
    const {who} = this;
    this.config = blockConfig(who, args);
    this.oddDepth = flag(who, 'oddDepth', args.oddDepth, false);
    this.shiftRule = oneOf(who, 'shiftRule', args.shiftRule ?? 'perAxis', SHIFT_RULES);
    this.depth = depthOf(who, args.depth ?? 2, this.oddDepth);
    this.dropPath = dropPathRates(who, args.dropPath ?? 0, this.depth);
    this.downsample = downsampleOf(who, args);
    this.projection = flag(who, 'projection', args.projection, false);
    if (this.projection && this.downsample) {
      throw new ConfigError(
        `${who}: projection has no place where downsample merges; got both (leave projection out).`,
      );
    }
    this.outChannels = outChannelsOf(who, args);
    if (args.inChannels !== undefined && args.inChannels !== null) {
      this.inChannels = positiveInteger(who, 'inChannels', args.inChannels);
      checkChannels(who, this.inChannels, this.config);
    }
    if (args.inputResolution !== undefined && args.inputResolution !== null) {
      this.inputResolution = sizePair(who, 'inputResolution', args.inputResolution);
    }
  }

  private checkInput([, height, width, channels]: MapShape): void {
    const {who, inChannels, inputResolution} = this;
    if (inChannels !== undefined && channels !== inChannels) {
      throw new ShapeError(
        `${who}: inChannels must be the input's channels; got ${inChannels} and ${channels}.`,
      );
    }
    const sizes = [height, width];
    if (inputResolution?.some((size, axis) => sizes[axis] !== null && sizes[axis] !== size)) {
      throw new ShapeError(
        `${who}: inputResolution must be the input's; got ${showShape(inputResolution)} and ${showShape(sizes)}.`,
      );
    }
  }

  /** Whether a 1x1 projection ends the layer. */
  private projects(channels: number): boolean {
    return !this.downsample && (this.projection || (this.outChannels ?? channels) !== channels);
  }

  private get normPosition() {
    return this.config.variant === 'v2' ? 'post' : 'pre';
  }

  protected override parametersFor(shape: MapShape): ParameterSpec[] {
    this.checkInput(shape);
    const channels = shape[3];
    const out = this.outChannels ?? channels;
    checkChannels(this.who, channels, this.config);
    const specs = Array.from({length: this.depth}, (_, i) =>
      prefixed(`blocks.${i}.`, blockParameters(this.config, channels)),
    ).flat();
    if (this.downsample) {
      specs.push(...prefixed('downsample.', mergingParameters(this.normPosition, channels, out)));
    } else if (this.projects(channels)) {
      specs.push(...linearParameters('projection', [channels, out]));
    }
    return specs;
  }

  protected override outputFor(shape: MapShape): MapShape {
    this.checkInput(shape);
    const out = this.outChannels ?? shape[3];
    return this.downsample ? mergedShape(shape, out) : [shape[0], shape[1], shape[2], out];
  }

  protected override mapMultiplyAdds(shape: KnownMapShape): number {
    const [batch, height, width, channels] = shape;
    const out = this.outChannels ?? channels;
    const blocks = this.depth * blockMultiplyAdds(this.config, shape);
    if (this.downsample) return blocks + mergingMultiplyAdds(shape, out);
    return blocks + (this.projects(channels) ? batch * height * width * channels * out : 0);
  }

  /** The shift of every other block on a map. */
  private shiftFor({shape: [, height, width]}: tf.Tensor4D): [number, number] {
    const {windowSize} = this.config.attention;
    const covered = height <= windowSize[0] || width <= windowSize[1];
    const still = this.shiftRule === 'none' || (this.shiftRule === 'joint' && covered);
    return still ? [0, 0] : halfWindow(windowSize);
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues, training: boolean): tf.Tensor4D {
    const mode = {training, nextSeed: () => this.nextSeed()};
    const shifted = this.shiftFor(x);
    let y = x;
    for (let i = 0; i < this.depth; i++) {
      const shift: [number, number] = i % 2 === 1 ? shifted : [0, 0];
      const place = {shift, dropPath: this.dropPath[i]};
      y = transformerBlock(y, parameters.in(`blocks.${i}.`), this.config, place, mode);
    }
    if (this.downsample) return mergePatches(y, parameters.in('downsample.'), this.normPosition);
    const weight = parameters.find<tf.Tensor2D>('projection.weight');
    return weight
      ? (linear({x: y, weight, bias: parameters.get('projection.bias')}) as tf.Tensor4D)
      : tf.clone(y);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {depth, dropPath, downsample, projection, outChannels, inChannels, inputResolution} = this;
    const {oddDepth, shiftRule} = this;
    return {
      ...super.getConfig(),
      ...savedBlock(this.config),
      depth,
      dropPath,
      downsample,
      ...(projection ? {projection} : {}),
      ...(oddDepth ? {oddDepth} : {}),
      ...(shiftRule === 'perAxis' ? {} : {shiftRule}),
      ...defined({outChannels, inChannels, inputResolution}),
    };
  }
}
tf.serialization.registerClass(SwinT);

/**
 * A Swin Transformer stage in the place of a Conv2D.
 *
 * @param args
 *   numHeads (required): attention heads; must divide the input channels.
 *   outChannels or filters: output channels; default the input's.
 *   windowSize: one number or [rows, columns]; default 7.
 *   depth: blocks, even; default 2.
 *   downsample or strides: whether the resolution is halved; default false.
 *   projection: whether a 1x1 projection follows where the channels stay too; default false.
 *   oddDepth: whether depth may be odd; default false.  shiftRule: 'perAxis' (default), 'joint' or 'none'.
 *   mlpRatio 4, qkvBias true, qkScale head size ** -0.5, dropout 0, attentionDropout 0, dropPath 0 (one or per block).
 *   mlpConvolution, positionConvolution, valueConvolution: depthwise 3x3 convolutions in every block; default false.
 *   layerScale: what learned factors of the residual branches start at; default none.
 *   variant: 'v1' (default), 'v2' or 'miziha'.  padding: 'masked' (default) or 'attended'.
 *   dataFormat: 'channelsFirst' (default) or 'channelsLast'.
 *   inChannels, inputResolution: checked against the input where given.
 *   kernelInitializer, kernelRegularizer, ...: Conv2D's options.  seed: makes dropout and drop-path repeatable.
 * @returns [B, C, H, W] to [B, outChannels, H, W], or [B, outChannels, ceil(H/2), ceil(W/2)] with downsample.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that does not fit.
 */
export function swinT(args: SwinTArgs): SwinT {
  return new SwinT(args);
}

/**
 * A Swin Transformer block: window attention and a two-layer MLP, each in a residual branch.
 *
 *   'v1'      x + DP(attn(LN1(x))), then x + DP(mlp(LN2(x)))      pre-norm, dot product, bias table
 *   'v2'      x + DP(LN1(attn(x))), then x + DP(LN2(mlp(x)))      post-norm, cosine, log-CPB
 *   'miziha'  as v2 with dot product and bias table
 *
 *   mlp(x) = GELU(x W1 + b1) W2 + b2, hidden width mlpRatio * C;  DP is drop-path.     [B, H, W, C] to the same
 *
 * What attention in windows lacks on small data, a sense of neighbours, the options of locality add, dw a depthwise 3x3:
 *
 *   positionConvolution  x + dw(x) before everything else: position encoding by convolution (CPVT, Twins, DHVT)
 *   valueConvolution     dw of the values, over the whole map, beside attention, before its projection (LePE: CSWin, CoSwin)
 *   mlpConvolution       u + dw(u) of the hidden layer u = GELU(x W1 + b1) (LeFF: CeiT, Uformer)
 *   layerScale           x + DP(l branch(x)), l one learned factor per channel, and the norm part of the branch (CaiT)
 *
 * With layerScale 0 a block starts as the identity, whichever of the others it has: the convolution of positions starts at
 * zero.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.2; Liu et al. 2022, "Swin Transformer V2", section 3.2; Chu et al.
 * 2021, "Conditional Positional Encodings for Vision Transformers"; Dong et al. 2022, "CSWin Transformer"; Yuan et al. 2021,
 * "Incorporating Convolution Designs into Visual Transformers"; Touvron et al. 2021, "Going deeper with Image Transformers".
 */
import * as tf from '@tensorflow/tfjs-core';
import {checkNumber, FROM_ZERO, flag, oneOf, positive, rate} from '../kernels/common/arguments.js';
import {defined} from '../kernels/common/defined.js';
import {ConfigError} from '../kernels/common/errors.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {swinBlockComposed} from '../kernels/composed/swin_block.js';
import {type SwinBlockInputs, swinBlock as swinBlockOperation} from '../kernels/index.js';
import {dropPathScale} from './drop_path.js';
import {CONV2D_HINTS} from './layer_arguments.js';
import {type KnownMapShape, MAP_ARGUMENTS, MapLayer, type MapLayerArgs, type MapShape} from './map_layer.js';
import {
  depthwiseParameters,
  linearParameters,
  normParameters,
  type ParameterSpec,
  type ParameterValues,
  prefixed,
} from './parameters.js';
import {
  ATTENTION_ARGUMENTS,
  type AttentionArgs,
  type AttentionConfig,
  attentionAttrs,
  attentionConfig,
  attentionInputs,
  attentionMultiplyAdds,
  attentionParameters,
  checkHeads,
  savedAttention,
  withDropout,
} from './window_attention.js';

export type Variant = 'v1' | 'v2' | 'miziha';

/** What a block is, apart from its shift and its drop-path rate. */
export interface BlockConfig {
  attention: AttentionConfig;
  variant: Variant;
  mlpRatio: number;
  mlpConvolution: boolean;
  positionConvolution: boolean;
  valueConvolution: boolean;
  /** What the factors start at; undefined: there are none. */
  layerScale?: number;
}

export interface BlockArgs extends AttentionArgs {
  /** 'v1' pre-norm, dot product; 'v2' post-norm, cosine, log-CPB; 'miziha' post-norm, dot product. Default 'v1'. */
  variant?: Variant;
  /** Hidden width of the MLP as a multiple of the channels. Default 4. */
  mlpRatio?: number;
  /** Whether a depthwise 3x3 convolution with a residual lies in the hidden layer of the MLP. Default false. */
  mlpConvolution?: boolean;
  /** Whether x + depthwise 3x3 of x comes before attention: position encoding by convolution. Default false. */
  positionConvolution?: boolean;
  /** Whether a depthwise 3x3 convolution of the values joins attention before its projection. Default false. */
  valueConvolution?: boolean;
  /** What the learned factors of the channels of both residual branches start at, from 0. Default: no such factors. */
  layerScale?: number;
}

export const BLOCK_ARGUMENTS = {
  ...ATTENTION_ARGUMENTS,
  ...{variant: true, mlpRatio: true, mlpConvolution: true},
  ...{positionConvolution: true, valueConvolution: true, layerScale: true},
} as const satisfies ArgumentNames<BlockArgs>;

/** Reads and checks the arguments that a block and a stage share. */
export function blockConfig(who: string, args: BlockArgs): BlockConfig {
  const variant = oneOf(who, 'variant', args.variant ?? 'v1', ['v1', 'v2', 'miziha']);
  return {
    attention: attentionConfig(who, args, variant === 'v2' ? 'cosine' : 'dot'),
    variant,
    mlpRatio: positive(who, 'mlpRatio', args.mlpRatio ?? 4),
    mlpConvolution: flag(who, 'mlpConvolution', args.mlpConvolution, false),
    positionConvolution: flag(who, 'positionConvolution', args.positionConvolution, false),
    valueConvolution: flag(who, 'valueConvolution', args.valueConvolution, false),
    layerScale: layerScaleOf(who, args.layerScale),
  };
}

function layerScaleOf(who: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return checkNumber(who, 'layerScale', value, FROM_ZERO, {
    fix: 'it is what the factors start at: 0, 1e-4 or 0.1',
  });
}

/** The block arguments in the form that getConfig saves: of the options of locality those that are taken. */
export function savedBlock({attention, layerScale, ...config}: BlockConfig): tf.serialization.ConfigDict {
  const {variant, mlpRatio, ...convolutions} = config;
  const taken = Object.fromEntries(Object.entries(convolutions).filter(([, value]) => value));
  return {...savedAttention(attention), variant, mlpRatio, ...taken, ...defined({layerScale})};
}

const hiddenWidth = (mlpRatio: number, channels: number): number => Math.round(channels * mlpRatio);

/** Throws ConfigError unless a block can work on maps of `channels`. */
export function checkChannels(who: string, channels: number, {attention, mlpRatio}: BlockConfig): void {
  checkHeads(who, channels, attention.numHeads);
  if (hiddenWidth(mlpRatio, channels) < 1) {
    throw new ConfigError(
      `${who}: mlpRatio must give the MLP at least one hidden channel; got ${mlpRatio} for ${channels} channels (from ` +
        `${1 / channels} on it does; 4 is usual).`,
    );
  }
}

/** The parameters of a block over maps of `channels`. */
export function blockParameters(config: BlockConfig, channels: number): ParameterSpec[] {
  const {attention, variant, mlpRatio, layerScale} = config;
  const hidden = hiddenWidth(mlpRatio, channels);
  // Of two factors that both start at zero neither would ever learn.
  const gamma = variant === 'v2' && layerScale === undefined ? 'residualGamma' : 'gamma';
  const scale = (name: string): ParameterSpec[] =>
    layerScale === undefined ? [] : [{name, shape: [channels], role: 'layerScale', start: layerScale}];
  return [
    ...(config.positionConvolution ? depthwiseParameters('pos.conv', channels, 'residualKernel') : []),
    ...normParameters('norm1', channels, gamma),
    ...prefixed('attn.', attentionParameters(attention, channels)),
    ...(config.valueConvolution ? depthwiseParameters('attn.lepe', channels) : []),
    ...scale('layer_scale1'),
    ...normParameters('norm2', channels, gamma),
    ...linearParameters('mlp.fc1', [channels, hidden]),
    ...(config.mlpConvolution ? depthwiseParameters('mlp.conv', hidden) : []),
    ...linearParameters('mlp.fc2', [hidden, channels]),
    ...scale('layer_scale2'),
  ];
}

/** Multiply-adds of a block over maps of this shape. */
export function blockMultiplyAdds(config: BlockConfig, shape: KnownMapShape): number {
  const {attention, mlpRatio, positionConvolution, valueConvolution, mlpConvolution} = config;
  const [batch, height, width, channels] = shape;
  const hidden = hiddenWidth(mlpRatio, channels);
  const convolved =
    (positionConvolution ? channels : 0) + (valueConvolution ? channels : 0) + (mlpConvolution ? hidden : 0);
  const ofCell = 2 * channels * hidden + 9 * convolved;
  return attentionMultiplyAdds(attention, shape) + batch * height * width * ofCell;
}

/** The shift of every other block: half a window, rounded down. */
export function halfWindow([rows, columns]: [number, number]): [number, number] {
  return [Math.floor(rows / 2), Math.floor(columns / 2)];
}

/** Where a block stands: the shift of its windows and its drop-path rate. */
interface Place {
  shift: [number, number];
  dropPath: number;
}

/** Whether weights are being trained, and where random numbers come from. */
interface Mode {
  training: boolean;
  nextSeed: () => number;
}

/** One block over x [B, H, W, C]: by the operation, unless activations are dropped, which the operation does not. */
export function transformerBlock(
  x: tf.Tensor4D,
  parameters: ParameterValues,
  config: BlockConfig,
  place: Place,
  {training, nextSeed}: Mode,
): tf.Tensor4D {
  const {attention, variant} = config;
  const {dropout, attentionDropout} = attention;
  const branchScale = () =>
    training && place.dropPath > 0 ? dropPathScale(x.shape[0], place.dropPath, nextSeed()) : undefined;
  const inputs = blockInputs(x, parameters, attention, [branchScale(), branchScale()]);
  const attrs = {
    attention: attentionAttrs(attention, place.shift, x.shape[3]),
    norm: variant === 'v1' ? 'pre' : 'post',
    epsilon: 1e-5,
  } as const;
  if (!training || (dropout === 0 && attentionDropout === 0)) return swinBlockOperation(inputs, attrs);
  const dropped = withDropout(attrs.attention, attentionDropout, nextSeed);
  const drop = (map: tf.Tensor) => tf.dropout(map, dropout, undefined, nextSeed());
  return swinBlockComposed(inputs, {...attrs, attention: dropped}, dropout > 0 ? drop : undefined);
}

/** Factors of the samples in the two branches. */
type BranchScales = readonly [tf.Tensor1D | undefined, tf.Tensor1D | undefined];

/** What the operation takes. */
function blockInputs(
  x: tf.Tensor4D,
  parameters: ParameterValues,
  config: AttentionConfig,
  [sampleScale1, sampleScale2]: BranchScales,
): SwinBlockInputs {
  const attn = parameters.in('attn.');
  const {qkvBias, operands} = attentionInputs(attn, config);
  return {
    x,
    ...operands,
    qkvBias,
    gamma1: parameters.get('norm1.weight'),
    beta1: parameters.get('norm1.bias'),
    qkvWeight: attn.get('qkv.weight'),
    projWeight: attn.get('proj.weight'),
    projBias: attn.get('proj.bias'),
    gamma2: parameters.get('norm2.weight'),
    beta2: parameters.get('norm2.bias'),
    fc1Weight: parameters.get('mlp.fc1.weight'),
    fc1Bias: parameters.get('mlp.fc1.bias'),
    fc2Weight: parameters.get('mlp.fc2.weight'),
    fc2Bias: parameters.get('mlp.fc2.bias'),
    layerScale1: parameters.find('layer_scale1'),
    layerScale2: parameters.find('layer_scale2'),
    positionWeight: parameters.find('pos.conv.weight'),
    positionBias: parameters.find('pos.conv.bias'),
    valueWeight: attn.find('lepe.weight'),
    valueBias: attn.find('lepe.bias'),
    hiddenWeight: parameters.find('mlp.conv.weight'),
    hiddenBias: parameters.find('mlp.conv.bias'),
    sampleScale1,
    sampleScale2,
  };
}

export interface SwinBlockArgs extends BlockArgs, MapLayerArgs {
  /** Whether the windows are shifted by half their size: SW-MSA. Default false: W-MSA. */
  shifted?: boolean;
  /** Drop-path rate of both branches. Default 0. */
  dropPath?: number;
}

const ARGUMENTS = {
  ...MAP_ARGUMENTS,
  ...BLOCK_ARGUMENTS,
  ...{shifted: true, dropPath: true},
} as const satisfies ArgumentNames<SwinBlockArgs>;

const HINTS = {...CONV2D_HINTS, shiftSize: 'shifted: true shifts the windows by half their size'};

export class SwinBlock extends MapLayer {
  static readonly className = 'SwinBlock';
  private readonly config: BlockConfig;
  private readonly shifted: boolean;
  private readonly dropPath: number;

  constructor(args: SwinBlockArgs) {
    super(args, ARGUMENTS, HINTS);
    this.config = blockConfig(this.who, args);
    this.shifted = flag(this.who, 'shifted', args.shifted, false);
    this.dropPath = rate(this.who, 'dropPath', args.dropPath ?? 0);
  }

  protected override parametersFor([, , , channels]: MapShape): ParameterSpec[] {
    checkChannels(this.who, channels, this.config);
    return blockParameters(this.config, channels);
  }

  protected override outputFor(shape: MapShape): MapShape {
    return shape;
  }

  protected override mapMultiplyAdds(shape: KnownMapShape): number {
    return blockMultiplyAdds(this.config, shape);
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues, training: boolean): tf.Tensor4D {
    const shift: [number, number] = this.shifted ? halfWindow(this.config.attention.windowSize) : [0, 0];
    const mode = {training, nextSeed: () => this.nextSeed()};
    return transformerBlock(x, parameters, this.config, {shift, dropPath: this.dropPath}, mode);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {shifted, dropPath} = this;
    return {...super.getConfig(), ...savedBlock(this.config), shifted, dropPath};
  }
}
tf.serialization.registerClass(SwinBlock);

/**
 * One Swin Transformer block; the shape of the map is kept.
 *
 * @param args numHeads (required), windowSize, shifted, variant, mlpRatio, mlpConvolution, positionConvolution,
 *   valueConvolution, layerScale, dropPath, padding, qkvBias, qkScale, dropout, attentionDropout, dataFormat, and Conv2D's
 *   options for the weights.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that is no map.
 */
export function swinBlock(args: SwinBlockArgs): SwinBlock {
  return new SwinBlock(args);
}

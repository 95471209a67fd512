/** What swinResNet takes, whichever of its forms the depth names. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {
  COUNT,
  checkNumber,
  checkNumbers,
  FROM_ZERO,
  flag,
  type NumberRule,
  oneOf,
  optionalOneOf,
  optionalSeed,
  positive,
  positiveInteger,
  rate,
  SHARE,
  sizePair,
} from '../kernels/common/arguments.js';
import {checkDataFormat} from '../kernels/common/data_format.js';
import {defined} from '../kernels/common/defined.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {ConfigError, type DataFormat, type Variant} from '../layers/index.js';
import {checkImageShape} from './image_shape.js';

type Conv2DArgs = Parameters<typeof tfl.layers.conv2d>[0];

/** Options of the SwinT layers that let neighbouring cells meet in a convolution, and of their residual branches. */
interface LocalityArgs {
  /** Whether a depthwise 3x3 convolution stands inside the MLPs (CeiT's LeFF). Default false, at depth 10 true. */
  mlpConvolution?: boolean;
  /** Whether a depthwise 3x3 convolution stands before attention, as a position encoding (CPVT). Default false. */
  positionConvolution?: boolean;
  /** Whether a depthwise 3x3 convolution of the values is added to attention (LePE of CSWin). Default false, at depth 10 true. */
  valueConvolution?: boolean;
  /** Factor, learnt for each channel, with which the residual branches start (CaiT). Default: none, at depth 10 0.1. */
  layerScale?: number;
}

export interface SwinResNetArgs extends LocalityArgs {
  /** Layers: 10, 14 (default), 20 or 29 for 32x32 images; 50, 101 or 152 for 224x224. */
  depth?: number;
  /**
   * Shape of an image without the batch, in the order of dataFormat; height and width may be null. Default [3, 32, 32] or
   * [3, 224, 224].
   */
  inputShape?: [number, number | null, number | null] | [number | null, number | null, number];
  /** Classes; required. */
  numClasses: number;
  /**
   * Builds the twin: a 3x3 convolution wherever there would be a SwinT; at depth 10 a residual pair of them, as wide as
   * makes the multiply-adds equal. Default false.
   */
  convolution?: boolean;
  /**
   * Width of each stage's blocks. Default [16, 32, 64] or [64, 128, 256, 512]. At depth 10 channels of the convolutions
   * at full, half and a quarter of the resolution, default [48, 96, 256], the SwinT being at an eighth; with two numbers it
   * is at a quarter, and as wide as the second.
   */
  widths?: number[];
  /** Attention heads of each stage with SwinT. Default one per 16 channels: 1, 2, 4 or 4, 8, 16, 32; at depth 10 [4]. */
  numHeads?: number[];
  /** Cells of a window. Default 4, of the imagenet form 7. */
  windowSize?: number | [number, number];
  /** Hidden width of the MLPs as a multiple of the channels. Default 1 or 4; at depth 10 2. */
  mlpRatio?: number;
  /** Blocks of the SwinT at depth 10, an even number. Default 2: one pair. */
  swinDepth?: number;
  /**
   * Variant of the SwinT layers. Default 'miziha', the original demonstration's: among convolutions with batch
   * normalization its post-norm branches learn sooner than those of 'v1'. At depth 10 'v1'.
   */
  variant?: Variant;
  /**
   * Whether a 1x1 projection follows every SwinT that does not merge, as in the original demonstration; the 1x1 convolution
   * after it could learn the same. Default false.
   */
  projection?: boolean;
  /** Drop-path rate of the last block; rates grow linearly from 0. Default 0. */
  dropPath?: number;
  /** Dropout rate before the dense layers of the head. Default 0, and 0.2 in the imagenet form. */
  dropout?: number;
  /** How much of its moving statistics batch normalization keeps at a step. Default 0.9; at depth 10 0.6. */
  batchNormMomentum?: number;
  /** Factor of the logits at depth 10. Default 1/3. */
  logitScale?: number;
  /** How the 3x3 convolutions start, 1x1 ones too, in Conv2D's words. Default 'heNormal', at depth 10 `diracInitializer`. */
  kernelInitializer?: Conv2DArgs['kernelInitializer'];
  /** Where the channels of the model's input are. Default 'channelsFirst'. */
  dataFormat?: DataFormat;
  /** Activation of the last layer, for example 'softmax'. Default: none, logits. */
  classifierActivation?: 'softmax' | 'sigmoid';
  /** Makes the initial weights and every dropout repeatable. */
  seed?: number;
  /** Name of the model. Default 'swin_resnet14' or, for the twin, 'resnet14', with the depth at the end. */
  name?: string;
}

const ARGUMENTS = {
  ...{depth: true, inputShape: true, numClasses: true, convolution: true, widths: true, numHeads: true},
  ...{windowSize: true, mlpRatio: true, swinDepth: true, variant: true, projection: true, dropPath: true},
  ...{dropout: true, batchNormMomentum: true, logitScale: true, kernelInitializer: true},
  ...{mlpConvolution: true, positionConvolution: true, valueConvolution: true, layerScale: true},
  ...{dataFormat: true, classifierActivation: true, seed: true, name: true},
} as const satisfies ArgumentNames<SwinResNetArgs>;

const HINTS = {imageSize: 'give inputShape', inChannels: 'give inputShape', depths: 'give depth'};

const WHO = 'swinResNet';

export const DEFAULT_DEPTH = 14;

/** The depth of the small form, small_resnet.ts. */
export const SMALL_DEPTH = 10;

/** What only one of the two forms takes. */
const ONLY_SMALL = ['swinDepth', 'logitScale'] as const;
const ONLY_BOTTLENECK = ['projection'] as const;

const EVEN: NumberRule = {
  what: 'an even whole number from 2',
  holds: (value) => Number.isInteger(value) && value >= 2 && value % 2 === 0,
};

/**
 * @param depths those that there are.
 * @returns the depth.
 * @throws ConfigError for arguments that can never work, whatever the form.
 */
export function checkSwinResNet(args: SwinResNetArgs, depths: number[]): number {
  checkArguments(WHO, args, ARGUMENTS, HINTS);
  const depth = oneOf(WHO, 'depth', args.depth ?? DEFAULT_DEPTH, depths);
  positiveInteger(WHO, 'numClasses', args.numClasses);
  rate(WHO, 'dropPath', args.dropPath ?? 0);
  rate(WHO, 'dropout', args.dropout ?? 0);
  sizePair(WHO, 'windowSize', args.windowSize ?? 1);
  positive(WHO, 'mlpRatio', args.mlpRatio ?? 1);
  checkNumber(WHO, 'swinDepth', args.swinDepth ?? 2, EVEN);
  checkNumber(WHO, 'batchNormMomentum', args.batchNormMomentum ?? 0, SHARE);
  positive(WHO, 'logitScale', args.logitScale ?? 1);
  oneOf(WHO, 'variant', args.variant ?? 'v1', ['v1', 'v2', 'miziha']);
  optionalOneOf(WHO, 'classifierActivation', args.classifierActivation, ['softmax', 'sigmoid']);
  flag(WHO, 'convolution', args.convolution, false);
  flag(WHO, 'projection', args.projection, false);
  for (const name of ['mlpConvolution', 'positionConvolution', 'valueConvolution'] as const) {
    flag(WHO, name, args[name], false);
  }
  checkNumber(WHO, 'layerScale', args.layerScale ?? 0, FROM_ZERO);
  optionalSeed(WHO, args.seed);
  const dataFormat = checkDataFormat(WHO, args.dataFormat ?? 'channelsFirst');
  if (args.inputShape !== undefined) checkImageShape(WHO, args.inputShape, dataFormat);
  checkForm(args, depth);
  return depth;
}

/** Nothing is left out silently: what the form of this depth has not is refused. */
function checkForm(args: SwinResNetArgs, depth: number): void {
  const small = depth === SMALL_DEPTH;
  for (const name of small ? ONLY_BOTTLENECK : ONLY_SMALL) {
    if (args[name] === undefined || args[name] === false) continue;
    const others = small ? `the depths other than ${SMALL_DEPTH}` : `depth ${SMALL_DEPTH}`;
    throw new ConfigError(
      `${WHO}: ${name} is an argument of ${others}; got depth ${depth} and ${name} ${showValue(args[name])} (leave it out).`,
    );
  }
}

/** Throws ConfigError unless `widths` and `numHeads`, where given, are so many counts. */
export function checkStages(
  args: SwinResNetArgs,
  counts: {widths: number | number[]; numHeads: number},
): void {
  for (const name of ['widths', 'numHeads'] as const) {
    const rule = {count: counts[name], per: 'stage', rule: COUNT};
    if (args[name] !== undefined) checkNumbers(WHO, name, args[name], rule);
  }
}

/** The arguments of a SwinT that stand for locality, without those that were not given. */
export function localityOf(args: SwinResNetArgs): object {
  const {mlpConvolution, positionConvolution, valueConvolution, layerScale} = args;
  return defined({mlpConvolution, positionConvolution, valueConvolution, layerScale});
}

/** The name of the model. */
export function modelName(args: SwinResNetArgs, depth: number): string {
  return args.name ?? (args.convolution ? `resnet${depth}` : `swin_resnet${depth}`);
}

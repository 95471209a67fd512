/**
 * (Shifted-)window multi-head self-attention, W-MSA and SW-MSA, with its projections.
 *
 *   y = windowAttention(x Wqkv + bqkv) Wproj + bproj      [B, H, W, C] to [B, H, W, C]
 *
 * Relative bias: a table of its own per offset and head ('dot'), or 16 sigmoid(MLP(log-spaced offset)) with cosine
 * scores ('cosine', Swin V2), where the key has no bias.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.2; Liu et al. 2022, "Swin Transformer V2", section 3.3.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  fittingHeads,
  flag,
  oneOf,
  positive,
  positiveInteger,
  rate,
  type Size,
  sizePair,
} from '../kernels/common/arguments.js';
import {ConfigError} from '../kernels/common/errors.js';
import type {ArgumentNames} from '../kernels/common/known_arguments.js';
import {showValue} from '../kernels/common/show_value.js';
import {checkShift} from '../kernels/contracts/window_attention.js';
import {
  linear,
  logSpacedCoordinates,
  relativeTableSize,
  type WindowAttentionAttrs,
  type WindowPadding,
  windowAttention as windowAttentionOperation,
  windowGeometry,
} from '../kernels/index.js';
import {CONV2D_HINTS} from './layer_arguments.js';
import {type KnownMapShape, MAP_ARGUMENTS, MapLayer, type MapLayerArgs, type MapShape} from './map_layer.js';
import {linearParameters, type ParameterSpec, type ParameterValues} from './parameters.js';

/** How queries and keys are compared: scaled dot product with a bias table, or Swin V2's cosine with log-CPB. */
export type Score = 'dot' | 'cosine';

/** Width of the hidden layer of Swin V2's bias network. */
const BIAS_NETWORK_WIDTH = 512;

/** What window attention is, apart from its shift and from where its layer sits. */
export interface AttentionConfig {
  numHeads: number;
  windowSize: [number, number];
  score: Score;
  padding: WindowPadding;
  qkvBias: boolean;
  /** Undefined: head size to the power -0.5. */
  qkScale?: number;
  /** Window of the pretrained weights, which the coordinates of the V2 bias are relative to. */
  pretrainedWindowSize: [number, number];
  dropout: number;
  attentionDropout: number;
}

export interface AttentionArgs {
  /** Attention heads; must divide the channels. */
  numHeads: number;
  /** Cells of a window, one number or [rows, columns]. Default 7. */
  windowSize?: Size;
  /** Cells added so that windows fit: never attended, or attended as torchvision does. Default 'masked'. */
  padding?: WindowPadding;
  /** Whether queries, keys and values have a bias. Default true. */
  qkvBias?: boolean;
  /** Factor of the dot products. Default: head size to the power -0.5. */
  qkScale?: number;
  /** For cosine scores: window of the pretrained weights. Default windowSize. */
  pretrainedWindowSize?: Size;
  /** Dropout rate after each projection. Default 0. */
  dropout?: number;
  /** Dropout rate of the attention weights. Default 0. */
  attentionDropout?: number;
}

export const ATTENTION_ARGUMENTS = {
  ...{numHeads: true, windowSize: true, padding: true, qkvBias: true, qkScale: true},
  ...{pretrainedWindowSize: true, dropout: true, attentionDropout: true},
} as const satisfies ArgumentNames<AttentionArgs>;

/** Reads and checks the arguments that every layer with attention in it takes. */
export function attentionConfig(who: string, args: AttentionArgs, score: Score): AttentionConfig {
  if (args.numHeads === undefined || args.numHeads === null) {
    throw new ConfigError(`${who}: numHeads is required; got none (give a divisor of the input channels).`);
  }
  const windowSize = windowOf(who, 'windowSize', args.windowSize ?? 7, score);
  const given = args.qkScale !== undefined && args.qkScale !== null;
  if (given && score === 'cosine') {
    throw new ConfigError(
      `${who}: qkScale has no place in cosine attention; got ${args.qkScale} (leave it out).`,
    );
  }
  return {
    numHeads: positiveInteger(who, 'numHeads', args.numHeads),
    windowSize,
    score,
    padding: oneOf(who, 'padding', args.padding ?? 'masked', ['masked', 'attended'], {
      fix: 'it says what the cells are that fill the last windows; the size of the map always stays',
    }),
    qkvBias: flag(who, 'qkvBias', args.qkvBias, true),
    qkScale: given ? positive(who, 'qkScale', args.qkScale) : undefined,
    pretrainedWindowSize: sizePair(who, 'pretrainedWindowSize', args.pretrainedWindowSize ?? windowSize),
    dropout: rate(who, 'dropout', args.dropout ?? 0),
    attentionDropout: rate(who, 'attentionDropout', args.attentionDropout ?? 0),
  };
}

/**
 * A window whose bias can be held: the table has a row for each of its (2 Wh - 1)(2 Ww - 1) offsets, and the bias network of
 * cosine attention has hidden values for each.
 */
function windowOf(who: string, name: string, value: Size, score: Score): [number, number] {
  const size = sizePair(who, name, value);
  const most = score === 'dot' ? 1024 : 256;
  if (size.some((side) => side > most)) {
    throw new ConfigError(
      `${who}: ${name} must be at most ${most} on each axis; got ${showValue(value)} (a window as large as the map covers ` +
        'it; 7 to 24 are usual).',
    );
  }
  return size;
}

/** The attention arguments in the form that getConfig saves. */
export function savedAttention(config: AttentionConfig): tf.serialization.ConfigDict {
  const {score, qkScale, pretrainedWindowSize, ...rest} = config;
  return {
    ...rest,
    ...(qkScale === undefined ? {} : {qkScale}),
    ...(score === 'cosine' ? {pretrainedWindowSize} : {}),
  };
}

/** Throws ConfigError unless the heads divide the channels. */
export function checkHeads(who: string, channels: number, numHeads: number): void {
  if (channels % numHeads !== 0) {
    throw new ConfigError(
      `${who}: numHeads must divide the input channels; got ${channels} channels and ${numHeads} heads ` +
        `(try ${fittingHeads(channels, numHeads)}).`,
    );
  }
}

/** The parameters of attention over maps of `channels`. */
export function attentionParameters(config: AttentionConfig, channels: number): ParameterSpec[] {
  const {numHeads, score, qkvBias, windowSize} = config;
  const dot = score === 'dot';
  const specs = linearParameters('qkv', [channels, 3 * channels], qkvBias && dot);
  if (dot) {
    specs.push({
      name: 'relative_position_bias_table',
      shape: [relativeTableSize(windowSize), numHeads],
      role: 'biasTable',
    });
  } else {
    if (qkvBias) {
      specs.push({name: 'q_bias', shape: [channels], role: 'bias'});
      specs.push({name: 'v_bias', shape: [channels], role: 'bias'});
    }
    specs.push({name: 'logit_scale', shape: [numHeads, 1, 1], role: 'logitScale'});
    specs.push(...linearParameters('cpb_mlp.0', [2, BIAS_NETWORK_WIDTH]));
    specs.push(...linearParameters('cpb_mlp.2', [BIAS_NETWORK_WIDTH, numHeads], false));
  }
  return [...specs, ...linearParameters('proj', [channels, channels])];
}

/** Bias of queries, keys and values, [3C]; the key has none in Swin V2. */
function qkvBiasOf(parameters: ParameterValues, {score, qkvBias}: AttentionConfig): tf.Tensor1D | undefined {
  if (!qkvBias) return undefined;
  if (score === 'dot') return parameters.get('qkv.bias');
  const q = parameters.get<tf.Tensor1D>('q_bias');
  return tf.concat([q, tf.zerosLike(q), parameters.get<tf.Tensor1D>('v_bias')]);
}

/** Relative position bias, one row per offset and one column per head. */
function biasTable(parameters: ParameterValues, config: AttentionConfig): tf.Tensor2D {
  if (config.score === 'dot') return parameters.get('relative_position_bias_table');
  const coordinates = tf.tensor2d(logSpacedCoordinates(config.windowSize, config.pretrainedWindowSize), [
    relativeTableSize(config.windowSize),
    2,
  ]);
  const hidden = linear({
    x: coordinates,
    weight: parameters.get('cpb_mlp.0.weight'),
    bias: parameters.get('cpb_mlp.0.bias'),
  });
  const offsets = linear({x: tf.relu(hidden), weight: parameters.get('cpb_mlp.2.weight')});
  return tf.mul(tf.sigmoid(offsets), 16) as tf.Tensor2D;
}

/** Multiply-adds of attention over maps of this shape: projections, scores and weighted sums. */
export function attentionMultiplyAdds(
  {windowSize, padding}: AttentionConfig,
  [batch, height, width, channels]: KnownMapShape,
): number {
  const {windows, tokens} = windowGeometry([height, width], windowSize, [0, 0], padding);
  return batch * (4 * height * width * channels ** 2 + 2 * windows * tokens ** 2 * channels);
}

/** What the operation takes beside qkv, from a layer's parameters; and the bias that goes into qkv. */
export function attentionInputs(parameters: ParameterValues, config: AttentionConfig) {
  const {numHeads, padding, score} = config;
  const qkvBias = qkvBiasOf(parameters, config);
  const logitScale: tf.Tensor1D | undefined =
    score === 'cosine' ? tf.reshape(parameters.get('logit_scale'), [numHeads]) : undefined;
  return {
    qkvBias,
    operands: {
      table: biasTable(parameters, config),
      ...(logitScale ? {logitScale} : {}),
      ...(qkvBias && padding === 'attended' ? {padToken: qkvBias} : {}),
    },
  };
}

/** The operation's attributes for maps of `channels`, without dropout. */
export function attentionAttrs(
  config: AttentionConfig,
  shift: [number, number],
  channels: number,
): WindowAttentionAttrs {
  const {numHeads, windowSize, padding, score} = config;
  const scale = config.qkScale ?? (channels / numHeads) ** -0.5;
  return {numHeads, windowSize, shift, padding, score, scale};
}

/** The same attributes with dropout of the attention weights where there is a rate. */
export function withDropout(
  attrs: WindowAttentionAttrs,
  rate: number,
  nextSeed: () => number,
): WindowAttentionAttrs {
  return rate > 0 ? {...attrs, dropout: {rate, seed: nextSeed()}} : attrs;
}

export interface WindowAttentionArgs extends AttentionArgs, MapLayerArgs {
  /** Cyclic shift, one number or [rows, columns], each less than the window. Default 0: W-MSA. */
  shiftSize?: number | [number, number];
  /** 'dot' with a bias table, or 'cosine' as in Swin V2. Default 'dot'. */
  score?: Score;
}

const ARGUMENTS = {
  ...MAP_ARGUMENTS,
  ...ATTENTION_ARGUMENTS,
  ...{shiftSize: true, score: true},
} as const satisfies ArgumentNames<WindowAttentionArgs>;

export class WindowAttention extends MapLayer {
  static readonly className = 'SwinWindowAttention';
  private readonly config: AttentionConfig;
  private readonly shift: [number, number];

  constructor(args: WindowAttentionArgs) {
    super(args, ARGUMENTS, CONV2D_HINTS);
    const score = oneOf(this.who, 'score', args.score ?? 'dot', ['dot', 'cosine']);
    this.config = attentionConfig(this.who, args, score);
    const given: unknown = args.shiftSize ?? 0;
    const pair = typeof given === 'number' ? [given, given] : given;
    this.shift = [...checkShift(this.who, 'shiftSize', pair, this.config.windowSize)];
  }

  protected override parametersFor([, , , channels]: MapShape): ParameterSpec[] {
    checkHeads(this.who, channels, this.config.numHeads);
    return attentionParameters(this.config, channels);
  }

  protected override outputFor(shape: MapShape): MapShape {
    return shape;
  }

  protected override mapMultiplyAdds(shape: KnownMapShape): number {
    return attentionMultiplyAdds(this.config, shape);
  }

  protected override forward(x: tf.Tensor4D, parameters: ParameterValues, training: boolean): tf.Tensor4D {
    const {dropout, attentionDropout} = this.config;
    const nextSeed = () => this.nextSeed();
    const {qkvBias, operands} = attentionInputs(parameters, this.config);
    const qkv = linear({x, weight: parameters.get('qkv.weight'), bias: qkvBias}) as tf.Tensor4D;
    const attrs = attentionAttrs(this.config, this.shift, x.shape[3]);
    const attended = windowAttentionOperation(
      {qkv, ...operands},
      training ? withDropout(attrs, attentionDropout, nextSeed) : attrs,
    );
    const y = linear({
      x: attended,
      weight: parameters.get('proj.weight'),
      bias: parameters.get('proj.bias'),
    }) as tf.Tensor4D;
    return training && dropout > 0 ? (tf.dropout(y, dropout, undefined, nextSeed()) as tf.Tensor4D) : y;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {score} = this.config;
    return {...super.getConfig(), ...savedAttention(this.config), score, shiftSize: this.shift};
  }
}
tf.serialization.registerClass(WindowAttention);

/**
 * Window multi-head self-attention with its qkv and output projections; the shape of the map is kept.
 *
 * @param args numHeads (required), windowSize, shiftSize, score, padding, qkvBias, qkScale, dropout,
 *   attentionDropout, dataFormat, and Conv2D's options for the weights.
 * @throws ConfigError for arguments that can never work; ShapeError for an input that is no map.
 */
export function windowAttention(args: WindowAttentionArgs): WindowAttention {
  return new WindowAttention(args);
}

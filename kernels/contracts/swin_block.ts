/**
 * swinBlock: a whole Swin Transformer block.
 *
 *   pre-norm ('v1')             y = x + s1 l1 attn(LN1(x)),  out = y + s2 l2 mlp(LN2(y))
 *   post-norm ('v2', 'miziha')  y = x + s1 l1 LN1(attn(x)),  out = y + s2 l2 LN2(mlp(y))
 *
 *   attn(h) = windowAttention(h Wqkv + bqkv) Wproj + bproj,  mlp(h) = GELU(h W1 + b1) W2 + b2
 *
 * and where their weights are given three depthwise 3x3 convolutions dw (contracts/depthwise_convolution):
 *
 *   position  x + dw(x) in the place of x, before everything else (CPVT, Twins, DHVT)
 *   value     windowAttention(qkv) + dw(v), v the last third of qkv, over the whole map (LePE of CSWin, CoSwin)
 *   hidden    u + dw(u), u = GELU(h W1 + b1) (LeFF of CeiT, Uformer)
 *
 *   x, out       [B, H, W, C]
 *   gamma1, beta1, gamma2, beta2  [C]
 *   qkvWeight    [C, 3C],  qkvBias [3C], optional
 *   table, logitScale, padToken   as in windowAttention
 *   projWeight   [C, C],   projBias [C]
 *   fc1Weight    [C, F],   fc1Bias [F];   fc2Weight [F, C],   fc2Bias [C]
 *   sampleScale1, sampleScale2    [B], optional: s1 and s2, one factor per sample, as drop-path needs them; constants
 *   layerScale1, layerScale2      [C], optional: l1 and l2, one factor per channel (CaiT)
 *   positionWeight, valueWeight [3, 3, C, 1],  hiddenWeight [3, 3, F, 1],  each optional and with a bias, optional too:
 *   positionBias, valueBias [C],  hiddenBias [F]
 *
 * The gradient is that of the operations it is made of (contracts/linear, layer_norm, window_attention): by their chain
 * in the composed version, of all inputs at once in a kernel. A backend has a kernel for the block, for the block and its
 * gradient, or for neither. Where it lacks the one that is needed, and with the convolutions of values or of the hidden
 * layer, the block is composed of the other operations. A kernel knows neither those nor layer scale and the convolution of
 * positions, which the operation takes out of the block before.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.2; Liu et al. 2022, "Swin Transformer V2", section 3.2; Chu et al.
 * 2021, "Conditional Positional Encodings for Vision Transformers"; Dong et al. 2022, "CSWin Transformer"; Yuan et al. 2021,
 * "Incorporating Convolution Designs into Visual Transformers"; Touvron et al. 2021, "Going deeper with Image Transformers".
 */
import type * as tf from '@tensorflow/tfjs-core';
import {checkNumber, FROM_ZERO, fittingHeads, oneOf} from '../common/arguments.js';
import {ConfigError, ShapeError} from '../common/errors.js';
import {type ArgumentNames, checkArguments} from '../common/known_arguments.js';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape} from '../common/shapes.js';
import {checkAttention, checkAttentionAttrs, type WindowAttentionAttrs} from './window_attention.js';

export interface SwinBlockInputs {
  x: tf.Tensor4D;
  gamma1: tf.Tensor1D;
  beta1: tf.Tensor1D;
  qkvWeight: tf.Tensor2D;
  qkvBias?: tf.Tensor1D;
  table: tf.Tensor2D;
  logitScale?: tf.Tensor1D;
  padToken?: tf.Tensor1D;
  projWeight: tf.Tensor2D;
  projBias: tf.Tensor1D;
  gamma2: tf.Tensor1D;
  beta2: tf.Tensor1D;
  fc1Weight: tf.Tensor2D;
  fc1Bias: tf.Tensor1D;
  fc2Weight: tf.Tensor2D;
  fc2Bias: tf.Tensor1D;
  sampleScale1?: tf.Tensor1D;
  sampleScale2?: tf.Tensor1D;
  layerScale1?: tf.Tensor1D;
  layerScale2?: tf.Tensor1D;
  positionWeight?: tf.Tensor4D;
  positionBias?: tf.Tensor1D;
  valueWeight?: tf.Tensor4D;
  valueBias?: tf.Tensor1D;
  hiddenWeight?: tf.Tensor4D;
  hiddenBias?: tf.Tensor1D;
}

export interface SwinBlockAttrs {
  attention: WindowAttentionAttrs;
  /** Where the layer norms stand: before the branches, or after them. */
  norm: 'pre' | 'post';
  /** Of both layer norms. */
  epsilon: number;
}

/** What a forward pass saves for its gradient; how the numbers in it are stored, is the backend's affair. */
export interface SwinBlockSaved {
  /** h Wqkv + bqkv [B, H, W, 3C]. */
  qkv: tf.Tensor;
  /** windowAttention(qkv) [B, H, W, C]. */
  attended: tf.Tensor;
  /** The map between the branches [B, H, W, C]. */
  between: tf.Tensor;
  /** The hidden layer before GELU [B H W, F]. */
  z: tf.Tensor;
  /** Pre-norm: mean and 1 / sqrt(var + epsilon) of what LN1 and LN2 read, [B H W, 2]. */
  statistics1?: tf.Tensor;
  statistics2?: tf.Tensor;
  /** Post-norm: what LN1 and LN2 read, [B, H, W, C]. */
  projected?: tf.Tensor;
  branch?: tf.Tensor;
}

/** Names of SwinBlockSaved in the order in which a kernel with the attribute save returns them, after the result. */
export function savedByBlock(norm: SwinBlockAttrs['norm']): (keyof SwinBlockSaved)[] {
  const common = ['qkv', 'attended', 'between', 'z'] as const;
  return norm === 'pre' ? [...common, 'statistics1', 'statistics2'] : [...common, 'projected', 'branch'];
}

/** The inputs that get a gradient from a kernel. */
const TRAINED = [
  ...(['x', 'gamma1', 'beta1', 'qkvWeight', 'qkvBias', 'table', 'logitScale', 'padToken'] as const),
  ...(['projWeight', 'projBias', 'gamma2', 'beta2', 'fc1Weight', 'fc1Bias', 'fc2Weight', 'fc2Bias'] as const),
];

/** Those of TRAINED that are given, in the order in which a kernel returns their gradients. */
export function blockGradients(inputs: object): (typeof TRAINED)[number][] {
  return TRAINED.filter((name) => (inputs as Partial<SwinBlockInputs>)[name] !== undefined);
}

const INPUTS = {
  required: {
    ...{x: '[B, H, W, C]', gamma1: '[C]', beta1: '[C]', qkvWeight: '[C, 3C]'},
    ...{
      table: '[(2 Wh - 1)(2 Ww - 1), heads]',
      projWeight: '[C, C]',
      projBias: '[C]',
      gamma2: '[C]',
      beta2: '[C]',
    },
    ...{fc1Weight: '[C, F]', fc1Bias: '[F]', fc2Weight: '[F, C]', fc2Bias: '[C]'},
  },
  optional: {
    ...{qkvBias: '[3C]', logitScale: '[heads]', padToken: '[3C]', sampleScale1: '[B]', sampleScale2: '[B]'},
    ...{layerScale1: '[C]', layerScale2: '[C]', positionWeight: '[3, 3, C, 1]', positionBias: '[C]'},
    ...{valueWeight: '[3, 3, C, 1]', valueBias: '[C]', hiddenWeight: '[3, 3, F, 1]', hiddenBias: '[F]'},
  },
} satisfies InputShapes<SwinBlockInputs>;

const ATTRIBUTES = {
  attention: true,
  norm: true,
  epsilon: true,
} as const satisfies ArgumentNames<SwinBlockAttrs>;

/** Throws ShapeError or ConfigError for inputs and attributes that do not fit each other. */
export function checkSwinBlock(inputs: SwinBlockInputs, attrs: SwinBlockAttrs): void {
  const who = 'swinBlock';
  checkTensors(who, inputs, INPUTS);
  checkArguments(who, attrs, ATTRIBUTES);
  const {attention, norm, epsilon} = attrs;
  checkAttentionAttrs(`${who}: attention`, attention);
  checkNumber(who, 'epsilon', epsilon, FROM_ZERO);
  oneOf(who, 'norm', norm, ['pre', 'post']);
  requireShape(who, 'x', inputs.x, [null, null, null, null], '[B, H, W, C]');
  const [batch, , , channels] = inputs.x.shape;
  if (channels % attention.numHeads !== 0) {
    throw new ShapeError(
      `${who}: numHeads must divide the channels of x; got ${channels} channels and ${attention.numHeads} heads ` +
        `(try ${fittingHeads(channels, attention.numHeads)}).`,
    );
  }
  checkAttention(who, 3 * channels, inputs, attention);
  requireShape(who, 'fc1Weight', inputs.fc1Weight, [channels, null], '[C, F]');
  const hidden = inputs.fc1Weight.shape[1];
  const shapes: [keyof SwinBlockInputs, number[], string][] = [
    ['gamma1', [channels], '[C]'],
    ['beta1', [channels], '[C]'],
    ['qkvWeight', [channels, 3 * channels], '[C, 3C]'],
    ['qkvBias', [3 * channels], '[3C]'],
    ['projWeight', [channels, channels], '[C, C]'],
    ['projBias', [channels], '[C]'],
    ['gamma2', [channels], '[C]'],
    ['beta2', [channels], '[C]'],
    ['fc1Bias', [hidden], '[F]'],
    ['fc2Weight', [hidden, channels], '[F, C]'],
    ['fc2Bias', [channels], '[C]'],
    ['sampleScale1', [batch], '[B]'],
    ['sampleScale2', [batch], '[B]'],
    ['layerScale1', [channels], '[C]'],
    ['layerScale2', [channels], '[C]'],
    ['positionWeight', [3, 3, channels, 1], '[3, 3, C, 1]'],
    ['positionBias', [channels], '[C]'],
    ['valueWeight', [3, 3, channels, 1], '[3, 3, C, 1]'],
    ['valueBias', [channels], '[C]'],
    ['hiddenWeight', [3, 3, hidden, 1], '[3, 3, F, 1]'],
    ['hiddenBias', [hidden], '[F]'],
  ];
  for (const [name, shape, meaning] of shapes) {
    const tensor = inputs[name];
    if (tensor) requireShape(who, name, tensor, shape, meaning);
  }
  for (const place of ['position', 'value', 'hidden'] as const) {
    if (inputs[`${place}Bias`] && !inputs[`${place}Weight`]) {
      throw new ConfigError(
        `${who}: ${place}Bias must come with ${place}Weight; got the bias alone (pass both, or neither).`,
      );
    }
  }
}

/**
 * windowAttention: multi-head self-attention within the windows of a map, shifted or not.
 *
 *   dot:     S = scale * q k^T + bias + mask
 *   cosine:  S = exp(min(logitScale, ln 100)) * (q / |q|) (k / |k|)^T + bias + mask
 *   y = softmax(S) v, per window and head
 *
 *   qkv         [B, H, W, 3C], the last axis as [q | k | v], each [heads][C / heads]
 *   table       [(2 Wh - 1)(2 Ww - 1), heads]: bias[h, i, j] = table[index(i, j), h], see geometry/relative_position
 *   logitScale  [heads], for 'cosine'
 *   padToken    [3C]: what padded cells carry in qkv; zeros where absent. Only padding 'attended' reads it.
 *   y           [B, H, W, C]
 *
 * The map is padded to whole windows, shifted cyclically, cut into windows, attended, and put back; geometry/windows
 * has the rules, which include clamping a window that is larger than the map. mask is -100 between tokens from
 * different sides of the map, as published systems have it, and -1e9 for cells that 'masked' padding added.
 *
 * Gradient by recompute, with P = softmax(S) and D = dropout (1 without):
 *
 *   dv = (P D)^T dy,  dP = D dy v^T,  dS = P (dP - sum over keys of dP P),
 *   dq = scale dS k,  dk = scale dS^T q,  dtable = sum of dS over batch, windows and pairs with that index,
 *   and through q / |q| and logitScale for 'cosine'; dpadToken = sum of dqkv over the padded cells.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.2; Liu et al. 2022, "Swin Transformer V2", section 3.3.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {
  COUNT,
  checkNumber,
  checkNumbers,
  FINITE,
  oneOf,
  rate,
  WHOLE,
  wholeNumber,
} from '../common/arguments.js';
import {ConfigError, ShapeError} from '../common/errors.js';
import {type ArgumentNames, checkArguments} from '../common/known_arguments.js';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape} from '../common/shapes.js';
import {showValue} from '../common/show_value.js';
import {relativeTableSize} from '../geometry/relative_position.js';
import type {Pair, WindowPadding} from '../geometry/windows.js';

export interface WindowAttentionInputs {
  qkv: tf.Tensor4D;
  table: tf.Tensor2D;
  logitScale?: tf.Tensor1D;
  padToken?: tf.Tensor1D;
}

export interface WindowAttentionAttrs {
  numHeads: number;
  /** Window asked for, [rows, columns]; the one in use may be smaller, see geometry/windows. */
  windowSize: Pair;
  /** Cyclic shift asked for, [rows, columns]; [0, 0] for W-MSA. */
  shift: Pair;
  padding: WindowPadding;
  score: 'dot' | 'cosine';
  /** Factor of the scores for 'dot'; not read for 'cosine'. */
  scale: number;
  /** Drops attention weights at `rate` and divides what is left by 1 - rate; equal seeds drop the same weights. */
  dropout?: {rate: number; seed: number};
}

/** Largest logit scale of 'cosine' before exp: ln 100. */
export const MAX_LOGIT_SCALE = Math.log(100);

/** What is added to a score between regions of a shifted map, and for a key that must never be attended. */
export const REGION_MASK = -100;
export const PADDING_MASK = -1e9;

/** Smallest length that q and k are divided by for 'cosine'. */
export const MIN_NORM = 1e-12;

const INPUTS = {
  required: {qkv: '[B, H, W, 3C]', table: '[(2 Wh - 1)(2 Ww - 1), heads]'},
  optional: {logitScale: '[heads]', padToken: '[3C]'},
} satisfies InputShapes<WindowAttentionInputs>;

const ATTRIBUTES = {
  ...{numHeads: true, windowSize: true, shift: true, padding: true, score: true, scale: true, dropout: true},
} as const satisfies ArgumentNames<WindowAttentionAttrs>;

const HINTS = {window: 'give windowSize', shiftSize: 'give shift'};

/** Throws ShapeError or ConfigError for inputs and attributes that do not fit each other. */
export function checkWindowAttention(inputs: WindowAttentionInputs, attrs: WindowAttentionAttrs): void {
  const who = 'windowAttention';
  checkTensors(who, inputs, INPUTS);
  checkAttentionAttrs(who, attrs);
  requireShape(who, 'qkv', inputs.qkv, [null, null, null, null], '[B, H, W, 3C]');
  const last = inputs.qkv.shape[3];
  if (last % (3 * attrs.numHeads) !== 0) {
    throw new ShapeError(
      `${who}: the last axis of qkv must be 3 * numHeads * head size; got ${last} for ${attrs.numHeads} heads.`,
    );
  }
  checkAttention(who, last, inputs, attrs);
}

/** Throws ConfigError for attributes of attention that are missing, unknown or of another kind. */
export function checkAttentionAttrs(who: string, attrs: WindowAttentionAttrs): void {
  checkArguments(who, attrs, ATTRIBUTES, HINTS);
  const {numHeads, windowSize, shift, padding, score, scale, dropout} = attrs;
  checkNumber(who, 'numHeads', numHeads, COUNT);
  for (const [name, pair] of Object.entries({windowSize, shift})) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new ConfigError(`${who}: ${name} must be two numbers, [rows, columns]; got ${showValue(pair)}.`);
    }
  }
  oneOf(who, 'padding', padding, ['masked', 'attended']);
  oneOf(who, 'score', score, ['dot', 'cosine']);
  if (score === 'dot') checkNumber(who, 'scale', scale, FINITE);
  if (dropout === undefined) return;
  checkArguments(`${who}: dropout`, dropout, {rate: true, seed: true});
  rate(who, 'dropout.rate', dropout.rate);
  checkNumber(who, 'dropout.seed', dropout.seed, WHOLE);
}

/**
 * Throws ShapeError or ConfigError for attributes of attention, and inputs beside qkv, that do not fit each other.
 *
 * @param who The operation that attends, for the messages.
 * @param last Size of the last axis of qkv, 3C.
 */
export function checkAttention(
  who: string,
  last: number,
  {table, logitScale, padToken}: Omit<WindowAttentionInputs, 'qkv'>,
  {numHeads, windowSize, shift, score}: WindowAttentionAttrs,
): void {
  checkNumbers(who, 'windowSize', windowSize, {count: 2, per: 'axis', rule: COUNT});
  for (const axis of [0, 1] as const) {
    checkNumber(who, `shift[${axis}]`, shift[axis], wholeNumber(0, windowSize[axis] - 1), {
      fix: `the windows are [${windowSize.join(', ')}]`,
    });
  }
  requireShape(
    who,
    'table',
    table,
    [relativeTableSize(windowSize), numHeads],
    '[(2 Wh - 1)(2 Ww - 1), heads]',
  );
  if (score === 'cosine' && !logitScale) {
    throw new ConfigError(
      `${who}: score 'cosine' needs logitScale; got none (pass [heads], ln 10 to start with).`,
    );
  }
  if (logitScale) requireShape(who, 'logitScale', logitScale, [numHeads], '[heads]');
  if (padToken) requireShape(who, 'padToken', padToken, [last], '[3C]');
}

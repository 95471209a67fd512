/**
 * Adds up what the gradient of window attention leaves for each slot (some windows of one head): dtable, dlogitScale and
 * dpadToken.
 *
 *   sums, one after the other:  dbias [slots, heads, N keys, N queries],  dlogitScale [slots, heads, N],
 *                               dpadToken [slots, heads, N, 3, d]
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {MAX_LOGIT_SCALE} from '../../contracts/window_attention.js';
import {output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';

const SIZE = 64;

/**
 * dtable[r, head] = sum over slots, and over the pairs of tokens whose row of the table is r, of dbias. A workgroup has
 * one row and head; its invocations go through the pairs of the row and the slots side by side, and are added up in a
 * fixed order.
 */
export const tableSumsShader: Shader<object> = {
  name: 'table_sums',
  size: () => SIZE,
  uniforms: {
    heads: 'u32',
    slots: 'u32',
    windowRows: 'u32',
    windowColumns: 'u32',
    across: 'u32',
    origin: 'u32',
  },
  bindings: () => [writeBuffer('dtable'), readBuffer('sums')],
  declarations: () => 'var<workgroup> parts: array<f32, SIZE>;',
  body: () => `
  let row = i32(group / u.heads);
  let head = group % u.heads;
  let across = i32(u.across);
  let originRow = i32(u.origin) / across;
  let originColumn = i32(u.origin) % across;
  // Query minus key, in rows and in columns.
  let down = row / across - originRow;
  let right = row % across - originColumn;
  let rows = i32(u.windowRows) - abs(down);
  let columns = i32(u.windowColumns) - abs(right);
  var sum = 0.0;
  if (rows > 0 && columns > 0) {
    let tokens = u.windowRows * u.windowColumns;
    let pairs = u32(rows * columns);
    for (var i = lane; i < pairs * u.slots; i += SIZE) {
      let slot = i / pairs;
      let keyRow = i32((i % pairs) / u32(columns)) + max(0, -down);
      let keyColumn = i32((i % pairs) % u32(columns)) + max(0, -right);
      let key = u32(keyRow) * u.windowColumns + u32(keyColumn);
      let query = u32(keyRow + down) * u.windowColumns + u32(keyColumn + right);
      sum += sums[((slot * u.heads + head) * tokens + key) * tokens + query];
    }
  }
  parts[lane] = sum;
  workgroupBarrier();
  for (var step = SIZE / 2u; step > 0u; step /= 2u) {
    if (lane < step) { parts[lane] += parts[lane + step]; }
    workgroupBarrier();
  }
  if (lane == 0u) { dtable[group] = parts[0]; }`,
};

type OptionalParameters = {kind: 'scale' | 'pad'};

/**
 * dlogitScale [heads], 0 where the scale is at its upper limit, or dpadToken [3C]: an invocation adds up one number over
 * slots and tokens.
 */
export const optionalSumsShader: Shader<OptionalParameters> = {
  name: 'attention_optional_sums',
  size: () => SIZE,
  uniforms: {size: 'u32', begin: 'u32', heads: 'u32', headSize: 'u32', tokens: 'u32', slots: 'u32'},
  bindings: ({kind}) => [
    writeBuffer('gradient'),
    readBuffer('sums'),
    ...(kind === 'scale' ? [readBuffer('logitScale')] : []),
  ],
  body: ({kind}) => `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  ${kind === 'scale' ? 'let head = i;' : 'let head = (i / u.headSize) % u.heads;'}
  var sum = 0.0;
  for (var slot = 0u; slot < u.slots; slot++) {
    for (var token = 0u; token < u.tokens; token++) {
      let row = (slot * u.heads + head) * u.tokens + token;
      ${
        kind === 'scale'
          ? 'sum += sums[u.begin + row];'
          : `let part = i / u.headSize / u.heads;
      sum += sums[u.begin + (row * 3u + part) * u.headSize + i % u.headSize];`
      }
    }
  }
  gradient[i] = ${kind === 'scale' ? `select(sum, 0.0, logitScale[i] > ${MAX_LOGIT_SCALE})` : 'sum'};`,
};

/** Where the sums of a slot lie, and of which windows they are. */
interface AttentionSums {
  sums: tf.TensorInfo;
  slots: number;
  heads: number;
  headSize: number;
  tokens: number;
  /** The first of the sums for dlogitScale, and for dpadToken. */
  scaleSums: number;
  padSums: number;
}

/** dtable. */
export function tableGradient(
  backend: WebGPUBackend,
  {sums, slots, heads}: AttentionSums,
  table: tf.TensorInfo,
  window: Record<'windowRows' | 'windowColumns' | 'across' | 'origin', number>,
): tf.TensorInfo {
  const dtable = output(backend, table.shape);
  const {windowRows, windowColumns, across, origin} = window;
  const uniforms = {heads, slots, windowRows, windowColumns, across, origin};
  run(backend, tableSumsShader, {}, {dtable, sums}, uniforms, table.shape[0] * heads);
  return dtable;
}

/** dlogitScale, of the given logitScale. */
export function scaleGradient(
  backend: WebGPUBackend,
  {sums, scaleSums: begin, heads, headSize, tokens, slots}: AttentionSums,
  logitScale: tf.TensorInfo,
): tf.TensorInfo {
  const gradient = output(backend, logitScale.shape);
  const size = tf.util.sizeFromShape(logitScale.shape);
  const uniforms = {size, begin, heads, headSize, tokens, slots};
  const buffers = {gradient, sums, logitScale};
  run(backend, optionalSumsShader, {kind: 'scale'}, buffers, uniforms, workgroups(size, SIZE));
  return gradient;
}

/** dpadToken, of the given padToken. */
export function padTokenGradient(
  backend: WebGPUBackend,
  {sums, padSums: begin, heads, headSize, tokens, slots}: AttentionSums,
  padToken: tf.TensorInfo,
): tf.TensorInfo {
  const gradient = output(backend, padToken.shape);
  const size = tf.util.sizeFromShape(padToken.shape);
  const uniforms = {size, begin, heads, headSize, tokens, slots};
  run(backend, optionalSumsShader, {kind: 'pad'}, {gradient, sums}, uniforms, workgroups(size, SIZE));
  return gradient;
}

/**
 * windowAttention on the webgpu backend. Contract: contracts/window_attention.
 *
 * An invocation has a query: q and the sum of the weighted values in registers, keys and values of the window in
 * workgroup memory, a block at a time. The softmax is computed as the keys pass by: where a score exceeds the largest so
 * far, what has been added up is scaled down. No score is ever stored.
 *
 * Source: Milakov & Gimelshein 2018, "Online normalizer calculation for softmax".
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {MIN_NORM, type WindowAttentionAttrs} from '../../contracts/window_attention.js';
import {attentionPlan, attentionSizes} from '../primitives/attention_plan.js';
import {isF16, mapOutput, mapShape} from '../runtime/f16_maps.js';
import {run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {
  type AttentionParameters,
  attentionDeclarations,
  attentionUniforms,
  headWriter,
  loadBlock,
  scoreFactor,
} from '../wgsl/attention_window.js';
import {elementType, float32Storage, rowStorage} from '../wgsl/row_storage.js';

export const windowAttentionShader: Shader<AttentionParameters> = {
  name: 'window_attention',
  size: ({size}) => size,
  uniforms: attentionUniforms,
  bindings: ({storage, cosine, padToken}) => [
    writeBuffer('y', elementType(storage)),
    readBuffer('qkv', elementType(storage)),
    readBuffer('table'),
    ...(cosine ? [readBuffer('logitScale')] : []),
    ...(padToken ? [readBuffer('padToken', elementType(float32Storage(storage)))] : []),
  ],
  declarations: (p) => `${attentionDeclarations(p)}
${headWriter('y', p, p.storage)}`,
  body: (p) => `
  let sub = lane / LANES;
  let l = lane % LANES;
  let pair = group * (SIZE / LANES) + sub;
  let live = pair < u.pairs;
  let head = pair % u.heads;
  let window = pair / u.heads;
  for (var turn = 0u; turn < u.tokens; turn += LANES) {
    let query = turn + l;
    let busy = live && query < u.tokens;
    let mine = placeOf(window, min(query, u.tokens - 1u));
    var q = array<vec4f, VECTORS>();
    var sums = array<vec4f, VECTORS>();
    var squares = 0.0;
    if (busy) {
      for (var i = 0u; i < VECTORS; i++) {
        q[i] = tokenVector(mine.cell, 0u, head, i);
        squares += dot(q[i], q[i]);
      }
      let factor = ${scoreFactor(p)}${p.cosine ? ` / max(sqrt(squares), ${MIN_NORM})` : ''};
      for (var i = 0u; i < VECTORS; i++) { q[i] *= factor; }
    }
    var top = LOWEST;
    var sum = 0.0;
    for (var begin = 0u; begin < u.tokens; begin += BLOCK) {
      ${loadBlock(p, 1, 'tokenVector(place.cell, 2u, head, i % VECTORS)')}
      if (busy) {
        for (var j = 0u; j < min(BLOCK, u.tokens - begin); j++) {
          let at = (sub * BLOCK + j) * VECTORS;
          var score = offsetOf(mine.token, places[sub * BLOCK + j], head);
          for (var i = 0u; i < VECTORS; i++) { score += dot(q[i], first[at + i]); }
          if (score > top) {
            let down = exp(top - score);
            sum *= down;
            for (var i = 0u; i < VECTORS; i++) { sums[i] *= down; }
            top = score;
          }
          ${p.dropout ? 'var' : 'let'} weight = exp(score - top);
          sum += weight;
          ${p.dropout ? 'weight *= dropped((pair * u.tokens + query) * u.tokens + begin + j);' : ''}
          for (var i = 0u; i < VECTORS; i++) { sums[i] += weight * second[at + i]; }
        }
      }
      workgroupBarrier();
    }
    if (busy && mine.cell >= 0) {
      for (var i = 0u; i < VECTORS; i++) {
        yStore(u32(mine.cell) * u.heads * D + head * D, i, sums[i] / sum);
      }
    }
  }`,
};

interface AttentionInputs {
  qkv: tf.TensorInfo;
  table: tf.TensorInfo;
  logitScale?: tf.TensorInfo;
  padToken?: tf.TensorInfo;
}

/** y; 16-bit floats where qkv is. */
export function runWindowAttention(
  backend: WebGPUBackend,
  {qkv, table, logitScale, padToken}: AttentionInputs,
  attrs: WindowAttentionAttrs,
): tf.TensorInfo {
  const {headSize, hidden, isPadded, uniforms} = attentionSizes(mapShape(qkv), attrs);
  const plan = attentionPlan(backend, uniforms.tokens, headSize, 0);
  const f16 = isF16(qkv);
  const parameters = {
    ...plan,
    headSize,
    storage: rowStorage(headSize, f16),
    cosine: attrs.score === 'cosine',
    hidden,
    padToken: padToken !== undefined && attrs.padding === 'attended' && isPadded,
    dropout: attrs.dropout !== undefined,
  };
  const y = mapOutput(backend, [...qkv.shape.slice(0, 3), mapShape(qkv)[3] / 3], f16);
  const groups = workgroups(uniforms.pairs * plan.lanes, plan.size);
  run(backend, windowAttentionShader, parameters, {y, qkv, table, logitScale, padToken}, uniforms, groups);
  return y;
}

/** What `tf.registerKernel` takes. */
export const windowAttentionConfig = webgpuKernel<keyof AttentionInputs, WindowAttentionAttrs>(
  'SwintWindowAttention',
  runWindowAttention,
);

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
import {isHalf, mapOutput, mapShape} from '../runtime/f16_maps.js';
import {run, type Shader} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {
  type AttentionParameters,
  attentionDeclarations,
  attentionPlan,
  attentionSizes,
  attentionUniforms,
  loadBlock,
  rowWriter,
  scoreFactor,
} from '../wgsl/attention_window.js';

export const windowAttentionShader: Shader<AttentionParameters> = {
  name: 'window_attention',
  size: ({size}) => size,
  uniforms: attentionUniforms,
  bindings: ({vector, half, cosine, padToken}) => {
    const type = vector ? 'vec4f' : 'f32';
    const map = half ? 'vec2u' : type;
    return [
      {name: 'y', type: map, access: 'out'},
      {name: 'qkv', type: map, access: 'in'},
      {name: 'table', type: 'f32', access: 'in'},
      ...(cosine ? [{name: 'logitScale', type: 'f32', access: 'in'} as const] : []),
      ...(padToken ? [{name: 'padToken', type, access: 'in'} as const] : []),
    ];
  },
  declarations: (p) => `${attentionDeclarations(p, [])}
${rowWriter('y', p, p.half)}`,
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
          var score = offsetOf(vec2u(mine.at, mine.region), places[sub * BLOCK + j], head);
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
  const half = isHalf(qkv);
  const y = mapOutput(backend, [...qkv.shape.slice(0, 3), mapShape(qkv)[3] / 3], half);
  run(
    backend,
    windowAttentionShader,
    {
      ...plan,
      headSize,
      vector: headSize % 4 === 0,
      half: half || undefined,
      cosine: attrs.score === 'cosine' || undefined,
      hidden: hidden || undefined,
      padToken: (padToken && attrs.padding === 'attended' && isPadded) || undefined,
      dropout: attrs.dropout && true,
    },
    {y, qkv, table, logitScale, padToken},
    uniforms,
    Math.ceil((uniforms.pairs * plan.lanes) / plan.size),
  );
  return y;
}

/** What `tf.registerKernel` takes. */
export const windowAttentionConfig = webgpuKernel<keyof AttentionInputs, WindowAttentionAttrs>(
  'SwintWindowAttention',
  runWindowAttention,
);

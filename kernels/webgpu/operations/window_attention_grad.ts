/**
 * The gradient of windowAttention on the webgpu backend, by recompute: dqkv, and the sums that dtable, dlogitScale and
 * dpadToken are made of. Contract: contracts/window_attention.
 *
 * Each window is gone through three times. An invocation with a query finds the largest score, the sum and
 * sum over keys of dP P; then it finds dS = P (dP - that sum) and with it dq and dbias; then an invocation with a key
 * finds dk and dv from the statistics that the queries have left in workgroup memory.
 *
 * Nothing is added to by two invocations: a slot (some windows of one head) has sums of its own, in which each number
 * belongs to one query or key, and attention_sums adds up the slots in their order.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {MIN_NORM, type WindowAttentionAttrs} from '../../contracts/window_attention.js';
import {attentionPlan, attentionSizes} from '../primitives/attention_plan.js';
import {padTokenGradient, scaleGradient, tableGradient} from '../primitives/attention_sums.js';
import {isF16, mapShape} from '../runtime/f16_maps.js';
import {filled, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {
  type AttentionParameters,
  attentionDeclarations,
  attentionUniforms,
  headReader,
  headWriter,
  loadBlock,
  scoreFactor,
} from '../wgsl/attention_window.js';
import {elementType, float32Storage, rowStorage} from '../wgsl/row_storage.js';

type AttentionGradParameters = AttentionParameters & {
  /** Tokens of a window, for statistics in workgroup memory. */
  tokens: number;
};

/** What the queries leave in workgroup memory for the keys; its bytes for a token. */
const STATISTICS = `
/** Of a query: its largest score, the sum of exp(score - top), and the mean of dP by the weights. */
struct QueryStatistics { top: f32, sum: f32, meanGradient: f32 }`;
const STATISTICS_BYTES = 12;

/** Adds a number to its place among the sums; the first window of a slot begins it. */
const add = (place: string, value: string) =>
  `sums[${place}] = select(sums[${place}], 0.0, visit == 0u) + ${value};`;

/** Score and dP of query and key, both as vectors: x, y of one, first, second in workgroup memory of the other. */
const scoreAndGradient = (x: string, y: string, query: string, key: string) => `
          var score = offsetOf(${query}, ${key}, head);
          var gradient = 0.0;
          for (var i = 0u; i < VECTORS; i++) {
            score += dot(${x}[i], first[at + i]);
            gradient += dot(${y}[i], second[at + i]);
          }`;

const drop = (p: AttentionGradParameters, query: string, key: string) =>
  p.dropout
    ? `let factor = dropped(((window * u.heads + head) * u.tokens + ${query}) * u.tokens + ${key});
          gradient *= factor;`
    : '';

/** What a query does with each key, whose score and dP are at hand. `load`: whether keys and values have to be brought. */
const overKeys = (p: AttentionGradParameters, each: string, load: boolean) =>
  `for (var begin = 0u; begin < u.tokens; begin += BLOCK) {
        ${load ? loadBlock(p, 1, 'tokenVector(place.cell, 2u, head, i % VECTORS)') : ''}
        if (busy) {
          for (var j = 0u; j < min(BLOCK, u.tokens - begin); j++) {
            let at = (sub * BLOCK + j) * VECTORS;
            ${scoreAndGradient('q', 'dOut', 'me', 'places[sub * BLOCK + j]')}
            ${drop(p, 'token', '(begin + j)')}
            ${each}
          }
        }
        workgroupBarrier();
      }`;

/** dx of x from dh of h = x / |x|: \`h\` the unit vector times \`factor\`, in place. */
const throughLength = (dh: string, h: string, factor: string, length: string) => `
        var product = 0.0;
        for (var i = 0u; i < VECTORS; i++) { product += dot(${h}[i], ${dh}[i]); }
        for (var i = 0u; i < VECTORS; i++) {
          ${dh}[i] = (${factor} * ${dh}[i] - ${h}[i] * (product / ${factor})) / ${length};
        }`;

/** Writes vector i of dq (part 0), dk or dv of a token, or adds it to that of padToken. */
const store = (p: AttentionGradParameters, part: number, value: string) => `
          if (mine.cell >= 0) {
            dqkvStore((u32(mine.cell) * 3u + ${part}u) * u.heads * D + head * D, i, ${value});
          }${
            p.padToken
              ? ` else {
            let place = u.padSums + (((slot * u.heads + head) * u.tokens + token) * 3u + ${part}u) * D + 4u * i;
            for (var c = 0u; c < 4u && 4u * i + c < D; c++) { padSum(place + c, ${value}[c]); }
          }`
              : ''
          }`;

/** Queries: statistics, then dq and dbias. */
const queries = (p: AttentionGradParameters) => `
    for (var turn = 0u; turn < u.tokens; turn += LANES) {
      let token = turn + l;
      let busy = live && token < u.tokens;
      let mine = placeOf(window, min(token, u.tokens - 1u));
      let me = mine.token;
      var q = array<vec4f, VECTORS>();
      var dOut = array<vec4f, VECTORS>();
      var squares = 0.0;
      if (busy) {
        for (var i = 0u; i < VECTORS; i++) {
          q[i] = tokenVector(mine.cell, 0u, head, i);
          dOut[i] = dyOf(mine.cell, head, i);
          squares += dot(q[i], q[i]);
        }
      }
      let factorOfScores = ${scoreFactor(p)};
      let length = max(sqrt(squares), ${MIN_NORM});
      for (var i = 0u; i < VECTORS; i++) { q[i] *= factorOfScores${p.cosine ? ' / length' : ''}; }
      var top = LOWEST;
      var sum = 0.0;
      var meanGradient = 0.0;
      ${overKeys(
        p,
        `if (score > top) {
              let down = exp(top - score);
              sum *= down;
              meanGradient *= down;
              top = score;
            }
            let weight = exp(score - top);
            sum += weight;
            meanGradient += weight * gradient;`,
        true,
      )}
      meanGradient /= sum;
      var dq = array<vec4f, VECTORS>();
      ${overKeys(
        p,
        `let dScore = exp(score - top) / sum * (gradient - meanGradient);
            for (var i = 0u; i < VECTORS; i++) { dq[i] += dScore * first[at + i]; }
            ${add('biasSums + (begin + j) * u.tokens + token', 'dScore')}`,
        p.block < p.tokens,
      )}
      if (busy) {
        statistics[sub * u.tokens + token] = QueryStatistics(top, sum, meanGradient);
        ${
          p.cosine
            ? `{
        var total = 0.0;
        for (var i = 0u; i < VECTORS; i++) { total += dot(q[i], dq[i]); }
        ${add('u.scaleSums + (slot * u.heads + head) * u.tokens + token', 'total')}
        }
        {${throughLength('dq', 'q', 'factorOfScores', 'length')}
        }`
            : 'for (var i = 0u; i < VECTORS; i++) { dq[i] *= factorOfScores; }'
        }
        for (var i = 0u; i < VECTORS; i++) {
          ${store(p, 0, 'dq[i]')}
        }
      }
    }`;

/** Keys: dk and dv. */
const keys = (p: AttentionGradParameters) => `
    for (var turn = 0u; turn < u.tokens; turn += LANES) {
      let token = turn + l;
      let busy = live && token < u.tokens;
      let mine = placeOf(window, min(token, u.tokens - 1u));
      let me = mine.token;
      let factorOfScores = ${scoreFactor(p)};
      var k = array<vec4f, VECTORS>();
      var v = array<vec4f, VECTORS>();
      var dk = array<vec4f, VECTORS>();
      var dv = array<vec4f, VECTORS>();
      var squares = 0.0;
      if (busy) {
        for (var i = 0u; i < VECTORS; i++) {
          k[i] = tokenVector(mine.cell, 1u, head, i);
          v[i] = tokenVector(mine.cell, 2u, head, i);
          squares += dot(k[i], k[i]);
        }
      }
      let length = max(sqrt(squares), ${MIN_NORM});
      // The factor of the scores goes with k here: the queries in workgroup memory are without it.
      for (var i = 0u; i < VECTORS; i++) { k[i] *= factorOfScores${p.cosine ? ' / length' : ''}; }
      for (var begin = 0u; begin < u.tokens; begin += BLOCK) {
        ${loadBlock(p, 0, 'dyOf(place.cell, head, i % VECTORS)')}
        if (busy) {
          for (var j = 0u; j < min(BLOCK, u.tokens - begin); j++) {
            let at = (sub * BLOCK + j) * VECTORS;
            ${scoreAndGradient('k', 'v', 'places[sub * BLOCK + j]', 'me')}
            ${drop(p, '(begin + j)', 'token')}
            let found = statistics[sub * u.tokens + begin + j];
            let weight = exp(score - found.top) / found.sum;
            let dScore = weight * (gradient - found.meanGradient);
            for (var i = 0u; i < VECTORS; i++) {
              dk[i] += dScore * first[at + i];
              dv[i] += weight${p.dropout ? ' * factor' : ''} * second[at + i];
            }
          }
        }
        workgroupBarrier();
      }
      if (busy) {
        ${
          p.cosine
            ? `{
        // h is k / |k|: what stands in k, without the factor of the scores, which dk has still to get.
        for (var i = 0u; i < VECTORS; i++) { k[i] /= factorOfScores; dk[i] *= factorOfScores; }
        ${throughLength('dk', 'k', '1.0', 'length')}
        }`
            : 'for (var i = 0u; i < VECTORS; i++) { dk[i] *= factorOfScores; }'
        }
        for (var i = 0u; i < VECTORS; i++) {
          ${store(p, 1, 'dk[i]')}
          ${store(p, 2, 'dv[i]')}
        }
      }
    }`;

const declarations = (p: AttentionGradParameters) => `${attentionDeclarations(p)}
${headReader('dy', p, float32Storage(p.storage))}
${headWriter('dqkv', p, float32Storage(p.storage))}
${STATISTICS}
var<workgroup> statistics: array<QueryStatistics, ${(p.tokens * p.size) / p.lanes}>;
${p.padToken ? 'fn padSum(place: u32, value: f32) { sums[place] += value; }' : ''}

/** Vector i of dy; a cell that padding added has none. */
fn dyOf(cell: i32, head: u32, i: u32) -> vec4f {
  if (cell < 0) { return vec4f(); }
  return dyVector(u32(cell) * u.heads * D + head * D, i);
}`;

export const windowAttentionGradShader: Shader<AttentionGradParameters> = {
  name: 'window_attention_grad',
  size: ({size}) => size,
  uniforms: {...attentionUniforms, windows: 'u32', slots: 'u32', scaleSums: 'u32', padSums: 'u32'},
  bindings: ({storage, cosine, padToken}) => {
    const float32 = elementType(float32Storage(storage));
    return [
      writeBuffer('dqkv', float32),
      writeBuffer('sums'),
      readBuffer('qkv', elementType(storage)),
      readBuffer('table'),
      readBuffer('dy', float32),
      ...(cosine ? [readBuffer('logitScale')] : []),
      ...(padToken ? [readBuffer('padToken', float32)] : []),
    ];
  },
  declarations,
  body: (p) => `
  let sub = lane / LANES;
  let l = lane % LANES;
  let number = group * (SIZE / LANES) + sub;
  let head = number % u.heads;
  let slot = number / u.heads;
  let biasSums = (slot * u.heads + head) * u.tokens * u.tokens;
  for (var visit = 0u; visit * u.slots < u.windows; visit++) {
    let window = visit * u.slots + slot;
    let live = slot < u.slots && window < u.windows;
    ${queries(p)}
    workgroupBarrier();
    ${keys(p)}
    workgroupBarrier();
  }`,
};

/** Slots that keep a GPU busy, all heads together. */
const SLOTS = 512;

interface AttentionGradInputs {
  qkv: tf.TensorInfo;
  table: tf.TensorInfo;
  logitScale?: tf.TensorInfo;
  padToken?: tf.TensorInfo;
  dy: tf.TensorInfo;
}

/** How many slots there are, and where the sums of each kind begin; `size` numbers in all. */
function planSums(
  {heads, tokens, windows, headSize}: Record<'heads' | 'tokens' | 'windows' | 'headSize', number>,
  cosine: boolean,
  attended: boolean,
) {
  const slots = Math.max(1, Math.min(windows, Math.ceil(SLOTS / heads)));
  const scaleSums = slots * heads * tokens * tokens;
  const padSums = scaleSums + (cosine ? slots * heads * tokens : 0);
  return {slots, scaleSums, padSums, size: padSums + (attended ? slots * heads * tokens * 3 * headSize : 0)};
}

/** dqkv, dtable, and the gradients of logitScale and padToken where they are given. */
export function runWindowAttentionGrad(
  backend: WebGPUBackend,
  {qkv, table, logitScale, padToken, dy}: AttentionGradInputs,
  attrs: WindowAttentionAttrs,
): tf.TensorInfo[] {
  const {windows, headSize, hidden, isPadded, uniforms} = attentionSizes(mapShape(qkv), attrs);
  const {heads, tokens} = uniforms;
  const cosine = attrs.score === 'cosine';
  const attended = padToken !== undefined && attrs.padding === 'attended' && isPadded;
  const plan = attentionPlan(backend, tokens, headSize, STATISTICS_BYTES);
  const parameters = {
    ...{...plan, headSize, tokens, storage: rowStorage(headSize, isF16(qkv)), cosine, hidden},
    padToken: attended,
    dropout: attrs.dropout !== undefined,
  };
  const {size, ...cut} = planSums({heads, tokens, windows, headSize}, cosine, attended);
  const sums = attended ? filled(backend, [size], 0) : output(backend, [size]);
  const dqkv = output(backend, mapShape(qkv));
  run(
    backend,
    windowAttentionGradShader,
    parameters,
    {dqkv, sums, qkv, table, dy, logitScale, padToken},
    {...uniforms, ...cut, windows},
    workgroups(cut.slots * heads * plan.lanes, plan.size),
  );
  const all = {...cut, sums, heads, headSize, tokens};
  const results = [dqkv, tableGradient(backend, all, table, uniforms)];
  const zeros = ({shape}: tf.TensorInfo) => filled(backend, shape, 0);
  if (logitScale) results.push(cosine ? scaleGradient(backend, all, logitScale) : zeros(logitScale));
  if (padToken) results.push(attended ? padTokenGradient(backend, all, padToken) : zeros(padToken));
  backend.disposeData(sums.dataId);
  return results;
}

/** What `tf.registerKernel` takes. */
export const windowAttentionGradConfig = webgpuKernel<keyof AttentionGradInputs, WindowAttentionAttrs>(
  'SwintWindowAttentionGrad',
  runWindowAttentionGrad,
);

/**
 * The gradient of windowAttention on the webgpu backend, by recompute: dqkv, and the sums that dtable, dlogitScale and
 * dpadToken are made of. Contract: contracts/window_attention.
 *
 * Each window is gone through three times. An invocation with a query finds the largest score, the sum and
 * sum over keys of dP P; then it finds dS = P (dP - that sum) and with it dq and dbias; then an invocation with a key
 * finds dk and dv from the statistics that the queries have left in workgroup memory.
 *
 * Nothing is added to by two invocations: a slot (some windows of one head) has sums of its own, in which each number
 * belongs to one query or key, and sum_parts and table_sums add up the slots in their order.
 *
 *   sums, one after the other:  dbias [slots, heads, N keys, N queries],  dlogitScale [slots, heads, N],
 *                               dpadToken [slots, heads, N, 3, d]
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {MAX_LOGIT_SCALE, MIN_NORM, type WindowAttentionAttrs} from '../../contracts/window_attention.js';
import {isHalf, mapShape} from '../runtime/f16_maps.js';
import {filled, output, run, type Shader} from '../runtime/program.js';
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

/** Bytes of statistics for a token. */
const STATISTICS = 12;

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

const drop = (p: AttentionParameters, query: string, key: string) =>
  p.dropout
    ? `let factor = dropped(((window * u.heads + head) * u.tokens + ${query}) * u.tokens + ${key});
          gradient *= factor;`
    : '';

/** What a query does with each key, whose score and dP are at hand. `load`: whether keys and values have to be brought. */
const overKeys = (p: AttentionParameters, each: string, load: boolean) =>
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
        var along = 0.0;
        for (var i = 0u; i < VECTORS; i++) { along += dot(${h}[i], ${dh}[i]); }
        for (var i = 0u; i < VECTORS; i++) {
          ${dh}[i] = (${factor} * ${dh}[i] - ${h}[i] * (along / ${factor})) / ${length};
        }`;

const store = (p: AttentionParameters, part: number, value: string) => `
          if (mine.cell >= 0) {
            dqkvStore((u32(mine.cell) * 3u + ${part}u) * u.heads * D + head * D, i, ${value});
          }${
            p.padGradient
              ? ` else {
            let place = u.padSums + (((slot * u.heads + head) * u.tokens + token) * 3u + ${part}u) * D + 4u * i;
            for (var c = 0u; c < 4u && 4u * i + c < D; c++) { padSum(place + c, ${value}[c]); }
          }`
              : ''
          }`;

export const windowAttentionGradShader: Shader<AttentionParameters> = {
  name: 'window_attention_grad',
  size: ({size}) => size,
  uniforms: {...attentionUniforms, windows: 'u32', slots: 'u32', scaleSums: 'u32', padSums: 'u32'},
  bindings: ({vector, half, cosine, padToken}) => {
    const type = vector ? 'vec4f' : 'f32';
    return [
      {name: 'dqkv', type, access: 'out'},
      {name: 'sums', type: 'f32', access: 'out'},
      {name: 'qkv', type: half ? 'vec2u' : type, access: 'in'},
      {name: 'table', type: 'f32', access: 'in'},
      {name: 'dy', type, access: 'in'},
      ...(cosine ? [{name: 'logitScale', type: 'f32', access: 'in'} as const] : []),
      ...(padToken ? [{name: 'padToken', type, access: 'in'} as const] : []),
    ];
  },
  declarations: (p) => `${attentionDeclarations(p, ['dy'])}
${rowWriter('dqkv', p)}
var<workgroup> statistics: array<array<f32, 3>, ${((p.tokens ?? 1) * p.size) / p.lanes}>;
${p.padGradient ? 'fn padSum(place: u32, value: f32) { sums[place] += value; }' : ''}

/** Vector i of dy; a cell that padding added has none. */
fn dyOf(cell: i32, head: u32, i: u32) -> vec4f {
  if (cell < 0) { return vec4f(); }
  return dyVector(u32(cell) * u.heads * D + head * D, i);
}`,
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
    // Queries: statistics, then dq and dbias.
    for (var turn = 0u; turn < u.tokens; turn += LANES) {
      let token = turn + l;
      let busy = live && token < u.tokens;
      let mine = placeOf(window, min(token, u.tokens - 1u));
      let me = vec2u(mine.at, mine.region);
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
      var along = 0.0;
      ${overKeys(
        p,
        `if (score > top) {
              let down = exp(top - score);
              sum *= down;
              along *= down;
              top = score;
            }
            let weight = exp(score - top);
            sum += weight;
            along += weight * gradient;`,
        true,
      )}
      along /= sum;
      var dq = array<vec4f, VECTORS>();
      ${overKeys(
        p,
        `let dScore = exp(score - top) / sum * (gradient - along);
            for (var i = 0u; i < VECTORS; i++) { dq[i] += dScore * first[at + i]; }
            ${add('biasSums + (begin + j) * u.tokens + token', 'dScore')}`,
        p.block < (p.tokens ?? 1),
      )}
      if (busy) {
        statistics[sub * u.tokens + token] = array<f32, 3>(top, sum, along);
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
    }
    workgroupBarrier();
    // Keys: dk and dv.
    for (var turn = 0u; turn < u.tokens; turn += LANES) {
      let token = turn + l;
      let busy = live && token < u.tokens;
      let mine = placeOf(window, min(token, u.tokens - 1u));
      let me = vec2u(mine.at, mine.region);
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
            let weight = exp(score - found[0]) / found[1];
            let dScore = weight * (gradient - found[2]);
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
    }
    workgroupBarrier();
  }`,
};

type TableParameters = {cosine: boolean};

/**
 * dtable[r, head] = sum over slots, and over the pairs of tokens whose row of the table is r, of dbias. A workgroup has
 * one row and head; its invocations go through the pairs of the row and the slots side by side, and are added up in a
 * fixed order.
 */
export const tableSumsShader: Shader<TableParameters> = {
  name: 'table_sums',
  size: () => 64,
  uniforms: {
    heads: 'u32',
    slots: 'u32',
    windowRows: 'u32',
    windowColumns: 'u32',
    across: 'u32',
    origin: 'u32',
  },
  bindings: () => [
    {name: 'dtable', type: 'f32', access: 'out'},
    {name: 'sums', type: 'f32', access: 'in'},
  ],
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
  size: () => 64,
  uniforms: {size: 'u32', begin: 'u32', heads: 'u32', headSize: 'u32', tokens: 'u32', slots: 'u32'},
  bindings: ({kind}) => [
    {name: 'gradient', type: 'f32', access: 'out'},
    {name: 'sums', type: 'f32', access: 'in'},
    ...(kind === 'scale' ? [{name: 'logitScale', type: 'f32', access: 'in'} as const] : []),
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

/** Slots that keep a GPU busy, all heads together. */
const SLOTS = 512;

interface AttentionGradInputs {
  qkv: tf.TensorInfo;
  table: tf.TensorInfo;
  logitScale?: tf.TensorInfo;
  padToken?: tf.TensorInfo;
  dy: tf.TensorInfo;
}

/** dqkv, dtable, and the gradients of logitScale and padToken where they are given. */
export function runWindowAttentionGrad(
  backend: WebGPUBackend,
  {qkv, table, logitScale, padToken, dy}: AttentionGradInputs,
  attrs: WindowAttentionAttrs,
): tf.TensorInfo[] {
  const {windows, headSize, hidden, isPadded, uniforms} = attentionSizes(mapShape(qkv), attrs);
  const {heads, tokens, across, origin, windowRows, windowColumns} = uniforms;
  const plan = attentionPlan(backend, tokens, headSize, STATISTICS);
  const slots = Math.max(1, Math.min(windows, Math.ceil(SLOTS / heads)));
  const cosine = attrs.score === 'cosine';
  const attended = padToken !== undefined && attrs.padding === 'attended' && isPadded;
  const scaleSums = slots * heads * tokens * tokens;
  const padSums = scaleSums + (cosine ? slots * heads * tokens : 0);
  const size = padSums + (attended ? slots * heads * tokens * 3 * headSize : 0);
  const sums = attended ? filled(backend, [size], 0) : output(backend, [size]);
  const dqkv = output(backend, mapShape(qkv));
  run(
    backend,
    windowAttentionGradShader,
    {
      ...plan,
      headSize,
      tokens,
      vector: headSize % 4 === 0,
      half: isHalf(qkv) || undefined,
      cosine: cosine || undefined,
      hidden: hidden || undefined,
      padToken: attended || undefined,
      padGradient: attended || undefined,
      dropout: attrs.dropout && true,
    },
    {dqkv, sums, qkv, table, dy, logitScale, padToken},
    {...uniforms, windows, slots, scaleSums, padSums},
    Math.ceil((slots * heads * plan.lanes) / plan.size),
  );
  const dtable = output(backend, table.shape);
  const tableUniforms = {heads, slots, windowRows, windowColumns, across, origin};
  run(backend, tableSumsShader, {cosine}, {dtable, sums}, tableUniforms, table.shape[0] * heads);
  const optional = (kind: 'scale' | 'pad', like: tf.TensorInfo, begin: number) => {
    const gradient = output(backend, like.shape);
    const count = tf.util.sizeFromShape(like.shape);
    const sizes = {size: count, begin, heads, headSize, tokens, slots};
    run(backend, optionalSumsShader, {kind}, {gradient, sums, logitScale}, sizes, Math.ceil(count / 64));
    return gradient;
  };
  const results = [dqkv, dtable];
  if (logitScale)
    results.push(cosine ? optional('scale', logitScale, scaleSums) : filled(backend, [heads], 0));
  if (padToken) {
    results.push(attended ? optional('pad', padToken, padSums) : filled(backend, padToken.shape, 0));
  }
  backend.disposeData(sums.dataId);
  return results;
}

/** What `tf.registerKernel` takes. */
export const windowAttentionGradConfig = webgpuKernel<keyof AttentionGradInputs, WindowAttentionAttrs>(
  'SwintWindowAttentionGrad',
  runWindowAttentionGrad,
);

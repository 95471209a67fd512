/**
 * layerNorm and its gradient on the webgpu backend. Contract: contracts/layer_norm.
 *
 * A row belongs to LANES invocations side by side, several rows to a workgroup. Mean, then the mean of squares of what is
 * left, then the result: three passes over a row, of which the later ones find it in the cache.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type {LayerNormAttrs} from '../../contracts/layer_norm.js';
import {sumParts} from '../primitives/sum_parts.js';
import {isHalf, mapShape} from '../runtime/f16_maps.js';
import {type Binding, filled, hasSubgroups, output, run, type Shader} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {HALF, vectorAt} from '../wgsl/f16_storage.js';
import {rowTotal} from '../wgsl/row_sums.js';

type NormParameters = {
  vector: boolean;
  /** Whether x is 16-bit floats. */
  half?: boolean;
  /** Invocations that share a row: a power of two. */
  lanes: number;
  /** Whether its invocations add up by subgroups. */
  subgroups?: boolean;
  scale?: boolean;
  residual?: boolean;
  /** Forward: whether mean and 1 / sqrt(var + epsilon) are kept. */
  keep?: boolean;
};

const SIZE = 64;
const GRAD_SIZE = 256;

/** Most workgroups of a gradient: as many partial sums have to be added up. */
const GRAD_GROUPS = 512;

const uniforms = {rows: 'u32', count: 'u32', channels: 'f32', epsilon: 'f32', scaleRows: 'u32'} as const;

const xAt = ({half}: NormParameters) => vectorAt('x', 'begin + i', half);

/** The sum of the components. */
const across = (vector: boolean, value: string) => (vector ? `dot(${value}, vec4f(1.0))` : value);

const begin = ({lanes, vector}: NormParameters) => `
  let row = group * ${SIZE / lanes}u + lane / ${lanes}u;
  let begin = row * u.count;
  let end = select(0u, u.count, row < u.rows);
  let first = lane % ${lanes}u;
  let zero = ${vector ? 'vec4f()' : '0.0'};`;

const matrix = (vector: boolean, name: string, access: 'in' | 'out' = 'in'): Binding => ({
  name,
  type: vector ? 'vec4f' : 'f32',
  access,
});

export const layerNormShader: Shader<NormParameters> = {
  name: 'layer_norm',
  size: () => SIZE,
  uniforms,
  bindings: ({vector, half, scale, residual, keep}) => [
    matrix(vector, 'y', 'out'),
    ...(keep ? [matrix(false, 'mean', 'out'), matrix(false, 'inverse', 'out')] : []),
    half ? {name: 'x', type: 'vec2u', access: 'in'} : matrix(vector, 'x'),
    matrix(vector, 'gamma'),
    matrix(vector, 'beta'),
    ...(residual ? [matrix(vector, 'residual')] : []),
    ...(scale ? [matrix(false, 'scale')] : []),
  ],
  declarations: ({lanes, half, subgroups}) => `${rowTotal(lanes, 'f32', SIZE, subgroups)}${half ? HALF : ''}`,
  body: (p) => `${begin(p)}
  var sum = zero;
  for (var i = first; i < end; i += ${p.lanes}u) { sum += ${xAt(p)}; }
  let average = total(${across(p.vector, 'sum')}, lane) / u.channels;
  var squares = zero;
  for (var i = first; i < end; i += ${p.lanes}u) {
    let d = ${xAt(p)} - average;
    squares += d * d;
  }
  let factor = inverseSqrt(total(${across(p.vector, 'squares')}, lane) / u.channels + u.epsilon);
  ${p.keep ? 'if (first == 0u && end > 0u) { mean[row] = average; inverse[row] = factor; }' : ''}
  ${p.scale ? 'let s = scale[min(row, u.rows - 1u) / u.scaleRows];' : ''}
  for (var i = first; i < end; i += ${p.lanes}u) {
    var value = (${xAt(p)} - average) * factor * gamma[i] + beta[i];
    ${p.scale ? 'value *= s;' : ''}
    ${p.residual ? 'value += residual[begin + i];' : ''}
    y[begin + i] = value;
  }`,
};

type NormGradParameters = NormParameters & {
  /** Vectors, or numbers, of a row that an invocation has at most. */
  own: number;
  /** Whether mean and inverse are given; else they are computed anew. */
  given?: boolean;
  addend?: boolean;
};

/**
 * dx [+ addend], and the sums over the rows of a workgroup for dgamma and dbeta, [groups, 2 channels] from u.base on,
 * u.partStride apart.
 */
export const layerNormGradShader: Shader<NormGradParameters> = {
  name: 'layer_norm_grad',
  size: () => GRAD_SIZE,
  uniforms: {...uniforms, turns: 'u32', base: 'u32', partStride: 'u32'},
  bindings: ({vector, half, scale, given, addend}) => [
    matrix(vector, 'dx', 'out'),
    matrix(vector, 'parts', 'out'),
    matrix(vector, 'dy'),
    half ? {name: 'x', type: 'vec2u', access: 'in'} : matrix(vector, 'x'),
    ...(given ? [matrix(false, 'mean'), matrix(false, 'inverse')] : []),
    matrix(vector, 'gamma'),
    ...(addend ? [matrix(vector, 'addend')] : []),
    ...(scale ? [matrix(false, 'scale')] : []),
  ],
  declarations: ({lanes, vector, half, subgroups}) => `${rowTotal(lanes, 'vec2f', GRAD_SIZE, subgroups)}
${half ? HALF : ''}
var<workgroup> products: array<${vector ? 'vec4f' : 'f32'}, ${GRAD_SIZE}>;
var<workgroup> plain: array<${vector ? 'vec4f' : 'f32'}, ${GRAD_SIZE}>;`,
  body: (p) => {
    const {lanes, own, vector} = p;
    const type = vector ? 'vec4f' : 'f32';
    const each = (name: string) => `for (var ${name} = first; ${name} < end; ${name} += ${lanes}u)`;
    const statistics = p.given
      ? `let average = mean[safe];
    let factor = inverse[safe];`
      : `var values = zero;
    ${each('i')} { values += ${xAt(p)}; }
    let average = total(vec2f(${across(vector, 'values')}, 0.0), lane).x / u.channels;
    var squares = zero;
    ${each('i')} { let d = ${xAt(p)} - average; squares += d * d; }
    let factor = inverseSqrt(total(vec2f(${across(vector, 'squares')}, 0.0), lane).x / u.channels + u.epsilon);`;
    return `
  var dGamma = array<${type}, ${own}>();
  var dBeta = array<${type}, ${own}>();
  let first = lane % ${lanes}u;
  let zero = ${type}();
  for (var turn = 0u; turn < u.turns; turn++) {
    let row = (group * u.turns + turn) * ${GRAD_SIZE / lanes}u + lane / ${lanes}u;
    let safe = min(row, u.rows - 1u);
    let begin = safe * u.count;
    let end = select(0u, u.count, row < u.rows);
    ${statistics}
    let s = ${p.scale ? 'scale[safe / u.scaleRows]' : '1.0'};
    var sum = zero;
    var product = zero;
    ${each('i')} {
      let g = dy[begin + i] * gamma[i];
      sum += g;
      product += g * (${xAt(p)} - average);
    }
    let means = total(vec2f(${across(vector, 'sum')}, ${across(vector, 'product')}), lane) / u.channels;
    var mine = 0u;
    ${each('i')} {
      let gradient = dy[begin + i];
      let centred = ${xAt(p)} - average;
      dGamma[mine] += s * factor * gradient * centred;
      dBeta[mine] += s * gradient;
      mine++;
      var result = s * factor * (gradient * gamma[i] - means.x - centred * (factor * factor * means.y));
      ${p.addend ? 'result += addend[begin + i];' : ''}
      dx[begin + i] = result;
    }
  }
  for (var j = 0u; j < ${own}u; j++) {
    products[lane] = dGamma[j];
    plain[lane] = dBeta[j];
    workgroupBarrier();
    let i = first + j * ${lanes}u;
    if (lane < ${lanes}u && i < u.count) {
      var product = zero;
      var sum = zero;
      for (var other = lane; other < ${GRAD_SIZE}u; other += ${lanes}u) {
        product += products[other];
        sum += plain[other];
      }
      let to = (u.base + group * u.partStride) / ${vector ? 4 : 1}u + i;
      parts[to] = product;
      parts[to + u.count] = sum;
    }
    workgroupBarrier();
  }`;
  },
};

/** Rows and channels of a tensor that is normalised along its last axis, and how they are cut. */
function plan(shape: number[]) {
  const channels = shape[shape.length - 1];
  const rows = tf.util.sizeFromShape(shape.slice(0, -1));
  const vector = channels % 4 === 0;
  const count = vector ? channels / 4 : channels;
  const lanes = count <= 4 ? 4 : count <= 32 ? 8 : count <= 128 ? 16 : 64;
  const groups = channels === 0 ? 0 : Math.ceil(rows / (SIZE / lanes));
  return {rows, channels, vector, count, lanes, groups, scaleRows: Math.max(1, rows / (shape[0] || 1))};
}

type Inputs = 'x' | 'gamma' | 'beta' | 'residual' | 'sampleScale';
type GradInputs = 'dy' | 'x' | 'mean' | 'inverse' | 'gamma' | 'sampleScale';

interface Norm {
  x: tf.TensorInfo;
  gamma: tf.TensorInfo;
  beta: tf.TensorInfo;
  residual?: tf.TensorInfo;
  sampleScale?: tf.TensorInfo;
  /** Where the result goes; default a new tensor. */
  y?: tf.TensorInfo;
}

/** y and, with `save`, mean and inverse. */
export function runLayerNorm(
  backend: WebGPUBackend,
  {x, gamma, beta, residual, sampleScale, y = output(backend, mapShape(x))}: Norm,
  {epsilon, save}: LayerNormAttrs & {save: boolean},
): tf.TensorInfo[] {
  const {vector, lanes, groups, ...sizes} = plan(mapShape(x));
  const statistics = save ? [output(backend, [sizes.rows, 1]), output(backend, [sizes.rows, 1])] : [];
  run(
    backend,
    layerNormShader,
    {
      vector,
      half: isHalf(x) || undefined,
      subgroups: hasSubgroups(backend),
      lanes,
      keep: save || undefined,
      residual: residual && true,
      scale: sampleScale && true,
    },
    {x, gamma, beta, y, residual, scale: sampleScale, mean: statistics[0], inverse: statistics[1]},
    {...sizes, epsilon},
    groups,
  );
  return [y, ...statistics];
}

/** What `tf.registerKernel` takes. */
export const layerNormConfig = webgpuKernel<Inputs, LayerNormAttrs & {save: boolean}>(
  'SwintLayerNorm',
  runLayerNorm,
);

interface NormGrad {
  dy: tf.TensorInfo;
  x: tf.TensorInfo;
  gamma: tf.TensorInfo;
  mean?: tf.TensorInfo;
  inverse?: tf.TensorInfo;
  /** Used where mean and inverse are not given. */
  epsilon?: number;
  sampleScale?: tf.TensorInfo;
  addend?: tf.TensorInfo;
  dx: tf.TensorInfo;
  /** Where the partial sums go: see layerNormGradShader. */
  parts: tf.TensorInfo;
  base?: number;
  partStride?: number;
}

/** Partial sums that a gradient of such a map leaves. */
export function layerNormGradParts(shape: number[]): number {
  return gradPlan(shape).groups;
}

function gradPlan(shape: number[]) {
  const {rows, lanes, count, ...sizes} = plan(shape);
  const rowsAtOnce = GRAD_SIZE / lanes;
  const turns = Math.max(1, Math.ceil(rows / rowsAtOnce / GRAD_GROUPS));
  return {
    ...sizes,
    rows,
    lanes,
    count,
    turns,
    own: Math.ceil(count / lanes),
    groups: Math.ceil(rows / rowsAtOnce / turns),
  };
}

/** Dispatches dx and the partial sums of dgamma and dbeta. */
export function runLayerNormGrad(backend: WebGPUBackend, p: NormGrad): void {
  const {vector, lanes, own, groups, ...sizes} = gradPlan(mapShape(p.x));
  const {dy, x, gamma, mean, inverse, sampleScale, addend, dx, parts} = p;
  const {epsilon = 0, base = 0, partStride = 2 * sizes.channels} = p;
  run(
    backend,
    layerNormGradShader,
    {
      vector,
      half: isHalf(x) || undefined,
      subgroups: hasSubgroups(backend),
      lanes,
      own,
      given: mean && true,
      addend: addend && true,
      scale: sampleScale && true,
    },
    {dx, parts, dy, x, mean, inverse, gamma, addend, scale: sampleScale},
    {...sizes, epsilon, base, partStride},
    groups,
  );
}

/** What `tf.registerKernel` takes. */
export const layerNormGradConfig = webgpuKernel<GradInputs, object>(
  'SwintLayerNormGrad',
  (backend, {dy, x, mean, inverse, gamma, sampleScale}) => {
    const channels = gamma.shape[0];
    const count = layerNormGradParts(x.shape);
    const dx = output(backend, x.shape);
    if (count === 0) return [dx, filled(backend, [channels], 0), filled(backend, [channels], 0)];
    const parts = output(backend, [count, 2, channels]);
    runLayerNormGrad(backend, {dy, x, mean, inverse, gamma, sampleScale, dx, parts});
    const sums = sumParts(backend, parts, count, [[channels], [channels]]);
    backend.disposeData(parts.dataId);
    return [dx, ...sums];
  },
);

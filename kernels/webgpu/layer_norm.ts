/**
 * layerNorm and its gradient on the webgpu backend. Contract: contracts/layer_norm.
 *
 * A row belongs to LANES invocations side by side, several rows to a workgroup. Mean, then the mean of squares of what is
 * left, then the result: three passes over a row, of which the later ones find it in the cache.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type {LayerNormAttrs} from '../contracts/layer_norm.js';
import {columnSums} from './column_sums.js';
import {type Binding, output, run, type Shader} from './program.js';
import {webgpuKernel} from './webgpu_kernel.js';

type NormParameters = {
  vector: boolean;
  /** Invocations that share a row: a power of two. */
  lanes: number;
  scale?: boolean;
  residual?: boolean;
  /** Forward: whether mean and 1 / sqrt(var + epsilon) are kept. */
  keep?: boolean;
};

const SIZE = 64;

const uniforms = {rows: 'u32', count: 'u32', channels: 'f32', epsilon: 'f32', scaleRows: 'u32'} as const;

/** Sum over the invocations of a row; `type` f32 or vec2f. */
const total = (lanes: number, type: string) => `
var<workgroup> sums: array<${type}, ${SIZE}>;
fn total(value: ${type}, lane: u32) -> ${type} {
  sums[lane] = value;
  workgroupBarrier();
  for (var step = ${lanes / 2}u; step > 0u; step /= 2u) {
    if (lane % ${lanes}u < step) { sums[lane] += sums[lane + step]; }
    workgroupBarrier();
  }
  let sum = sums[lane - lane % ${lanes}u];
  workgroupBarrier();
  return sum;
}`;

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
  bindings: ({vector, scale, residual, keep}) => [
    matrix(vector, 'y', 'out'),
    ...(keep ? [matrix(false, 'mean', 'out'), matrix(false, 'inverse', 'out')] : []),
    matrix(vector, 'x'),
    matrix(vector, 'gamma'),
    matrix(vector, 'beta'),
    ...(residual ? [matrix(vector, 'residual')] : []),
    ...(scale ? [matrix(false, 'scale')] : []),
  ],
  declarations: ({lanes}) => total(lanes, 'f32'),
  body: (p) => `${begin(p)}
  var sum = zero;
  for (var i = first; i < end; i += ${p.lanes}u) { sum += x[begin + i]; }
  let average = total(${across(p.vector, 'sum')}, lane) / u.channels;
  var squares = zero;
  for (var i = first; i < end; i += ${p.lanes}u) {
    let d = x[begin + i] - average;
    squares += d * d;
  }
  let factor = inverseSqrt(total(${across(p.vector, 'squares')}, lane) / u.channels + u.epsilon);
  ${p.keep ? 'if (first == 0u && end > 0u) { mean[row] = average; inverse[row] = factor; }' : ''}
  ${p.scale ? 'let s = scale[min(row, u.rows - 1u) / u.scaleRows];' : ''}
  for (var i = first; i < end; i += ${p.lanes}u) {
    var value = (x[begin + i] - average) * factor * gamma[i] + beta[i];
    ${p.scale ? 'value *= s;' : ''}
    ${p.residual ? 'value += residual[begin + i];' : ''}
    y[begin + i] = value;
  }`,
};

/** dx alone; see column_sums for the gradients of gamma and beta. */
export const layerNormGradShader: Shader<NormParameters> = {
  name: 'layer_norm_grad',
  size: () => SIZE,
  uniforms,
  bindings: ({vector, scale}) => [
    matrix(vector, 'dx', 'out'),
    matrix(vector, 'dy'),
    matrix(vector, 'x'),
    matrix(false, 'mean'),
    matrix(false, 'inverse'),
    matrix(vector, 'gamma'),
    ...(scale ? [matrix(false, 'scale')] : []),
  ],
  declarations: ({lanes}) => total(lanes, 'vec2f'),
  body: (p) => `${begin(p)}
  let safe = min(row, u.rows - 1u);
  let average = mean[safe];
  let factor = inverse[safe];
  var sum = zero;
  var product = zero;
  for (var i = first; i < end; i += ${p.lanes}u) {
    let g = dy[begin + i] * gamma[i];
    sum += g;
    product += g * (x[begin + i] - average);
  }
  let means = total(vec2f(${across(p.vector, 'sum')}, ${across(p.vector, 'product')}), lane) / u.channels;
  let s = factor${p.scale ? ' * scale[safe / u.scaleRows]' : ''};
  for (var i = first; i < end; i += ${p.lanes}u) {
    let centred = (x[begin + i] - average) * (factor * factor * means.y);
    dx[begin + i] = s * (dy[begin + i] * gamma[i] - means.x - centred);
  }`,
};

/** Rows and channels of a tensor that is normalised along its last axis, and how they are cut. */
function plan(shape: number[]) {
  const channels = shape[shape.length - 1];
  const rows = tf.util.sizeFromShape(shape.slice(0, -1));
  const vector = channels % 4 === 0;
  const count = vector ? channels / 4 : channels;
  const lanes = count <= 32 ? 8 : count <= 128 ? 16 : 64;
  const groups = channels === 0 ? 0 : Math.ceil(rows / (SIZE / lanes));
  return {rows, channels, vector, count, lanes, groups, scaleRows: Math.max(1, rows / (shape[0] || 1))};
}

type Inputs = 'x' | 'gamma' | 'beta' | 'residual' | 'sampleScale';
type GradInputs = 'dy' | 'x' | 'mean' | 'inverse' | 'gamma' | 'sampleScale';

export function runLayerNorm(
  backend: WebGPUBackend,
  {x, gamma, beta, residual, sampleScale}: Record<Inputs, tf.TensorInfo>,
  {epsilon, keep}: LayerNormAttrs & {keep: boolean},
): tf.TensorInfo[] {
  const {vector, lanes, groups, ...sizes} = plan(x.shape);
  const y = output(backend, x.shape);
  const statistics = keep ? [output(backend, [sizes.rows, 1]), output(backend, [sizes.rows, 1])] : [];
  run(
    backend,
    layerNormShader,
    {vector, lanes, keep: keep || undefined, residual: residual && true, scale: sampleScale && true},
    {x, gamma, beta, y, residual, scale: sampleScale, mean: statistics[0], inverse: statistics[1]},
    {...sizes, epsilon},
    groups,
  );
  return [y, ...statistics];
}

/** What `tf.registerKernel` takes. */
export const layerNormConfig = webgpuKernel<Inputs, LayerNormAttrs & {keep: boolean}>(
  'SwintLayerNorm',
  runLayerNorm,
);

/** What `tf.registerKernel` takes. */
export const layerNormGradConfig = webgpuKernel<GradInputs, object>(
  'SwintLayerNormGrad',
  (backend, {dy, x, mean, inverse, gamma, sampleScale}) => {
    const {vector, lanes, groups, ...sizes} = plan(x.shape);
    const dx = output(backend, x.shape);
    run(
      backend,
      layerNormGradShader,
      {vector, lanes, scale: sampleScale && true},
      {dx, dy, x, mean, inverse, gamma, scale: sampleScale},
      {...sizes, epsilon: 0},
      groups,
    );
    const sums = columnSums(
      backend,
      'norm',
      [sizes.rows, sizes.channels],
      {x: dy, v: x, mean, inverse, scale: sampleScale},
      sizes.scaleRows,
    );
    return [dx, ...sums];
  },
);

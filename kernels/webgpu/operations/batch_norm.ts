/**
 * batchNorm, its gradient and the statistics of a batch on the webgpu backend. Contract: contracts/batch_norm.
 *
 * x is [outer, C, inner], its rows the outer times inner cells of a channel. An invocation has a channel and a part of its
 * rows: mean, then the squares of what is left. The parts are joined by the formula of Chan, which loses nothing where
 * the mean is far from 0.
 *
 * Source: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", for parts of a batch.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type {BatchNormAttrs} from '../../contracts/batch_norm.js';
import {cutRows, sumParts} from '../primitives/sum_parts.js';
import {filled, output, run, type Shader} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';

const read = (name: string) => ({name, type: 'f32', access: 'in'}) as const;
const write = (name: string) => ({name, type: 'f32', access: 'out'}) as const;

const partUniforms = {rows: 'u32', channels: 'u32', inner: 'u32', blocks: 'u32', partRows: 'u32'} as const;

/** The channel of an invocation, its rows, and where a row lies. */
const beginPart = `
  let part = group / u.blocks;
  let channel = (group % u.blocks) * SIZE + lane;
  if (channel >= u.channels) { return; }
  let first = part * u.partRows;
  let last = min(u.rows, first + u.partRows);`;

const rowAddress = `
fn at(row: u32, channel: u32) -> u32 {
  return ((row / u.inner) * u.channels + channel) * u.inner + row % u.inner;
}`;

/** [parts, 2, C]: the mean of a part and the sum of the squares of what is left. */
export const statisticsPartsShader: Shader<object> = {
  name: 'batch_statistics_parts',
  size: () => 64,
  uniforms: partUniforms,
  bindings: () => [write('parts'), read('x')],
  declarations: () => rowAddress,
  body: () => `${beginPart}
  var sum = 0.0;
  for (var row = first; row < last; row++) { sum += x[at(row, channel)]; }
  let mean = sum / f32(last - first);
  var squares = 0.0;
  for (var row = first; row < last; row++) {
    let d = x[at(row, channel)] - mean;
    squares += d * d;
  }
  parts[2u * part * u.channels + channel] = mean;
  parts[(2u * part + 1u) * u.channels + channel] = squares;`,
};

/** mean and variance of all parts. */
export const statisticsShader: Shader<object> = {
  name: 'batch_statistics',
  size: () => 64,
  uniforms: {...partUniforms, parts: 'u32'},
  bindings: () => [write('mean'), write('variance'), read('sums')],
  body: () => `
  let channel = group * SIZE + lane;
  if (channel >= u.channels) { return; }
  var average = 0.0;
  var squares = 0.0;
  var count = 0.0;
  for (var part = 0u; part < u.parts; part++) {
    let rows = f32(min(u.rows, (part + 1u) * u.partRows) - part * u.partRows);
    let d = sums[2u * part * u.channels + channel] - average;
    let total = count + rows;
    average += d * (rows / total);
    squares += sums[(2u * part + 1u) * u.channels + channel] + d * d * (count * rows / total);
    count = total;
  }
  mean[channel] = average;
  variance[channel] = squares / count;`,
};

/** [parts, 2, C]: sums of dy h and of dy, h = (x - mean) / sqrt(variance + epsilon). */
export const gradSumsShader: Shader<object> = {
  name: 'batch_norm_grad_sums',
  size: () => 64,
  uniforms: {...partUniforms, epsilon: 'f32'},
  bindings: () => [write('parts'), read('dy'), read('x'), read('mean'), read('variance')],
  declarations: () => rowAddress,
  body: () => `${beginPart}
  let average = mean[channel];
  var product = 0.0;
  var sum = 0.0;
  for (var row = first; row < last; row++) {
    let i = at(row, channel);
    product += dy[i] * (x[i] - average);
    sum += dy[i];
  }
  parts[2u * part * u.channels + channel] = product * inverseSqrt(variance[channel] + u.epsilon);
  parts[(2u * part + 1u) * u.channels + channel] = sum;`,
};

type NormParameters = {vector: boolean; gamma?: boolean; beta?: boolean};

/** Vectors, of four channels, where the channels are the last axis and whole vectors; else numbers. */
const element = (vector: boolean, name: string, access: 'in' | 'out' = 'in') =>
  ({name, type: vector ? 'vec4f' : 'f32', access}) as const;

const eachUniforms = {size: 'u32', channels: 'u32', inner: 'u32', rows: 'f32', epsilon: 'f32'} as const;

const beginEach = `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  let channel = (i / u.inner) % u.channels;`;

export const batchNormShader: Shader<NormParameters> = {
  name: 'batch_norm',
  size: () => 64,
  uniforms: eachUniforms,
  bindings: ({vector, gamma, beta}) => [
    element(vector, 'y', 'out'),
    ...['x', 'mean', 'variance'].map((name) => element(vector, name)),
    ...(gamma ? [element(vector, 'gamma')] : []),
    ...(beta ? [element(vector, 'beta')] : []),
  ],
  body: ({gamma, beta}) => `${beginEach}
  var v = (x[i] - mean[channel]) * inverseSqrt(variance[channel] + u.epsilon);
  ${gamma ? 'v *= gamma[channel];' : ''}
  ${beta ? 'v += beta[channel];' : ''}
  y[i] = v;`,
};

type GradParameters = {vector: boolean; batch: boolean; gamma?: boolean};

export const batchNormGradShader: Shader<GradParameters> = {
  name: 'batch_norm_grad',
  size: () => 64,
  uniforms: eachUniforms,
  bindings: ({vector, batch, gamma}) => [
    element(vector, 'dx', 'out'),
    element(vector, 'dy'),
    ...(batch ? ['x', 'mean', 'dgamma', 'dbeta'].map((name) => element(vector, name)) : []),
    element(vector, 'variance'),
    ...(gamma ? [element(vector, 'gamma')] : []),
  ],
  body: ({batch, gamma}) => `${beginEach}
  let inverse = inverseSqrt(variance[channel] + u.epsilon);
  var v = dy[i];
  ${batch ? 'v -= (dbeta[channel] + (x[i] - mean[channel]) * inverse * dgamma[channel]) / u.rows;' : ''}
  ${gamma ? 'v *= gamma[channel];' : ''}
  dx[i] = v * inverse;`,
};

function layout(shape: number[], axis: number) {
  const channels = shape[axis];
  const inner = tf.util.sizeFromShape(shape.slice(axis + 1));
  const rows = tf.util.sizeFromShape(shape.slice(0, axis)) * inner;
  const {partRows, parts} = cutRows(rows);
  const blocks = Math.ceil(channels / 64);
  const vector = inner === 1 && channels % 4 === 0;
  const size = (rows * channels) / (vector ? 4 : 1);
  const each = {size, channels: vector ? channels / 4 : channels, inner, rows};
  return {cut: {rows, channels, inner, blocks, partRows}, parts, each, vector};
}

/** What `tf.registerKernel` takes. Returns mean and variance. */
export const batchStatisticsConfig = webgpuKernel<'x', {axis: number}>(
  'SwintBatchStatistics',
  (backend, {x}, {axis}) => {
    const {cut, parts} = layout(x.shape, axis);
    const {channels, blocks} = cut;
    if (parts === 0)
      return [filled(backend, [channels], Number.NaN), filled(backend, [channels], Number.NaN)];
    const [mean, variance] = [output(backend, [channels]), output(backend, [channels])];
    const sums = output(backend, [parts, 2, channels]);
    run(backend, statisticsPartsShader, {}, {parts: sums, x}, cut, blocks * parts);
    run(backend, statisticsShader, {}, {mean, variance, sums}, {...cut, parts}, blocks);
    backend.disposeData(sums.dataId);
    return [mean, variance];
  },
);

type Inputs = 'x' | 'mean' | 'variance' | 'gamma' | 'beta';

/** What `tf.registerKernel` takes. */
export const batchNormConfig = webgpuKernel<Inputs, BatchNormAttrs>(
  'SwintBatchNorm',
  (backend, {x, mean, variance, gamma, beta}, {axis, epsilon}) => {
    const {each, vector} = layout(x.shape, axis);
    const y = output(backend, x.shape);
    run(
      backend,
      batchNormShader,
      {vector, gamma: gamma && true, beta: beta && true},
      {y, x, mean, variance, gamma, beta},
      {...each, epsilon},
      Math.ceil(each.size / 64),
    );
    return y;
  },
);

function gradSums(
  backend: WebGPUBackend,
  buffers: Record<'dy' | 'x' | 'mean' | 'variance', tf.TensorInfo>,
  {axis, epsilon}: BatchNormAttrs,
): tf.TensorInfo[] {
  const {cut, parts} = layout(buffers.x.shape, axis);
  const {channels, blocks} = cut;
  if (parts === 0) return [filled(backend, [channels], 0), filled(backend, [channels], 0)];
  const sums = output(backend, [parts, 2, channels]);
  run(backend, gradSumsShader, {}, {parts: sums, ...buffers}, {...cut, epsilon}, blocks * parts);
  const results = sumParts(backend, sums, parts, [[channels], [channels]]);
  backend.disposeData(sums.dataId);
  return results;
}

/** What `tf.registerKernel` takes. Returns dx, dgamma and dbeta. */
export const batchNormGradConfig = webgpuKernel<'dy' | 'x' | 'mean' | 'variance' | 'gamma', BatchNormAttrs>(
  'SwintBatchNormGrad',
  (backend, {dy, x, mean, variance, gamma}, attrs) => {
    const {each, vector} = layout(x.shape, attrs.axis);
    const [dgamma, dbeta] = gradSums(backend, {dy, x, mean, variance}, attrs);
    const dx = output(backend, x.shape);
    run(
      backend,
      batchNormGradShader,
      {vector, batch: attrs.statistics === 'batch', gamma: gamma && true},
      {dx, dy, x, mean, variance, gamma, dgamma, dbeta},
      {...each, epsilon: attrs.epsilon},
      Math.ceil(each.size / 64),
    );
    return [dx, dgamma, dbeta];
  },
);

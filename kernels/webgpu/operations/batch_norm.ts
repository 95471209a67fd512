/**
 * batchNorm and the statistics of a batch on the webgpu backend. Contract: contracts/batch_norm.
 *
 * x is [outer, C, inner], its rows the outer times inner cells of a channel. An invocation has a channel and a part of its
 * rows: mean, then the squares of what is left. The parts are joined by the formula of Chan, which loses nothing where
 * the mean is far from 0.
 *
 * Source: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", for parts of a batch.
 */
import * as tf from '@tensorflow/tfjs-core';
import type {BatchNormAttrs} from '../../contracts/batch_norm.js';
import {cutRows} from '../primitives/sum_parts.js';
import {filled, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {elementType, type RowStorage, rowStorage} from '../wgsl/row_storage.js';

/** Channels, or elements, of a workgroup. */
export const SIZE = 64;

/** Uniforms of the shaders that sum up parts of the rows: `blocks` workgroups for the channels of a part. */
export const partUniforms = {
  rows: 'u32',
  channels: 'u32',
  inner: 'u32',
  blocks: 'u32',
  partRows: 'u32',
} as const;

/** The channel of an invocation, its rows, and where a row lies. */
export const beginPart = `
  let part = group / u.blocks;
  let channel = (group % u.blocks) * SIZE + lane;
  if (channel >= u.channels) { return; }
  let first = part * u.partRows;
  let last = min(u.rows, first + u.partRows);`;

export const rowAddress = `
fn at(row: u32, channel: u32) -> u32 {
  return ((row / u.inner) * u.channels + channel) * u.inner + row % u.inner;
}`;

/** [parts, 2, C]: the mean of a part and the sum of the squares of what is left. */
export const statisticsPartsShader: Shader<object> = {
  name: 'batch_statistics_parts',
  size: () => SIZE,
  uniforms: partUniforms,
  bindings: () => [writeBuffer('parts'), readBuffer('x')],
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
  size: () => SIZE,
  uniforms: {...partUniforms, parts: 'u32'},
  bindings: () => [writeBuffer('mean'), writeBuffer('variance'), readBuffer('sums')],
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
    // Not average + d * (rows / total), which makes NaN of an infinite mean.
    average = average * (count / total) + sums[2u * part * u.channels + channel] * (rows / total);
    squares += sums[(2u * part + 1u) * u.channels + channel] + d * d * (count * rows / total);
    count = total;
  }
  mean[channel] = average;
  variance[channel] = squares / count;`,
};

type BatchNormParameters = {storage: RowStorage; gamma: boolean; beta: boolean};

/** Uniforms of the shaders whose invocations have an element each. */
export const eachUniforms = {
  size: 'u32',
  channels: 'u32',
  inner: 'u32',
  rows: 'f32',
  epsilon: 'f32',
} as const;

/** The element of an invocation, and its channel. */
export const beginEach = `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  let channel = (i / u.inner) % u.channels;`;

export const batchNormShader: Shader<BatchNormParameters> = {
  name: 'batch_norm',
  size: () => SIZE,
  uniforms: eachUniforms,
  bindings: ({storage, gamma, beta}) => {
    const type = elementType(storage);
    return [
      writeBuffer('y', type),
      ...['x', 'mean', 'variance'].map((name) => readBuffer(name, type)),
      ...(gamma ? [readBuffer('gamma', type)] : []),
      ...(beta ? [readBuffer('beta', type)] : []),
    ];
  },
  body: ({gamma, beta}) => `${beginEach}
  var v = (x[i] - mean[channel]) * inverseSqrt(variance[channel] + u.epsilon);
  ${gamma ? 'v *= gamma[channel];' : ''}
  ${beta ? 'v += beta[channel];' : ''}
  y[i] = v;`,
};

/** How the rows are cut into parts, and the elements: vectors of channels where these are the last axis. */
export function batchNormPlan(shape: number[], axis: number) {
  const channels = shape[axis];
  const inner = tf.util.sizeFromShape(shape.slice(axis + 1));
  const rows = tf.util.sizeFromShape(shape.slice(0, axis)) * inner;
  const {partRows, parts} = cutRows(rows);
  const blocks = workgroups(channels, SIZE);
  const storage = inner === 1 ? rowStorage(channels) : 'numbers';
  const numbers = storage === 'vectors' ? 4 : 1;
  const each = {size: (rows * channels) / numbers, channels: channels / numbers, inner, rows};
  return {cut: {rows, channels, inner, blocks, partRows}, parts, each, storage};
}

/** What `tf.registerKernel` takes. Returns mean and variance. */
export const batchStatisticsConfig = webgpuKernel<'x', {axis: number}>(
  'SwintBatchStatistics',
  (backend, {x}, {axis}) => {
    const {cut, parts} = batchNormPlan(x.shape, axis);
    const {channels, blocks} = cut;
    if (parts === 0) {
      return [filled(backend, [channels], Number.NaN), filled(backend, [channels], Number.NaN)];
    }
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
    const {each, storage} = batchNormPlan(x.shape, axis);
    const y = output(backend, x.shape);
    run(
      backend,
      batchNormShader,
      {storage, gamma: gamma !== undefined, beta: beta !== undefined},
      {y, x, mean, variance, gamma, beta},
      {...each, epsilon},
      workgroups(each.size, SIZE),
    );
    return y;
  },
);

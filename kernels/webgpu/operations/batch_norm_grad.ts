/**
 * The gradient of batchNorm on the webgpu backend. Contract: contracts/batch_norm.
 *
 * First dgamma and dbeta, sums over the rows, in parts as in batch_norm.ts; then dx, an element for each invocation.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import type {BatchNormAttrs} from '../../contracts/batch_norm.js';
import {sumParts} from '../primitives/sum_parts.js';
import {filled, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {elementType, type RowStorage} from '../wgsl/row_storage.js';
import {
  batchNormPlan,
  beginEach,
  beginPart,
  eachUniforms,
  partUniforms,
  rowAddress,
  SIZE,
} from './batch_norm.js';

/** [parts, 2, C]: sums of dy h and of dy, h = (x - mean) / sqrt(variance + epsilon). */
export const gradSumsShader: Shader<object> = {
  name: 'batch_norm_grad_sums',
  size: () => SIZE,
  uniforms: {...partUniforms, epsilon: 'f32'},
  bindings: () => [
    writeBuffer('parts'),
    readBuffer('dy'),
    readBuffer('x'),
    readBuffer('mean'),
    readBuffer('variance'),
  ],
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

type BatchNormGradParameters = {
  storage: RowStorage;
  /** Whether the statistics are those of the batch, through which there is a gradient too. */
  batch: boolean;
  gamma: boolean;
};

export const batchNormGradShader: Shader<BatchNormGradParameters> = {
  name: 'batch_norm_grad',
  size: () => SIZE,
  uniforms: eachUniforms,
  bindings: ({storage, batch, gamma}) => {
    const type = elementType(storage);
    return [
      writeBuffer('dx', type),
      readBuffer('dy', type),
      ...(batch ? ['x', 'mean', 'dgamma', 'dbeta'].map((name) => readBuffer(name, type)) : []),
      readBuffer('variance', type),
      ...(gamma ? [readBuffer('gamma', type)] : []),
    ];
  },
  body: ({batch, gamma}) => `${beginEach}
  let inverse = inverseSqrt(variance[channel] + u.epsilon);
  var v = dy[i];
  ${batch ? 'v -= (dbeta[channel] + (x[i] - mean[channel]) * inverse * dgamma[channel]) / u.rows;' : ''}
  ${gamma ? 'v *= gamma[channel];' : ''}
  dx[i] = v * inverse;`,
};

/** dgamma and dbeta. */
function gradSums(
  backend: WebGPUBackend,
  buffers: Record<'dy' | 'x' | 'mean' | 'variance', tf.TensorInfo>,
  {axis, epsilon}: BatchNormAttrs,
): tf.TensorInfo[] {
  const {cut, parts} = batchNormPlan(buffers.x.shape, axis);
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
    const {each, storage} = batchNormPlan(x.shape, attrs.axis);
    const [dgamma, dbeta] = gradSums(backend, {dy, x, mean, variance}, attrs);
    const dx = output(backend, x.shape);
    run(
      backend,
      batchNormGradShader,
      {storage, batch: attrs.statistics === 'batch', gamma: gamma !== undefined},
      {dx, dy, x, mean, variance, gamma, dgamma, dbeta},
      {...each, epsilon: attrs.epsilon},
      workgroups(each.size, SIZE),
    );
    return [dx, dgamma, dbeta];
  },
);

/**
 * depthwiseConvolution and its gradients on the webgpu backend. Contract: contracts/depthwise_convolution.
 *
 * An invocation computes one number, or four. The gradient for x is the same with the weight read from its end. In that for
 * the weight an invocation has a tap and its channels, and adds up the cells of a part of the rows; sum_parts does the rest.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type {DepthwiseConvolutionAttrs} from '../../contracts/depthwise_convolution.js';
import {cutRows, summed} from '../primitives/sum_parts.js';
import {filled, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {elementType, type RowStorage, registerType, rowStorage} from '../wgsl/row_storage.js';

const SIZE = 64;

type Parameters = {
  storage: RowStorage;
  /** Whether the weight is read from its end. */
  turned: boolean;
  bias: boolean;
  residual: boolean;
  addend: boolean;
};

/** `count`: elements of a cell. */
export const depthwiseConvolutionShader: Shader<Parameters> = {
  name: 'depthwise_convolution',
  size: () => SIZE,
  uniforms: {size: 'u32', height: 'u32', width: 'u32', count: 'u32'},
  bindings: ({storage, bias, addend}) => {
    const type = elementType(storage);
    return [
      writeBuffer('y', type),
      readBuffer('x', type),
      readBuffer('weight', type),
      ...(bias ? [readBuffer('bias', type)] : []),
      ...(addend ? [readBuffer('addend', type)] : []),
    ];
  },
  body: ({storage, turned, bias, residual, addend}) => `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  let c = i % u.count;
  let column = (i / u.count) % u.width;
  let row = (i / u.count / u.width) % u.height;
  let map = i / u.count / u.width / u.height;
  var sum = ${bias ? 'bias[c]' : `${registerType(storage)}()`};
  for (var k = 0u; k < 3u; k++) {
    if (row + k < 1u || row + k > u.height) { continue; }
    for (var l = 0u; l < 3u; l++) {
      if (column + l < 1u || column + l > u.width) { continue; }
      let tap = ${turned ? '8u - (3u * k + l)' : '3u * k + l'};
      let cell = (map * u.height + row + k - 1u) * u.width + column + l - 1u;
      sum += x[cell * u.count + c] * weight[tap * u.count + c];
    }
  }
  ${residual ? 'sum += x[i];' : ''}
  ${addend ? 'sum += addend[i];' : ''}
  y[i] = sum;`,
};

/** `rows` of dy in all maps, `partRows` of them in a part; `blocks` workgroups for each part. */
export const depthwiseConvolutionGradWeightShader: Shader<{storage: RowStorage}> = {
  name: 'depthwise_convolution_grad_weight',
  size: () => SIZE,
  uniforms: {rows: 'u32', height: 'u32', width: 'u32', count: 'u32', blocks: 'u32', partRows: 'u32'},
  bindings: ({storage}) => {
    const type = elementType(storage);
    return [writeBuffer('sums', type), readBuffer('x', type), readBuffer('dy', type)];
  },
  body: ({storage}) => `
  let part = group / u.blocks;
  let e = (group % u.blocks) * SIZE + lane;
  if (e >= 9u * u.count) { return; }
  let k = e / u.count / 3u;
  let l = (e / u.count) % 3u;
  let c = e % u.count;
  let first = select(0u, 1u, l == 0u);
  let end = select(u.width, u.width - 1u, l == 2u);
  let last = min(u.rows, (part + 1u) * u.partRows);
  var sum = ${registerType(storage)}();
  for (var row = part * u.partRows; row < last; row++) {
    let i = row % u.height;
    if (i + k < 1u || i + k > u.height) { continue; }
    let seen = (row + k - 1u) * u.width;
    for (var j = first; j < end; j++) {
      sum += x[(seen + j + l - 1u) * u.count + c] * dy[(row * u.width + j) * u.count + c];
    }
  }
  sums[part * 9u * u.count + e] = sum;`,
};

/** How rows of so many channels lie in memory, and the elements of a cell. */
function cellPlan(channels: number): {storage: RowStorage; count: number} {
  const storage = rowStorage(channels);
  return {storage, count: storage === 'vectors' ? channels / 4 : channels};
}

interface Convolution {
  x: tf.TensorInfo;
  weight: tf.TensorInfo;
  bias?: tf.TensorInfo;
  addend?: tf.TensorInfo;
}

/** The convolution, or with `turned` that with the weight turned by half a circle. */
function convolve(
  backend: WebGPUBackend,
  {x, weight, bias, addend}: Convolution,
  {residual}: DepthwiseConvolutionAttrs,
  turned: boolean,
): tf.TensorInfo {
  const [batch, height, width, channels] = x.shape;
  const {storage, count} = cellPlan(channels);
  const size = batch * height * width * count;
  const y = output(backend, x.shape);
  run(
    backend,
    depthwiseConvolutionShader,
    {storage, turned, residual, bias: bias !== undefined, addend: addend !== undefined},
    {y, x, weight, bias, addend},
    {size, height, width, count},
    workgroups(size, SIZE),
  );
  return y;
}

/** What `tf.registerKernel` takes. */
export const depthwiseConvolutionConfig = webgpuKernel<
  'x' | 'weight' | 'bias' | 'addend',
  DepthwiseConvolutionAttrs
>('SwintDepthwiseConvolution', (backend, inputs, attrs) => convolve(backend, inputs, attrs, false));

/** What `tf.registerKernel` takes. */
export const depthwiseConvolutionGradXConfig = webgpuKernel<'dy' | 'weight', DepthwiseConvolutionAttrs>(
  'SwintDepthwiseConvolutionGradX',
  (backend, {dy, weight}, attrs) => convolve(backend, {x: dy, weight}, attrs, true),
);

/** What `tf.registerKernel` takes. */
export const depthwiseConvolutionGradWeightConfig = webgpuKernel<'x' | 'dy', object>(
  'SwintDepthwiseConvolutionGradWeight',
  (backend, {x, dy}) => {
    const [batch, height, width, channels] = x.shape;
    const shape = [3, 3, channels, 1];
    if (tf.util.sizeFromShape(x.shape) === 0) return filled(backend, shape, 0);
    const {storage, count} = cellPlan(channels);
    const rows = batch * height;
    const partRows = Math.max(1, Math.ceil(cutRows(rows * width).partRows / width));
    const parts = workgroups(rows, partRows);
    const blocks = workgroups(9 * count, SIZE);
    const uniforms = {rows, height, width, count, blocks, partRows};
    return summed(backend, shape, parts, (sums) =>
      run(backend, depthwiseConvolutionGradWeightShader, {storage}, {sums, x, dy}, uniforms, blocks * parts),
    );
  },
);

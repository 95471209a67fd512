/**
 * layerNorm on the webgpu backend. Contract: contracts/layer_norm.
 *
 * A row belongs to LANES invocations side by side, several rows to a workgroup. Mean, then the mean of squares of what is
 * left, then the result: three passes over a row, of which the later ones find it in the cache.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type {LayerNormAttrs} from '../../contracts/layer_norm.js';
import {isF16, mapShape} from '../runtime/f16_maps.js';
import {hasSubgroups, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {
  elementType,
  F16_FUNCTIONS,
  float32Storage,
  loadElement,
  type RowStorage,
  registerType,
  rowStorage,
} from '../wgsl/row_storage.js';
import {rowTotal} from '../wgsl/row_sums.js';

/** What the shaders of the norm and of its gradient have in common. */
export type NormParameters = {
  /** How x lies in memory; other maps, gamma and beta are float32. */
  storage: RowStorage;
  /** Invocations that share a row: a power of two. */
  lanes: number;
  /** Whether its invocations add up by subgroups. */
  subgroups: boolean;
  scale: boolean;
};

export const normUniforms = {
  rows: 'u32',
  count: 'u32',
  channels: 'f32',
  epsilon: 'f32',
  scaleRows: 'u32',
} as const;

/** WGSL expression: an element of the row of x that begins at `begin`. */
export const xAt = ({storage}: NormParameters) => loadElement('x', 'begin + i', storage);

/** WGSL expression: the sum of the numbers of an element. */
export const sumOfElement = ({storage}: NormParameters, value: string) =>
  storage === 'numbers' ? value : `dot(${value}, vec4f(1.0))`;

type LayerNormParameters = NormParameters & {
  residual: boolean;
  /** Whether mean and 1 / sqrt(var + epsilon) are written. */
  save: boolean;
};

const SIZE = 64;

export const layerNormShader: Shader<LayerNormParameters> = {
  name: 'layer_norm',
  size: () => SIZE,
  uniforms: normUniforms,
  bindings: ({storage, scale, residual, save}) => {
    const float32 = elementType(float32Storage(storage));
    return [
      writeBuffer('y', float32),
      ...(save ? [writeBuffer('mean'), writeBuffer('inverse')] : []),
      readBuffer('x', elementType(storage)),
      readBuffer('gamma', float32),
      readBuffer('beta', float32),
      ...(residual ? [readBuffer('residual', float32)] : []),
      ...(scale ? [readBuffer('scale')] : []),
    ];
  },
  declarations: ({lanes, storage, subgroups}) =>
    `${rowTotal(lanes, 'f32', SIZE, subgroups)}${storage === 'f16' ? F16_FUNCTIONS : ''}`,
  body: (p) => `
  let row = group * ${SIZE / p.lanes}u + lane / ${p.lanes}u;
  let begin = row * u.count;
  let end = select(0u, u.count, row < u.rows);
  let first = lane % ${p.lanes}u;
  let zero = ${registerType(p.storage)}();
  var sum = zero;
  for (var i = first; i < end; i += ${p.lanes}u) { sum += ${xAt(p)}; }
  let average = total(${sumOfElement(p, 'sum')}, lane) / u.channels;
  var squares = zero;
  for (var i = first; i < end; i += ${p.lanes}u) {
    let d = ${xAt(p)} - average;
    squares += d * d;
  }
  let factor = inverseSqrt(total(${sumOfElement(p, 'squares')}, lane) / u.channels + u.epsilon);
  ${p.save ? 'if (first == 0u && end > 0u) { mean[row] = average; inverse[row] = factor; }' : ''}
  ${p.scale ? 'let s = scale[min(row, u.rows - 1u) / u.scaleRows];' : ''}
  for (var i = first; i < end; i += ${p.lanes}u) {
    var value = (${xAt(p)} - average) * factor * gamma[i] + beta[i];
    ${p.scale ? 'value *= s;' : ''}
    ${p.residual ? 'value += residual[begin + i];' : ''}
    y[begin + i] = value;
  }`,
};

/** Rows and channels of a tensor that is normalised along its last axis, and how they are cut. */
export function normPlan(shape: number[]) {
  const channels = shape[shape.length - 1];
  const rows = tf.util.sizeFromShape(shape.slice(0, -1));
  const count = channels % 4 === 0 ? channels / 4 : channels;
  const lanes = count <= 4 ? 4 : count <= 32 ? 8 : count <= 128 ? 16 : 64;
  return {rows, channels, count, lanes, scaleRows: Math.max(1, rows / (shape[0] || 1))};
}

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
  const {lanes, ...sizes} = normPlan(mapShape(x));
  const {rows, channels} = sizes;
  const statistics = save ? [output(backend, [rows, 1]), output(backend, [rows, 1])] : [];
  const [mean, inverse] = statistics;
  const parameters = {
    storage: rowStorage(channels, isF16(x)),
    subgroups: hasSubgroups(backend),
    lanes,
    save,
    residual: residual !== undefined,
    scale: sampleScale !== undefined,
  };
  const buffers = {x, gamma, beta, y, residual, scale: sampleScale, mean, inverse};
  const groups = channels === 0 ? 0 : workgroups(rows, SIZE / lanes);
  run(backend, layerNormShader, parameters, buffers, {...sizes, epsilon}, groups);
  return [y, ...statistics];
}

type Inputs = 'x' | 'gamma' | 'beta' | 'residual' | 'sampleScale';

/** What `tf.registerKernel` takes. */
export const layerNormConfig = webgpuKernel<Inputs, LayerNormAttrs & {save: boolean}>(
  'SwintLayerNorm',
  runLayerNorm,
);

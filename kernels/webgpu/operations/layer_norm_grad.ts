/**
 * The gradient of layerNorm on the webgpu backend. Contract: contracts/layer_norm.
 *
 *   dx [+ addend], and for dgamma and dbeta the sums over the rows of a workgroup, [groups, 2 channels] from u.base on,
 *   u.partStride apart; sum_parts adds them up
 *
 * Rows are cut as in layer_norm.ts; a workgroup takes several turns, and an invocation has the same channels in each.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {sumParts} from '../primitives/sum_parts.js';
import {isF16, mapShape} from '../runtime/f16_maps.js';
import {filled, hasSubgroups, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {elementType, F16_FUNCTIONS, float32Storage, registerType, rowStorage} from '../wgsl/row_storage.js';
import {rowTotal} from '../wgsl/row_sums.js';
import {type NormParameters, normPlan, normUniforms, sumOfElement, xAt} from './layer_norm.js';

type NormGradParameters = NormParameters & {
  /** Elements of a row that an invocation has at most. */
  own: number;
  /** Whether mean and inverse are given; else they are computed anew. */
  given: boolean;
  addend: boolean;
};

const SIZE = 256;

/** WGSL: an invocation goes through its elements of a row. */
const each = (name: string, lanes: number) =>
  `for (var ${name} = first; ${name} < end; ${name} += ${lanes}u)`;

/** WGSL: mean and 1 / sqrt(variance + epsilon) of the row. */
const statistics = (p: NormGradParameters) =>
  p.given
    ? `let average = mean[safe];
    let factor = inverse[safe];`
    : `var values = zero;
    ${each('i', p.lanes)} { values += ${xAt(p)}; }
    let average = total(vec2f(${sumOfElement(p, 'values')}, 0.0), lane).x / u.channels;
    var squares = zero;
    ${each('i', p.lanes)} { let d = ${xAt(p)} - average; squares += d * d; }
    let factor = inverseSqrt(total(vec2f(${sumOfElement(p, 'squares')}, 0.0), lane).x / u.channels + u.epsilon);`;

/** WGSL: what the invocations have summed up for the same channel is added up, in a fixed order. */
const sumOverRows = ({own, lanes, storage}: NormGradParameters) => `
  for (var j = 0u; j < ${own}u; j++) {
    products[lane] = dGamma[j];
    plain[lane] = dBeta[j];
    workgroupBarrier();
    let i = first + j * ${lanes}u;
    if (lane < ${lanes}u && i < u.count) {
      var product = zero;
      var sum = zero;
      for (var other = lane; other < ${SIZE}u; other += ${lanes}u) {
        product += products[other];
        sum += plain[other];
      }
      let to = (u.base + group * u.partStride) / ${storage === 'numbers' ? 1 : 4}u + i;
      parts[to] = product;
      parts[to + u.count] = sum;
    }
    workgroupBarrier();
  }`;

export const layerNormGradShader: Shader<NormGradParameters> = {
  name: 'layer_norm_grad',
  size: () => SIZE,
  uniforms: {...normUniforms, turns: 'u32', base: 'u32', partStride: 'u32'},
  bindings: ({storage, scale, given, addend}) => {
    const float32 = elementType(float32Storage(storage));
    return [
      writeBuffer('dx', float32),
      writeBuffer('parts', float32),
      readBuffer('dy', float32),
      readBuffer('x', elementType(storage)),
      ...(given ? [readBuffer('mean'), readBuffer('inverse')] : []),
      readBuffer('gamma', float32),
      ...(addend ? [readBuffer('addend', float32)] : []),
      ...(scale ? [readBuffer('scale')] : []),
    ];
  },
  declarations: ({lanes, storage, subgroups}) => `${rowTotal(lanes, 'vec2f', SIZE, subgroups)}
${storage === 'f16' ? F16_FUNCTIONS : ''}
var<workgroup> products: array<${registerType(storage)}, ${SIZE}>;
var<workgroup> plain: array<${registerType(storage)}, ${SIZE}>;`,
  body: (p) => {
    const {lanes, own} = p;
    const type = registerType(p.storage);
    return `
  var dGamma = array<${type}, ${own}>();
  var dBeta = array<${type}, ${own}>();
  let first = lane % ${lanes}u;
  let zero = ${type}();
  for (var turn = 0u; turn < u.turns; turn++) {
    let row = (group * u.turns + turn) * ${SIZE / lanes}u + lane / ${lanes}u;
    let safe = min(row, u.rows - 1u);
    let begin = safe * u.count;
    let end = select(0u, u.count, row < u.rows);
    ${statistics(p)}
    let s = ${p.scale ? 'scale[safe / u.scaleRows]' : '1.0'};
    var sum = zero;
    var product = zero;
    ${each('i', lanes)} {
      let g = dy[begin + i] * gamma[i];
      sum += g;
      product += g * (${xAt(p)} - average);
    }
    let means = total(vec2f(${sumOfElement(p, 'sum')}, ${sumOfElement(p, 'product')}), lane) / u.channels;
    var mine = 0u;
    ${each('i', lanes)} {
      let gradient = dy[begin + i];
      let centred = ${xAt(p)} - average;
      dGamma[mine] += s * factor * gradient * centred;
      dBeta[mine] += s * gradient;
      mine++;
      var result = s * factor * (gradient * gamma[i] - means.x - centred * (factor * factor * means.y));
      ${p.addend ? 'result += addend[begin + i];' : ''}
      dx[begin + i] = result;
    }
  }${sumOverRows(p)}`;
  },
};

/** Most workgroups: as many partial sums have to be added up. */
const MOST_GROUPS = 512;

function gradPlan(shape: number[]) {
  const {rows, lanes, count, ...sizes} = normPlan(shape);
  const rowsAtOnce = SIZE / lanes;
  const turns = Math.max(1, Math.ceil(rows / rowsAtOnce / MOST_GROUPS));
  const groups = workgroups(rows, rowsAtOnce * turns);
  return {...sizes, rows, lanes, count, turns, own: Math.ceil(count / lanes), groups};
}

/** Partial sums that a gradient of such a map leaves. */
export const layerNormGradParts = (shape: number[]): number => gradPlan(shape).groups;

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
  /** Where the partial sums go: see the head of this file. */
  parts: tf.TensorInfo;
  base?: number;
  partStride?: number;
}

/** Dispatches dx and the partial sums of dgamma and dbeta. */
export function runLayerNormGrad(backend: WebGPUBackend, p: NormGrad): void {
  const {lanes, own, groups, ...sizes} = gradPlan(mapShape(p.x));
  const {dy, x, gamma, mean, inverse, sampleScale, addend, dx, parts} = p;
  const {epsilon = 0, base = 0, partStride = 2 * sizes.channels} = p;
  const parameters = {
    storage: rowStorage(sizes.channels, isF16(x)),
    subgroups: hasSubgroups(backend),
    lanes,
    own,
    given: mean !== undefined,
    addend: addend !== undefined,
    scale: sampleScale !== undefined,
  };
  const buffers = {dx, parts, dy, x, mean, inverse, gamma, addend, scale: sampleScale};
  run(backend, layerNormGradShader, parameters, buffers, {...sizes, epsilon, base, partStride}, groups);
}

type GradInputs = 'dy' | 'x' | 'mean' | 'inverse' | 'gamma' | 'sampleScale';

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

/**
 * Adds up partial results: result[i] = sum over parts p of parts[p][i].
 *
 *   parts [P, size];  results: tensors one after the other, their sizes adding up to `size`
 *
 * LANES invocations share a number: each adds up every LANES-th part, and their sums are added up in a fixed order.
 * What writes the parts: product and convolution (weight gradients), column_sums, the gradients of the norms and of window
 * attention.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {deviceOf, output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';

type SumParameters = {
  /** Results, at most 15. */
  results: number;
};

const SIZE = 64;
const LANES = 4;

/** Results of one dispatch on a device that binds that many buffers at most: 16. */
const MOST = 15;

const range = (count: number) => Array.from({length: count}, (_, i) => i);

export const sumPartsShader: Shader<SumParameters> = {
  name: 'sum_parts',
  size: () => SIZE,
  uniforms: {
    parts: 'u32',
    stride: 'u32',
    first: 'u32',
    size: 'u32',
    ...Object.fromEntries(range(MOST).map((i) => [`end${i}`, 'u32' as const])),
  },
  bindings: ({results}) => [readBuffer('parts'), ...range(results).map((i) => writeBuffer(`result${i}`))],
  declarations: () => `var<workgroup> sums: array<f32, ${SIZE}>;`,
  body: ({results}) => `
  let i = group * ${SIZE / LANES}u + lane % ${SIZE / LANES}u;
  let turn = lane / ${SIZE / LANES}u;
  var sum = 0.0;
  if (i < u.size) {
    for (var part = turn; part < u.parts; part += ${LANES}u) { sum += parts[part * u.stride + u.first + i]; }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (turn > 0u || i >= u.size) { return; }
  for (var other = 1u; other < ${LANES}u; other++) { sum += sums[lane + other * ${SIZE / LANES}u]; }
  ${range(results)
    .map((r) => `if (i < u.end${r}) { result${r}[i${r === 0 ? '' : ` - u.end${r - 1}`}] = sum; return; }`)
    .join('\n  ')}`,
};

/** How many rows an invocation adds up, and how many parts of `rows` that makes: at least 64 rows, at most 128 parts. */
export function cutRows(rows: number): {partRows: number; parts: number} {
  const partRows = Math.max(64, Math.ceil(rows / 128));
  return {partRows, parts: workgroups(rows, partRows)};
}

/**
 * The sums as new tensors of the given shapes.
 *
 * @param stride numbers from one part to the next; default what the shapes add up to.
 */
export function sumParts(
  backend: WebGPUBackend,
  parts: tf.TensorInfo,
  count: number,
  shapes: number[][],
  stride = shapes.reduce((sum, shape) => sum + tf.util.sizeFromShape(shape), 0),
): tf.TensorInfo[] {
  const atOnce = Math.min(MOST, deviceOf(backend).limits.maxStorageBuffersPerShaderStage - 1);
  const made = shapes.map((shape) => output(backend, shape));
  let first = 0;
  for (let begin = 0; begin < made.length; begin += atOnce) {
    const results = made.slice(begin, begin + atOnce);
    const ends: number[] = [];
    let size = 0;
    for (const {shape} of results) {
      size += tf.util.sizeFromShape(shape);
      ends.push(size);
    }
    run(
      backend,
      sumPartsShader,
      {results: results.length},
      {parts, ...Object.fromEntries(results.map((tensor, i) => [`result${i}`, tensor]))},
      {
        ...{parts: count, stride, first, size},
        ...Object.fromEntries(range(MOST).map((i) => [`end${i}`, ends[i] ?? 0])),
      },
      workgroups(size, SIZE / LANES),
    );
    first += size;
  }
  return made;
}

/**
 * A new tensor of sums that come in parts.
 *
 * @param compute writes [parts, ...shape] or, where there is only one, [...shape].
 */
export function summed(
  backend: WebGPUBackend,
  shape: number[],
  parts: number,
  compute: (to: tf.TensorInfo) => void,
): tf.TensorInfo {
  const partial = output(backend, parts === 1 ? shape : [parts, ...shape]);
  compute(partial);
  if (parts === 1) return partial;
  const [sum] = sumParts(backend, partial, parts, [shape]);
  backend.disposeData(partial.dataId);
  return sum;
}

/**
 * The sum over the rows of a matrix x [M, N], to [N]: a part of the rows at a time, [parts, N].
 *
 * An invocation adds up one column of one part, so neighbours read neighbours. sum_parts does the rest.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {filled, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {cutRows, summed} from './sum_parts.js';

/** Columns of a workgroup. */
const SIZE = 64;

export const columnSumsShader: Shader<object> = {
  name: 'column_sums',
  size: () => SIZE,
  uniforms: {m: 'u32', n: 'u32', blocks: 'u32', partRows: 'u32'},
  bindings: () => [writeBuffer('sums'), readBuffer('x')],
  body: () => `
  let part = group / u.blocks;
  let column = (group % u.blocks) * SIZE + lane;
  if (column >= u.n) { return; }
  let last = min(u.m, (part + 1u) * u.partRows);
  var sum = 0.0;
  for (var row = part * u.partRows; row < last; row++) { sum += x[row * u.n + column]; }
  sums[part * u.n + column] = sum;`,
};

/** @returns [N]. */
export function columnSums(backend: WebGPUBackend, x: tf.TensorInfo): tf.TensorInfo {
  const [m, n] = x.shape as [number, number];
  if (m === 0) return filled(backend, [n], 0);
  const {partRows, parts} = cutRows(m);
  const blocks = workgroups(n, SIZE);
  return summed(backend, [n], parts, (sums) =>
    run(backend, columnSumsShader, {}, {sums, x}, {m, n, blocks, partRows}, blocks * parts),
  );
}

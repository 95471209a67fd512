/**
 * Sums over the rows of a matrix x [M, N], a part of the rows at a time.
 *
 *   'plain'  to [parts, N] = sum of x
 *   'norm'   to [parts, 2 N] = sum of u h, then sum of u, with u = s x and h = (v - mean) inverse: the gradients of
 *            layerNorm's gamma and beta, x being dy and v its input
 *
 *   v [M, N], mean and inverse [M], s one factor per u.scaleRows rows, optional
 *
 * An invocation adds up one column of one part, so neighbours read neighbours. sum_parts does the rest.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {output, run, type Shader} from './program.js';
import {sumParts} from './sum_parts.js';

type ColumnParameters = {kind: 'plain' | 'norm'; scale?: boolean};

export const columnSumsShader: Shader<ColumnParameters> = {
  name: 'column_sums',
  size: () => 64,
  uniforms: {m: 'u32', n: 'u32', blocks: 'u32', partRows: 'u32', scaleRows: 'u32'},
  bindings: ({kind, scale}) => {
    const read = (name: string) => ({name, type: 'f32', access: 'in'}) as const;
    const norm = kind === 'norm' ? ['v', 'mean', 'inverse'].map(read) : [];
    return [{name: 'to', type: 'f32', access: 'out'}, read('x'), ...norm, ...(scale ? [read('scale')] : [])];
  },
  body: ({kind, scale}) => `
  let part = group / u.blocks;
  let column = (group % u.blocks) * SIZE + lane;
  if (column >= u.n) { return; }
  let first = part * u.partRows;
  let last = min(u.m, first + u.partRows);
  var sum = 0.0;
  ${kind === 'norm' ? 'var product = 0.0;' : ''}
  for (var row = first; row < last; row++) {
    var value = x[row * u.n + column];
    ${scale ? 'value *= scale[row / u.scaleRows];' : ''}
    sum += value;
    ${kind === 'norm' ? 'product += value * (v[row * u.n + column] - mean[row]) * inverse[row];' : ''}
  }
  ${
    kind === 'norm'
      ? `to[part * 2u * u.n + column] = product;
  to[part * 2u * u.n + u.n + column] = sum;`
      : 'to[part * u.n + column] = sum;'
  }`,
};

/** Rows that one invocation adds up at least. */
const PART = 64;

/** Most parts. */
const PARTS = 128;

/** @returns one tensor [N] for 'plain', two for 'norm'. */
export function columnSums(
  backend: WebGPUBackend,
  kind: ColumnParameters['kind'],
  [m, n]: [number, number],
  {
    scale,
    ...buffers
  }: {
    x: tf.TensorInfo;
    v?: tf.TensorInfo;
    mean?: tf.TensorInfo;
    inverse?: tf.TensorInfo;
    scale?: tf.TensorInfo;
  },
  scaleRows: number,
): tf.TensorInfo[] {
  const partRows = Math.max(PART, Math.ceil(m / PARTS));
  const parts = Math.max(1, Math.ceil(m / partRows));
  const blocks = Math.ceil(n / 64);
  const shapes = kind === 'norm' ? [[n], [n]] : [[n]];
  const to = output(backend, kind === 'norm' ? (parts === 1 ? [2, n] : [parts, 2, n]) : [parts, n]);
  run(
    backend,
    columnSumsShader,
    {kind, scale: scale !== undefined},
    {to, scale, ...buffers},
    {m, n, blocks, partRows, scaleRows},
    blocks * parts,
  );
  const sums = sumParts(backend, to, parts, shapes);
  backend.disposeData(to.dataId);
  return sums;
}

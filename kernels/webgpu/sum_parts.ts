/**
 * Adds up partial results: to[i] = sum over parts p of from[p][i], in the order of the parts.
 *
 *   from [parts, size];  to: up to 4 tensors one after the other, their sizes adding up to `size`
 *
 * What writes the parts: product (weight gradients), column_sums, the gradient of window attention.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {output, run, type Shader} from './program.js';

type SumParameters = {outputs: number};

const range = (count: number) => Array.from({length: count}, (_, i) => i);

export const sumPartsShader: Shader<SumParameters> = {
  name: 'sum_parts',
  size: () => 64,
  uniforms: {parts: 'u32', size: 'u32', begin1: 'u32', begin2: 'u32', begin3: 'u32'},
  bindings: ({outputs}) => [
    {name: 'parts', type: 'f32', access: 'in'},
    ...range(outputs).map((i) => ({name: `to${i}`, type: 'f32', access: 'out'}) as const),
  ],
  body: ({outputs}) => `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  var sum = parts[i];
  for (var part = 1u; part < u.parts; part++) { sum += parts[part * u.size + i]; }
  ${range(outputs)
    .reverse()
    .map((o) =>
      o === 0 ? 'to0[i] = sum;' : `if (i >= u.begin${o}) { to${o}[i - u.begin${o}] = sum; return; }`,
    )
    .join('\n  ')}`,
};

/** The sums as tensors of the given shapes. */
export function sumParts(
  backend: WebGPUBackend,
  from: tf.TensorInfo,
  parts: number,
  shapes: number[][],
): tf.TensorInfo[] {
  const made = shapes.map((shape) => output(backend, shape));
  const sizes = shapes.map((shape) => tf.util.sizeFromShape(shape));
  const begin = (o: number) => sizes.slice(0, o).reduce((a, b) => a + b, 0);
  const size = begin(sizes.length);
  const buffers = Object.fromEntries(made.map((tensor, o) => [`to${o}`, tensor]));
  run(
    backend,
    sumPartsShader,
    {outputs: made.length},
    {parts: from, ...buffers},
    {parts, size, begin1: begin(1), begin2: begin(2), begin3: begin(3)},
    Math.ceil(size / 64),
  );
  return made;
}

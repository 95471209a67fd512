/**
 * patchMerge and its gradient on the webgpu backend. Contract: contracts/patch_merge.
 *
 * An invocation moves one number, or four: y[b, i, j, p C + c] = x[b, 2i + p % 2, 2j + p / 2, c], zero past the map.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {output, run, type Shader} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';

type MergeParameters = {vector: boolean; grad: boolean};

/** `count`: vectors, or numbers, of a cell. */
export const patchMergeShader: Shader<MergeParameters> = {
  name: 'patch_merge',
  size: () => 64,
  uniforms: {size: 'u32', height: 'u32', width: 'u32', count: 'u32'},
  bindings: ({vector}) => [
    {name: 'to', type: vector ? 'vec4f' : 'f32', access: 'out'},
    {name: 'x', type: vector ? 'vec4f' : 'f32', access: 'in'},
  ],
  body: ({vector, grad}) => {
    const start = `
  let i = group * SIZE + lane;
  if (i >= u.size) { return; }
  let down = (u.height + 1u) / 2u;
  let across = (u.width + 1u) / 2u;`;
    if (grad) {
      return `${start}
  let c = i % u.count;
  let column = (i / u.count) % u.width;
  let row = (i / u.count / u.width) % u.height;
  let map = i / u.count / u.width / u.height;
  let place = row % 2u + 2u * (column % 2u);
  to[i] = x[(((map * down + row / 2u) * across + column / 2u) * 4u + place) * u.count + c];`;
    }
    return `${start}
  let c = i % u.count;
  let place = (i / u.count) % 4u;
  let cell = i / u.count / 4u;
  let column = 2u * (cell % across) + place / 2u;
  let row = 2u * ((cell / across) % down) + place % 2u;
  let map = cell / across / down;
  if (row < u.height && column < u.width) {
    to[i] = x[((map * u.height + row) * u.width + column) * u.count + c];
  } else {
    to[i] = ${vector ? 'vec4f()' : '0.0'};
  }`;
  },
};

function move(backend: WebGPUBackend, from: tf.TensorInfo, map: number[], shape: number[], grad: boolean) {
  const [, height, width, channels] = map;
  const vector = channels % 4 === 0;
  const count = vector ? channels / 4 : channels;
  const to = output(backend, shape);
  const size = shape.reduce((a, b) => a * b, 1) / (vector ? 4 : 1);
  run(
    backend,
    patchMergeShader,
    {vector, grad},
    {to, x: from},
    {size, height, width, count},
    Math.ceil(size / 64),
  );
  return to;
}

/** What `tf.registerKernel` takes. */
export const patchMergeConfig = webgpuKernel<'x', object>('SwintPatchMerge', (backend, {x}) => {
  const [batch, height, width, channels] = x.shape;
  return move(backend, x, x.shape, [batch, Math.ceil(height / 2), Math.ceil(width / 2), 4 * channels], false);
});

/** What `tf.registerKernel` takes. */
export const patchMergeGradConfig = webgpuKernel<'dy', {shape: number[]}>(
  'SwintPatchMergeGrad',
  (backend, {dy}, {shape}) => move(backend, dy, shape, shape, true),
);

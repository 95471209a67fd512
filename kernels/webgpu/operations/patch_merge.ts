/**
 * patchMerge and its gradient on the webgpu backend. Contract: contracts/patch_merge.
 *
 * An invocation moves one number, or four: y[b, i, j, p C + c] = x[b, 2i + p % 2, 2j + p / 2, c], zero past the map.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {elementType, type RowStorage, registerType, rowStorage} from '../wgsl/row_storage.js';

type PatchMergeParameters = {storage: RowStorage; grad: boolean};

const SIZE = 64;

/** `count`: elements of a cell. */
export const patchMergeShader: Shader<PatchMergeParameters> = {
  name: 'patch_merge',
  size: () => SIZE,
  uniforms: {size: 'u32', height: 'u32', width: 'u32', count: 'u32'},
  bindings: ({storage}) => [writeBuffer('to', elementType(storage)), readBuffer('x', elementType(storage))],
  body: ({storage, grad}) => {
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
    to[i] = ${registerType(storage)}();
  }`;
  },
};

/** The result, of the given shape; `map`: the shape of the map, which is x or its gradient. */
function move(backend: WebGPUBackend, from: tf.TensorInfo, map: number[], shape: number[], grad: boolean) {
  const [, height, width, channels] = map;
  const storage = rowStorage(channels);
  const numbers = storage === 'vectors' ? 4 : 1;
  const to = output(backend, shape);
  const size = tf.util.sizeFromShape(shape) / numbers;
  const uniforms = {size, height, width, count: channels / numbers};
  run(backend, patchMergeShader, {storage, grad}, {to, x: from}, uniforms, workgroups(size, SIZE));
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

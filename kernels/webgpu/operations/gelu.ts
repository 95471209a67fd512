/** gelu on the webgpu backend: an invocation computes one number, or four. Contract: contracts/gelu. */
import * as tf from '@tensorflow/tfjs-core';
import {output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {GELU} from '../wgsl/gelu.js';
import {elementType, type RowStorage, rowStorage} from '../wgsl/row_storage.js';

const SIZE = 64;

export const geluShader: Shader<{storage: RowStorage}> = {
  name: 'gelu',
  size: () => SIZE,
  uniforms: {count: 'u32'},
  bindings: ({storage}) => [writeBuffer('y', elementType(storage)), readBuffer('x', elementType(storage))],
  declarations: () => GELU,
  body: ({storage}) => `
  let i = group * SIZE + lane;
  if (i >= u.count) { return; }
  y[i] = ${storage === 'vectors' ? 'gelu(x[i])' : 'gelu(vec4f(x[i])).x'};`,
};

/** What `tf.registerKernel` takes. */
export const geluConfig = webgpuKernel<'x', object>('SwintGelu', (backend, {x}) => {
  const y = output(backend, x.shape);
  const size = tf.util.sizeFromShape(x.shape);
  const storage = rowStorage(size);
  const count = storage === 'vectors' ? size / 4 : size;
  run(backend, geluShader, {storage}, {y, x}, {count}, workgroups(count, SIZE));
  return y;
});

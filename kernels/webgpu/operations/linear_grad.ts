/** The gradients of linear on the webgpu backend: products, and what dy goes through before them. Contract: contracts/linear. */
import * as tf from '@tensorflow/tfjs-core';
import {columnSums} from '../primitives/column_sums.js';
import {product} from '../primitives/product.js';
import {summed} from '../primitives/sum_parts.js';
import {partsOfSum} from '../primitives/tile_plan.js';
import {output, run} from '../runtime/program.js';
import {readBuffer, type Shader, workgroups, writeBuffer} from '../runtime/shader.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {GELU} from '../wgsl/gelu.js';
import {elementType, type RowStorage, rowStorage} from '../wgsl/row_storage.js';

type GradOutputParameters = {storage: RowStorage; slope: boolean; scale: boolean};

const SIZE = 64;

/** g = s dy f'(z) */
export const linearGradOutputShader: Shader<GradOutputParameters> = {
  name: 'linear_grad_output',
  size: () => SIZE,
  uniforms: {count: 'u32', scaleCount: 'u32'},
  bindings: ({storage, slope, scale}) => {
    const type = elementType(storage);
    return [
      writeBuffer('g', type),
      readBuffer('dy', type),
      ...(slope ? [readBuffer('z', type)] : []),
      ...(scale ? [readBuffer('scale')] : []),
    ];
  },
  declarations: ({slope}) => (slope ? GELU : ''),
  body: ({storage, slope, scale}) => `
  let i = group * SIZE + lane;
  if (i >= u.count) { return; }
  var v = dy[i];
  ${slope ? `v *= ${storage === 'vectors' ? 'geluDerivative(z[i])' : 'geluDerivative(vec4f(z[i])).x'};` : ''}
  ${scale ? 'v *= scale[i / u.scaleCount];' : ''}
  g[i] = v;`,
};

/** What `tf.registerKernel` takes. */
export const linearGradOutputConfig = webgpuKernel<'dy' | 'z' | 'sampleScale', object>(
  'SwintLinearGradOutput',
  (backend, {dy, z, sampleScale}) => {
    const n = dy.shape[dy.shape.length - 1];
    const m = tf.util.sizeFromShape(dy.shape.slice(0, -1));
    const g = output(backend, [m, n]);
    const storage = rowStorage(n);
    const count = storage === 'vectors' ? (m * n) / 4 : m * n;
    run(
      backend,
      linearGradOutputShader,
      {storage, slope: z !== undefined, scale: sampleScale !== undefined},
      {g, dy, z, scale: sampleScale},
      {count, scaleCount: Math.max(1, count / (dy.shape[0] || 1))},
      workgroups(count, SIZE),
    );
    return g;
  },
);

/** What `tf.registerKernel` takes. */
export const linearGradXConfig = webgpuKernel<'g' | 'weight', {shape: number[]}>(
  'SwintLinearGradX',
  (backend, {g, weight}, {shape}) => {
    const [k, n] = weight.shape as [number, number];
    const dx = output(backend, shape);
    product(backend, {m: g.shape[0], n: k, k: n, a: g, b: weight, layoutB: 'columns', c: dx});
    return dx;
  },
);

/** What `tf.registerKernel` takes. */
export const linearGradWeightConfig = webgpuKernel<'g' | 'x', object>(
  'SwintLinearGradWeight',
  (backend, {g, x}) => {
    const [rows, n] = g.shape as [number, number];
    const m = x.shape[x.shape.length - 1];
    const parts = partsOfSum(rows, [[m, n]]);
    return summed(backend, [m, n], parts, (c) =>
      product(backend, {m, n, k: rows, a: x, b: g, layoutA: 'columns', c, parts}),
    );
  },
);

/** What `tf.registerKernel` takes. */
export const linearGradBiasConfig = webgpuKernel<'g', object>('SwintLinearGradBias', (backend, {g}) =>
  columnSums(backend, g),
);

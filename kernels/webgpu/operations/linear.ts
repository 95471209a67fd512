/** linear and its gradients on the webgpu backend: product.ts. Contract: contracts/linear. */
import * as tf from '@tensorflow/tfjs-core';
import type {LinearAttrs} from '../../contracts/linear.js';
import {columnSums} from '../primitives/column_sums.js';
import {partsOfSum, product} from '../primitives/run_product.js';
import {summed} from '../primitives/sum_parts.js';
import {output, run, type Shader} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {GELU} from '../wgsl/gelu.js';

type Inputs = 'x' | 'weight' | 'bias' | 'residual' | 'sampleScale';

/** What `tf.registerKernel` takes. */
export const linearConfig = webgpuKernel<Inputs, LinearAttrs & {save: boolean}>(
  'SwintLinear',
  (backend, {x, weight, bias, residual, sampleScale}, {activation, save}) => {
    const [k, n] = weight.shape as [number, number];
    const m = tf.util.sizeFromShape(x.shape.slice(0, -1));
    const gelu = activation === 'gelu';
    const y = output(backend, [...x.shape.slice(0, -1), n]);
    const z = gelu && save ? output(backend, [m, n]) : undefined;
    const scaleRows = Math.max(1, m / (x.shape[0] || 1));
    product(backend, {
      m,
      n,
      k,
      a: x,
      b: weight,
      c: y,
      bias,
      gelu,
      z,
      scale: sampleScale,
      scaleRows,
      addend: residual,
    });
    return z ? [y, z] : [y];
  },
);

type GradOutputParameters = {vector: boolean; slope: boolean; scale: boolean};

/** g = s dy f'(z) */
export const linearGradOutputShader: Shader<GradOutputParameters> = {
  name: 'linear_grad_output',
  size: () => 64,
  uniforms: {count: 'u32', scaleCount: 'u32'},
  bindings: ({vector, slope, scale}) => {
    const type = vector ? 'vec4f' : 'f32';
    return [
      {name: 'g', type, access: 'out'},
      {name: 'dy', type, access: 'in'},
      ...(slope ? [{name: 'z', type, access: 'in'} as const] : []),
      ...(scale ? [{name: 'scale', type: 'f32', access: 'in'} as const] : []),
    ];
  },
  declarations: ({slope}) => (slope ? GELU : ''),
  body: ({vector, slope, scale}) => `
  let i = group * SIZE + lane;
  if (i >= u.count) { return; }
  var v = dy[i];
  ${slope ? `v *= ${vector ? 'geluDerivative(z[i])' : 'geluDerivative(vec4f(z[i])).x'};` : ''}
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
    const vector = n % 4 === 0;
    const count = vector ? (m * n) / 4 : m * n;
    run(
      backend,
      linearGradOutputShader,
      {vector, slope: z !== undefined, scale: sampleScale !== undefined},
      {g, dy, z, scale: sampleScale},
      {count, scaleCount: Math.max(1, count / (dy.shape[0] || 1))},
      Math.ceil(count / 64),
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

/** linear and its gradients on the webgpu backend: product.ts. Contract: contracts/linear. */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type {LinearAttrs} from '../contracts/linear.js';
import {columnSums} from './column_sums.js';
import {GELU} from './gelu.js';
import {type ProductParameters, productShader} from './product.js';
import {output, run, type Shader} from './program.js';
import {sumParts} from './sum_parts.js';
import {webgpuKernel} from './webgpu_kernel.js';

interface Product {
  m: number;
  n: number;
  k: number;
  a: tf.TensorInfo;
  b: tf.TensorInfo;
  c: tf.TensorInfo;
  /** How the factors lie; see ProductParameters. Default 'rows' both. */
  layoutA?: 'rows' | 'columns';
  layoutB?: 'rows' | 'columns';
  bias?: tf.TensorInfo;
  gelu?: boolean;
  z?: tf.TensorInfo;
  scale?: tf.TensorInfo;
  scaleRows?: number;
  slope?: tf.TensorInfo;
  addend?: tf.TensorInfo;
  /** Parts that the sum is cut into; c then is [parts, M, N]. */
  parts?: number;
}

/** Workgroups that keep a GPU busy: a larger tile is taken where there are as many of it. */
const BUSY = 128;

/** The largest tile that leaves enough workgroups, of those worth having. */
function tileFor(m: number, n: number, parts: number) {
  const tiles = [
    {tileRows: 128, tileColumns: 64, piece: 16, rows: 8, columns: 4},
    {tileRows: 64, tileColumns: 64, piece: 16, rows: 4, columns: 4},
    {tileRows: 32, tileColumns: 32, piece: 16, rows: 4, columns: 4},
  ];
  const groups = (tile: (typeof tiles)[number]) =>
    Math.ceil(m / tile.tileRows) * Math.ceil(n / tile.tileColumns) * parts;
  return tiles.find((tile) => groups(tile) >= BUSY) ?? tiles[tiles.length - 1];
}

/** Terms of a part: a multiple of what a workgroup takes at once. */
const partLength = (k: number, parts: number) => Math.ceil(k / parts / 16) * 16;

/** Runs product.ts. */
function product(backend: WebGPUBackend, {m, n, k, layoutA = 'rows', layoutB = 'rows', ...p}: Product): void {
  const {a, b, c, bias, gelu, z, scale, scaleRows = 1, slope, addend, parts = 1} = p;
  const tile = tileFor(m, n, parts);
  const parameters: ProductParameters = {
    a: layoutA,
    b: layoutB,
    ...tile,
    vectorA: (layoutA === 'rows' ? k : m) % 4 === 0,
    vectorB: (layoutB === 'rows' ? n : k) % 4 === 0,
    vectorC: n % 4 === 0,
    bias: bias && true,
    gelu: gelu || undefined,
    z: z && true,
    scale: scale && true,
    slope: slope && true,
    addend: addend && true,
  };
  const tilesDown = Math.ceil(m / tile.tileRows);
  const tilesAcross = Math.ceil(n / tile.tileColumns);
  run(
    backend,
    productShader,
    parameters,
    {a, b, c, bias, z, scale, slope, addend},
    {m, n, k, tilesDown, tilesAcross, partLength: partLength(k, parts), scaleRows},
    tilesDown * tilesAcross * parts,
  );
}

type Inputs = 'x' | 'weight' | 'bias' | 'residual' | 'sampleScale';

/** What `tf.registerKernel` takes. */
export const linearConfig = webgpuKernel<Inputs, LinearAttrs & {keep: boolean}>(
  'SwintLinear',
  (backend, {x, weight, bias, residual, sampleScale}, {activation, keep}) => {
    const [k, n] = weight.shape as [number, number];
    const m = tf.util.sizeFromShape(x.shape.slice(0, -1));
    const gelu = activation === 'gelu';
    const y = output(backend, [...x.shape.slice(0, -1), n]);
    const z = gelu && keep ? output(backend, [m, n]) : undefined;
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

/** Fewest terms of a part of a weight gradient's sum. */
const PART = 256;

/** What `tf.registerKernel` takes. */
export const linearGradWeightConfig = webgpuKernel<'g' | 'x', object>(
  'SwintLinearGradWeight',
  (backend, {g, x}) => {
    const [rows, n] = g.shape as [number, number];
    const m = x.shape[x.shape.length - 1];
    const tiles = Math.max(1, Math.ceil(m / 64) * Math.ceil(n / 64));
    const wanted = Math.max(1, Math.min(Math.ceil((2 * BUSY) / tiles), Math.floor(rows / PART)));
    const parts = Math.max(1, Math.ceil(rows / partLength(Math.max(1, rows), wanted)));
    const partial = output(backend, parts === 1 ? [m, n] : [parts, m, n]);
    product(backend, {m, n, k: rows, a: x, b: g, layoutA: 'columns', c: partial, parts});
    if (parts === 1) return partial;
    const [dw] = sumParts(backend, partial, parts, [[m, n]]);
    backend.disposeData(partial.dataId);
    return dw;
  },
);

/** What `tf.registerKernel` takes. */
export const linearGradBiasConfig = webgpuKernel<'g', object>(
  'SwintLinearGradBias',
  (backend, {g}) => columnSums(backend, 'plain', g.shape as [number, number], {x: g}, 1)[0],
);

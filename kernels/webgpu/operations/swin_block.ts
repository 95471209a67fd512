/**
 * swinBlock and its gradient on the webgpu backend: a whole block in five dispatches (seven where the norms come after
 * the branches), its gradient in fourteen or so. Contract: contracts/swin_block.
 *
 * The first norm of a branch is part of the product that follows it, and residual, GELU and drop-path scale of the one
 * before them (product.ts). For the backward pass only what costs a product is kept: qkv, the result of the attention,
 * the map between the branches and the hidden layer before GELU; norms and GELU are computed anew where they are needed.
 *
 * With precision 'f16' what lies inside of the block, and what is kept for the gradient but for the map between the
 * branches, are 16-bit floats (wgsl/row_storage.ts), and the products go to the GPU's matrix units where it has some (matrix_loop.ts).
 *
 * The weight gradients share one buffer of partial sums, [parts, all weights and biases], and are added up at the end.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {
  blockGradients,
  type SwinBlockAttrs,
  type SwinBlockInputs,
  type SwinBlockKept,
} from '../../contracts/swin_block.js';
import {type Product, product} from '../primitives/product.js';
import {sumParts} from '../primitives/sum_parts.js';
import {partsOfSum} from '../primitives/tile_plan.js';
import {isF16, mapOutput} from '../runtime/f16_maps.js';
import {matrixUnits} from '../runtime/matrix_units.js';
import {storesF16} from '../runtime/precision.js';
import {deviceOf, output} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {runLayerNorm} from './layer_norm.js';
import {layerNormGradParts, runLayerNormGrad} from './layer_norm_grad.js';
import {runWindowAttention} from './window_attention.js';
import {runWindowAttentionGrad} from './window_attention_grad.js';

type Infos<Tensors> = {[name in keyof Tensors]: tf.TensorInfo};
type Inputs = Infos<SwinBlockInputs>;
type Kept = Infos<SwinBlockKept>;

function sizesOf({x, fc1Weight}: Inputs) {
  const [batch, height, width, channels] = x.shape;
  const cells = height * width;
  return {rows: batch * cells, channels, hidden: fc1Weight.shape[1], scaleRows: Math.max(1, cells)};
}

/** Frees what a kernel made for itself. */
function dispose(backend: WebGPUBackend, tensors: (tf.TensorInfo | undefined)[]): void {
  for (const tensor of tensors) if (tensor) backend.disposeData(tensor.dataId);
}

/** The result and what the backward pass needs. */
function forward(
  backend: WebGPUBackend,
  inputs: Inputs,
  {attention, norm, epsilon}: SwinBlockAttrs,
  keep: boolean,
): {y: tf.TensorInfo; kept: Kept} {
  const {x, sampleScale1, sampleScale2, gamma1, beta1, gamma2, beta2} = inputs;
  const {rows: m, channels, hidden: width, scaleRows} = sizesOf(inputs);
  const pre = norm === 'pre';
  const map = () => output(backend, x.shape);
  const half = storesF16(channels, width, channels / attention.numHeads);
  const inner = (shape: number[]) => mapOutput(backend, shape, half);
  const statistics = () => (keep && pre ? output(backend, [m, 2]) : undefined);
  const statistics1 = statistics();
  const statistics2 = statistics();

  const qkv = inner([...x.shape.slice(0, 3), 3 * channels]);
  const prologue1 = pre
    ? ({prologue: 'norm', gamma: gamma1, beta: beta1, statistics: statistics1, epsilon} as const)
    : {};
  const toQkv = {a: x, b: inputs.qkvWeight, bias: inputs.qkvBias, c: qkv, f16Factors: half};
  product(backend, {m, n: 3 * channels, k: channels, ...toQkv, ...prologue1});
  const attended = runWindowAttention(backend, {...inputs, qkv}, attention);
  const between = map();
  const projection = {
    ...{m, n: channels, k: channels, a: attended, b: inputs.projWeight, bias: inputs.projBias},
    f16Factors: half,
  };
  let projected: tf.TensorInfo | undefined;
  if (pre) {
    product(backend, {...projection, c: between, addend: x, scale: sampleScale1, scaleRows});
  } else {
    projected = inner(x.shape);
    product(backend, {...projection, c: projected});
    const tensors = {
      x: projected,
      gamma: gamma1,
      beta: beta1,
      residual: x,
      sampleScale: sampleScale1,
      y: between,
    };
    runLayerNorm(backend, tensors, {epsilon, keep: false});
  }

  const hidden = inner([m, width]);
  const z = keep ? inner([m, width]) : undefined;
  const prologue2 = pre
    ? ({prologue: 'norm', gamma: gamma2, beta: beta2, statistics: statistics2, epsilon} as const)
    : {};
  const toHidden = {
    a: between,
    b: inputs.fc1Weight,
    bias: inputs.fc1Bias,
    c: hidden,
    gelu: true,
    z,
    f16Factors: half,
  };
  product(backend, {m, n: width, k: channels, ...toHidden, ...prologue2});
  const y = map();
  const second = {
    ...{m, n: channels, k: width, a: hidden, b: inputs.fc2Weight, bias: inputs.fc2Bias},
    f16Factors: half,
  };
  let branch: tf.TensorInfo | undefined;
  if (pre) {
    product(backend, {...second, c: y, addend: between, scale: sampleScale2, scaleRows});
  } else {
    branch = inner(x.shape);
    product(backend, {...second, c: branch});
    const tensors = {x: branch, gamma: gamma2, beta: beta2, residual: between, sampleScale: sampleScale2, y};
    runLayerNorm(backend, tensors, {epsilon, keep: false});
  }
  dispose(backend, [hidden]);
  const kept = {qkv, attended, between, z, statistics1, statistics2, projected, branch} as Kept;
  if (!keep) dispose(backend, Object.values(kept));
  return {y, kept};
}

/** What `tf.registerKernel` takes. Returns y and, with `keep`, the tensors of SwinBlockKept in their order. */
export const swinBlockConfig = webgpuKernel<keyof SwinBlockInputs, SwinBlockAttrs & {keep?: boolean}>(
  'SwintBlock',
  (backend, inputs, {keep = false, ...attrs}) => {
    const {y, kept} = forward(backend, inputs, attrs, keep);
    return keep ? [y, ...Object.values(kept).filter(Boolean)] : [y];
  },
);

/** What `tf.registerKernel` takes. Returns the gradients in the order of `blockGradients`. */
export const swinBlockGradConfig = webgpuKernel<
  keyof SwinBlockInputs | keyof SwinBlockKept | 'dy',
  SwinBlockAttrs
>('SwintBlockGrad', (backend, inputs, {attention, norm, epsilon}) => {
  const {x, dy, qkv, attended, between, z, statistics1, statistics2, projected, branch} = inputs;
  const {gamma1, beta1, gamma2, beta2, sampleScale1, sampleScale2} = inputs;
  const {rows: m, channels, hidden, scaleRows} = sizesOf(inputs);
  const pre = norm === 'pre';
  const map = () => output(backend, x.shape);

  // Where each weight and its bias lie among the partial sums.
  const withBias = inputs.qkvBias !== undefined;
  const weights: [string, string | undefined, number, number][] = [
    ['qkvWeight', withBias ? 'qkvBias' : undefined, channels, 3 * channels],
    ['projWeight', 'projBias', channels, channels],
    ['fc1Weight', 'fc1Bias', channels, hidden],
    ['fc2Weight', 'fc2Bias', hidden, channels],
  ];
  const rowsOf = weights.map(([, bias, rows]) => rows + (bias ? 1 : 0));
  const bases: number[] = [];
  let total = 0;
  weights.forEach(([, , , columns], i) => {
    bases.push(total);
    total += rowsOf[i] * columns;
  });
  const parts = partsOfSum(
    m,
    weights.map(([, , , columns], i) => [rowsOf[i], columns]),
  );
  const partial = output(backend, [parts, total]);
  // Each gradient goes to the input of a product first, which finds the largest numbers of its rows, and then to the
  // product's weight, which needs them.
  const half = isF16(qkv);
  const maxima = half && matrixUnits(deviceOf(backend)) ? output(backend, [m]) : undefined;
  const backwards = {m, layoutB: 'columns', f16Factors: half, gradient: 'a', maxima} as const;
  const weightGradient = (which: number, p: Pick<Product, 'a' | 'b'> & Partial<Product>) =>
    product(backend, {
      ...{
        m: rowsOf[which],
        n: weights[which][3],
        k: m,
        layoutA: 'columns',
        ones: weights[which][1] !== undefined,
      },
      ...{c: partial, parts, base: bases[which], partStride: total, scaleB: true, scaleRows},
      ...{f16Factors: half, gradient: 'b', maxima},
      ...p,
    });
  const normParts = layerNormGradParts(x.shape);
  const normSums = output(backend, [normParts, 4, channels]);
  const normGradient = (which: 0 | 1, p: Omit<Parameters<typeof runLayerNormGrad>[1], 'parts'>) =>
    runLayerNormGrad(backend, {
      ...p,
      parts: normSums,
      base: 2 * which * channels,
      partStride: 4 * channels,
      epsilon,
    });

  // The MLP.
  let dBranch = dy;
  if (!pre) {
    dBranch = map();
    normGradient(1, {dy, x: branch, gamma: gamma2, sampleScale: sampleScale2, dx: dBranch});
  }
  const scale2 = pre ? sampleScale2 : undefined;
  const dz = output(backend, [m, hidden]);
  const fromBranch = {a: dBranch, b: inputs.fc2Weight, c: dz, slope: z, scale: scale2, scaleRows};
  product(backend, {...backwards, n: hidden, k: channels, ...fromBranch});
  weightGradient(3, {a: z, prologue: 'gelu', b: dBranch, scale: scale2});
  const prologue2 = pre
    ? ({prologue: 'norm', gamma: gamma2, beta: beta2, statistics: statistics2} as const)
    : {};
  const dBetween = map();
  const fromHidden = {...backwards, n: channels, k: hidden, a: dz, b: inputs.fc1Weight};
  let dNormed: tf.TensorInfo | undefined;
  if (pre) {
    dNormed = map();
    product(backend, {...fromHidden, c: dNormed});
    normGradient(1, {dy: dNormed, x: between, gamma: gamma2, addend: dy, dx: dBetween});
  } else {
    product(backend, {...fromHidden, c: dBetween, addend: dy});
  }
  weightGradient(2, {a: between, ...prologue2, b: dz});
  dispose(backend, [dz, dNormed, pre ? undefined : dBranch]);

  // The attention.
  let dProjected = dBetween;
  if (!pre) {
    dProjected = map();
    normGradient(0, {dy: dBetween, x: projected, gamma: gamma1, sampleScale: sampleScale1, dx: dProjected});
  }
  const scale1 = pre ? sampleScale1 : undefined;
  const dAttended = map();
  const toAttended = {a: dProjected, b: inputs.projWeight, c: dAttended, scale: scale1, scaleRows};
  product(backend, {...backwards, n: channels, k: channels, ...toAttended});
  weightGradient(1, {a: attended, b: dProjected, scale: scale1});
  const [dqkv, dtable, ...optional] = runWindowAttentionGrad(
    backend,
    {...inputs, qkv, dy: dAttended},
    attention,
  );
  const prologue1 = pre
    ? ({prologue: 'norm', gamma: gamma1, beta: beta1, statistics: statistics1} as const)
    : {};
  const dx = map();
  const fromQkv = {...backwards, n: channels, k: 3 * channels, a: dqkv, b: inputs.qkvWeight};
  let dFirst: tf.TensorInfo | undefined;
  if (pre) {
    dFirst = map();
    product(backend, {...fromQkv, c: dFirst});
    normGradient(0, {dy: dFirst, x, gamma: gamma1, addend: dBetween, dx});
  } else {
    product(backend, {...fromQkv, c: dx, addend: dBetween});
  }
  weightGradient(0, {a: x, ...prologue1, b: dqkv});
  dispose(backend, [dAttended, dqkv, dFirst, dBetween, pre ? undefined : dProjected]);

  // The sums.
  const names = weights.flatMap(([weight, bias]) => (bias ? [weight, bias] : [weight]));
  const shapes = weights.flatMap(([, bias, rows, columns]) =>
    bias ? [[rows, columns], [columns]] : [[rows, columns]],
  );
  const sums = sumParts(backend, partial, parts, shapes);
  const [dGamma1, dBeta1, dGamma2, dBeta2] = sumParts(
    backend,
    normSums,
    normParts,
    Array(4).fill([channels]),
  );
  dispose(backend, [partial, normSums, maxima]);
  const gradients: Record<string, tf.TensorInfo> = {
    ...{x: dx, gamma1: dGamma1, beta1: dBeta1, gamma2: dGamma2, beta2: dBeta2, table: dtable},
    ...Object.fromEntries(names.map((name, i) => [name, sums[i]])),
  };
  if (inputs.logitScale) gradients.logitScale = optional.shift() as tf.TensorInfo;
  if (inputs.padToken) gradients.padToken = optional.shift() as tf.TensorInfo;
  return blockGradients(inputs).map((name) => gradients[name]);
});

/**
 * swinBlock on the webgpu backend: a whole block in five dispatches, seven where the norms come after the branches.
 * Contract: contracts/swin_block. Its gradient: swin_block_grad.ts.
 *
 * The first norm of a branch is part of the product that follows it, and residual, GELU and drop-path scale of the one
 * before them (product.ts). For the backward pass only what costs a product is saved: qkv, the result of the attention,
 * the map between the branches and the hidden layer before GELU; norms and GELU are computed anew where they are needed.
 *
 * With precision 'f16' what lies inside of the block, and what is saved for the gradient but for the map between the
 * branches, are 16-bit floats (wgsl/row_storage.ts), and the products go to the GPU's matrix units where it has some
 * (matrix_loop.ts).
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {
  type SwinBlockAttrs,
  type SwinBlockInputs,
  type SwinBlockSaved,
  savedByBlock,
} from '../../contracts/swin_block.js';
import {type Product, product} from '../primitives/product.js';
import {mapOutput} from '../runtime/f16_maps.js';
import {storesF16} from '../runtime/precision.js';
import {output} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {runLayerNorm} from './layer_norm.js';
import {runWindowAttention} from './window_attention.js';

/** The inputs as a kernel sees them. */
export type BlockInputs = {[name in keyof SwinBlockInputs]: tf.TensorInfo};
type Saved = {[name in keyof SwinBlockSaved]?: tf.TensorInfo};

/** Rows and columns of the products; rows that share a factor of sampleScale. */
export function blockSizes({x, fc1Weight}: BlockInputs) {
  const [batch, height, width, channels] = x.shape;
  const cells = height * width;
  return {rows: batch * cells, channels, hidden: fc1Weight.shape[1], scaleRows: Math.max(1, cells)};
}

/** Frees what a kernel made for itself. */
export function dispose(backend: WebGPUBackend, tensors: (tf.TensorInfo | undefined)[]): void {
  for (const tensor of tensors) if (tensor) backend.disposeData(tensor.dataId);
}

/** A forward pass in work. */
interface Forward {
  backend: WebGPUBackend;
  inputs: BlockInputs;
  attrs: SwinBlockAttrs;
  /** Whether the gradient needs what is computed on the way. */
  save: boolean;
  /** Whether the maps inside of the block are 16-bit floats. */
  f16: boolean;
}

const innerMap = ({backend, f16}: Forward, shape: number[]) => mapOutput(backend, shape, f16);

/** Pre-norm: the norm as part of the product that reads its result, its statistics saved for the gradient. */
function normBefore(
  {backend, inputs, attrs: {norm, epsilon}, save}: Forward,
  gamma: tf.TensorInfo,
  beta: tf.TensorInfo,
): Pick<Product, 'prologue' | 'gamma' | 'beta' | 'statistics' | 'epsilon'> {
  if (norm === 'post') return {};
  const statistics = save ? output(backend, [blockSizes(inputs).rows, 2]) : undefined;
  return {prologue: 'norm', gamma, beta, statistics, epsilon};
}

/** What closes a branch: its last product, the residual, and for post-norm the norm between them. */
interface Closing {
  product: Pick<Product, 'k' | 'a' | 'b' | 'bias'>;
  residual: tf.TensorInfo;
  sampleScale?: tf.TensorInfo;
  gamma: tf.TensorInfo;
  beta: tf.TensorInfo;
}

/** The result of a branch; for post-norm also what its norm read. */
function closeBranch(forward: Forward, {product: last, residual, sampleScale, gamma, beta}: Closing) {
  const {backend, inputs, attrs, f16} = forward;
  const {rows: m, channels: n, scaleRows} = blockSizes(inputs);
  const y = output(backend, inputs.x.shape);
  const projection = {m, n, f16Factors: f16, ...last};
  if (attrs.norm === 'pre') {
    product(backend, {...projection, c: y, addend: residual, scale: sampleScale, scaleRows});
    return {y};
  }
  const branch = innerMap(forward, inputs.x.shape);
  product(backend, {...projection, c: branch});
  const tensors = {x: branch, gamma, beta, residual, sampleScale, y};
  runLayerNorm(backend, tensors, {epsilon: attrs.epsilon, save: false});
  return {y, branch};
}

/** From x to the map between the branches. */
function attentionBranch(forward: Forward) {
  const {backend, inputs, attrs, f16} = forward;
  const {x, gamma1: gamma, beta1: beta} = inputs;
  const {rows: m, channels} = blockSizes(inputs);
  const prologue = normBefore(forward, gamma, beta);
  const qkv = innerMap(forward, [...x.shape.slice(0, 3), 3 * channels]);
  const toQkv = {a: x, b: inputs.qkvWeight, bias: inputs.qkvBias, c: qkv, f16Factors: f16};
  product(backend, {m, n: 3 * channels, k: channels, ...toQkv, ...prologue});
  const attended = runWindowAttention(backend, {...inputs, qkv}, attrs.attention);
  const {y: between, branch: projected} = closeBranch(forward, {
    product: {k: channels, a: attended, b: inputs.projWeight, bias: inputs.projBias},
    ...{residual: x, sampleScale: inputs.sampleScale1, gamma, beta},
  });
  return {between, saved: {qkv, attended, between, projected, statistics1: prologue.statistics}};
}

/** From the map between the branches to the result. */
function mlpBranch(forward: Forward, between: tf.TensorInfo) {
  const {backend, inputs, save, f16} = forward;
  const {gamma2: gamma, beta2: beta} = inputs;
  const {rows: m, channels, hidden: n} = blockSizes(inputs);
  const prologue = normBefore(forward, gamma, beta);
  const hidden = innerMap(forward, [m, n]);
  const z = save ? innerMap(forward, [m, n]) : undefined;
  const toHidden = {a: between, b: inputs.fc1Weight, bias: inputs.fc1Bias, c: hidden, gelu: true, z};
  product(backend, {m, n, k: channels, ...toHidden, f16Factors: f16, ...prologue});
  const {y, branch} = closeBranch(forward, {
    product: {k: n, a: hidden, b: inputs.fc2Weight, bias: inputs.fc2Bias},
    ...{residual: between, sampleScale: inputs.sampleScale2, gamma, beta},
  });
  dispose(backend, [hidden]);
  return {y, saved: {z, branch, statistics2: prologue.statistics}};
}

/** What `tf.registerKernel` takes. Returns y and, with `save`, the tensors of `savedByBlock` in their order. */
export const swinBlockConfig = webgpuKernel<keyof SwinBlockInputs, SwinBlockAttrs & {save: boolean}>(
  'SwintBlock',
  (backend, inputs, {save, ...attrs}) => {
    const {channels, hidden} = blockSizes(inputs);
    const f16 = storesF16(channels, hidden, channels / attrs.attention.numHeads);
    const forward = {backend, inputs, attrs, save, f16};
    const attention = attentionBranch(forward);
    const mlp = mlpBranch(forward, attention.between);
    const saved: Saved = {...attention.saved, ...mlp.saved};
    if (save) return [mlp.y, ...savedByBlock(attrs.norm).map((name) => saved[name] as tf.TensorInfo)];
    dispose(backend, Object.values(saved));
    return [mlp.y];
  },
);

/**
 * The gradient of swinBlock on the webgpu backend, in fourteen dispatches or so. Contract: contracts/swin_block.
 *
 * It runs through the block from its end to its beginning. The gradient of a map goes to the input of a product first,
 * which finds the largest numbers of its rows, and then to the product's weight, which needs them (gradient_scaling.ts).
 * The weight gradients share one buffer of partial sums, [parts, all weights and biases], those of the norms another,
 * [parts, gamma1 | beta1 | gamma2 | beta2]; both are added up at the end.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {
  blockGradients,
  type SwinBlockAttrs,
  type SwinBlockInputs,
  type SwinBlockSaved,
} from '../../contracts/swin_block.js';
import {type Product, product} from '../primitives/product.js';
import {sumParts} from '../primitives/sum_parts.js';
import {partsOfSum} from '../primitives/tile_plan.js';
import {isF16} from '../runtime/f16_maps.js';
import {matrixUnits} from '../runtime/matrix_units.js';
import {deviceOf, output} from '../runtime/program.js';
import {webgpuKernel} from '../runtime/webgpu_kernel.js';
import {layerNormGradParts, runLayerNormGrad} from './layer_norm_grad.js';
import {type BlockInputs, blockSizes, dispose} from './swin_block.js';
import {runWindowAttentionGrad} from './window_attention_grad.js';

type GradInputs = BlockInputs & {[name in keyof SwinBlockSaved]: tf.TensorInfo} & {dy: tf.TensorInfo};

/** The weights in the order of their partial sums, each with the bias below its last row. */
const BIAS_OF = {
  qkvWeight: 'qkvBias',
  projWeight: 'projBias',
  fc1Weight: 'fc1Bias',
  fc2Weight: 'fc2Bias',
} as const;

type WeightName = keyof typeof BIAS_OF;

/** A weight [rows, columns] among the partial sums. */
interface Place {
  rows: number;
  columns: number;
  hasBias: boolean;
  /** Number of the first of its sums. */
  base: number;
}

/** The norms in the order of their partial sums. */
const NORMS = {
  norm1: {gamma: 'gamma1', beta: 'beta1', statistics: 'statistics1', base: 0},
  norm2: {gamma: 'gamma2', beta: 'beta2', statistics: 'statistics2', base: 2},
} as const;

type NormName = keyof typeof NORMS;

/** A backward pass in work. */
interface Backward {
  backend: WebGPUBackend;
  inputs: GradInputs;
  attrs: SwinBlockAttrs;
  places: Record<WeightName, Place>;
  /** Partial sums of the weights, `stride` numbers a part. */
  weightSums: {tensor: tf.TensorInfo; parts: number; stride: number};
  /** Partial sums of the norms. */
  normSums: {tensor: tf.TensorInfo; parts: number};
  /** Whether the saved maps are 16-bit floats; the largest numbers of a gradient's rows where matrix units need them. */
  f16: boolean;
  maxima?: tf.TensorInfo;
}

/** Where the weights lie among the partial sums, and how many numbers a part has. */
function placeWeights(inputs: BlockInputs): {places: Record<WeightName, Place>; stride: number} {
  let stride = 0;
  const place = (name: WeightName): Place => {
    const [rows, columns] = inputs[name].shape;
    const hasBias = inputs[BIAS_OF[name]] !== undefined;
    const base = stride;
    stride += (hasBias ? rows + 1 : rows) * columns;
    return {rows, columns, hasBias, base};
  };
  const names = Object.keys(BIAS_OF) as WeightName[];
  const places = Object.fromEntries(names.map((name) => [name, place(name)])) as Record<WeightName, Place>;
  return {places, stride};
}

function start(backend: WebGPUBackend, inputs: GradInputs, attrs: SwinBlockAttrs): Backward {
  const {rows, channels} = blockSizes(inputs);
  const {places, stride} = placeWeights(inputs);
  const results = Object.values(places).map((place): [number, number] => [
    place.rows + (place.hasBias ? 1 : 0),
    place.columns,
  ]);
  const parts = partsOfSum(rows, results);
  const normParts = layerNormGradParts(inputs.x.shape);
  const f16 = isF16(inputs.qkv);
  return {
    ...{backend, inputs, attrs, places, f16},
    weightSums: {tensor: output(backend, [parts, stride]), parts, stride},
    normSums: {tensor: output(backend, [normParts, 4, channels]), parts: normParts},
    maxima: f16 && matrixUnits(deviceOf(backend)) ? output(backend, [rows]) : undefined,
  };
}

/** Partial sums of the gradients of a weight and its bias: of p(A)^T B, A what the product read. */
function weightGradient(
  {backend, inputs, places, weightSums, f16, maxima}: Backward,
  name: WeightName,
  factors: Pick<Product, 'a' | 'b'> & Partial<Product>,
): void {
  const {rows, columns, hasBias, base} = places[name];
  const {rows: k, scaleRows} = blockSizes(inputs);
  product(backend, {
    ...{m: hasBias ? rows + 1 : rows, n: columns, k, layoutA: 'columns', ones: hasBias},
    ...{c: weightSums.tensor, parts: weightSums.parts, base, partStride: weightSums.stride},
    ...{scaleB: true, scaleRows, f16Factors: f16, gradient: 'b', maxima},
    ...factors,
  });
}

/** The gradient of what a product reads: A times the transpose of a weight. */
function inputGradient(
  {backend, inputs, places, f16, maxima}: Backward,
  name: WeightName,
  factors: Pick<Product, 'a' | 'c'> & Partial<Product>,
): void {
  const {rows, columns} = places[name];
  const {rows: m, scaleRows} = blockSizes(inputs);
  product(backend, {
    ...{m, n: rows, k: columns, b: inputs[name], layoutB: 'columns', scaleRows},
    ...{f16Factors: f16, gradient: 'a', maxima},
    ...factors,
  });
}

/** dx of a layer norm, and partial sums of its gamma and beta. */
function normGradient(
  {backend, inputs, attrs, normSums}: Backward,
  name: NormName,
  tensors: {
    dy: tf.TensorInfo;
    x: tf.TensorInfo;
    sampleScale?: tf.TensorInfo;
    addend?: tf.TensorInfo;
    dx: tf.TensorInfo;
  },
): void {
  const {channels} = blockSizes(inputs);
  runLayerNormGrad(backend, {
    ...{...tensors, gamma: inputs[NORMS[name].gamma], epsilon: attrs.epsilon},
    ...{parts: normSums.tensor, base: NORMS[name].base * channels, partStride: 4 * channels},
  });
}

/** The gradient of a branch's last product, from that of the branch's result: through the norm after it (post-norm). */
function throughNormAfter(
  backward: Backward,
  name: NormName,
  tensors: {dy: tf.TensorInfo; x?: tf.TensorInfo; sampleScale?: tf.TensorInfo},
): tf.TensorInfo {
  if (backward.attrs.norm === 'pre') return tensors.dy;
  const dx = output(backward.backend, backward.inputs.x.shape);
  normGradient(backward, name, {...tensors, x: tensors.x as tf.TensorInfo, dx});
  return dx;
}

/**
 * The beginning of a branch that reads x: the gradient of x, of both the branch and the residual beside it, from the
 * gradient `a` of the branch's first product and that of the branch's result, dy.
 */
function branchBeginning(
  backward: Backward,
  [normName, weight]: [NormName, WeightName],
  {a, x, dy}: {a: tf.TensorInfo; x: tf.TensorInfo; dy: tf.TensorInfo},
): tf.TensorInfo {
  const {backend, inputs, attrs} = backward;
  const dx = output(backend, inputs.x.shape);
  if (attrs.norm === 'post') {
    inputGradient(backward, weight, {a, c: dx, addend: dy});
    weightGradient(backward, weight, {a: x, b: a});
    return dx;
  }
  const {gamma, beta, statistics} = NORMS[normName];
  const dNormed = output(backend, inputs.x.shape);
  inputGradient(backward, weight, {a, c: dNormed});
  normGradient(backward, normName, {dy: dNormed, x, addend: dy, dx});
  const prologue = {gamma: inputs[gamma], beta: inputs[beta], statistics: inputs[statistics]};
  weightGradient(backward, weight, {a: x, prologue: 'norm', ...prologue, b: a});
  dispose(backend, [dNormed]);
  return dx;
}

/** From the gradient of the result to that of the map between the branches. */
function mlpGradient(backward: Backward): tf.TensorInfo {
  const {backend, inputs, attrs} = backward;
  const {between, branch, z, dy, sampleScale2: sampleScale} = inputs;
  const {rows, hidden} = blockSizes(inputs);
  const dBranch = throughNormAfter(backward, 'norm2', {dy, x: branch, sampleScale});
  const scale = attrs.norm === 'pre' ? sampleScale : undefined;
  const dz = output(backend, [rows, hidden]);
  inputGradient(backward, 'fc2Weight', {a: dBranch, c: dz, slope: z, scale});
  weightGradient(backward, 'fc2Weight', {a: z, prologue: 'gelu', b: dBranch, scale});
  const dBetween = branchBeginning(backward, ['norm2', 'fc1Weight'], {a: dz, x: between, dy});
  dispose(backend, [dz, dBranch === dy ? undefined : dBranch]);
  return dBetween;
}

/** From the gradient of the map between the branches to that of x, and of what attention reads beside qkv. */
function attentionGradient(backward: Backward, dBetween: tf.TensorInfo): Record<string, tf.TensorInfo> {
  const {backend, inputs, attrs} = backward;
  const {x, qkv, attended, projected, sampleScale1: sampleScale} = inputs;
  const dProjected = throughNormAfter(backward, 'norm1', {dy: dBetween, x: projected, sampleScale});
  const scale = attrs.norm === 'pre' ? sampleScale : undefined;
  const dAttended = output(backend, x.shape);
  inputGradient(backward, 'projWeight', {a: dProjected, c: dAttended, scale});
  weightGradient(backward, 'projWeight', {a: attended, b: dProjected, scale});
  const [dqkv, ...rest] = runWindowAttentionGrad(backend, {...inputs, qkv, dy: dAttended}, attrs.attention);
  const dx = branchBeginning(backward, ['norm1', 'qkvWeight'], {a: dqkv, x, dy: dBetween});
  dispose(backend, [dAttended, dqkv, dBetween, dProjected === dBetween ? undefined : dProjected]);
  const names = (['table', 'logitScale', 'padToken'] as const).filter((name) => inputs[name]);
  return {x: dx, ...Object.fromEntries(names.map((name, i) => [name, rest[i]]))};
}

/** The gradients of weights, biases and norms from their partial sums. */
function addUp({backend, inputs, places, weightSums, normSums}: Backward): Record<string, tf.TensorInfo> {
  const entries = (Object.keys(places) as WeightName[]).flatMap((name): [string, number[]][] => {
    const {rows, columns, hasBias} = places[name];
    const weight: [string, number[]] = [name, [rows, columns]];
    return hasBias ? [weight, [BIAS_OF[name], [columns]]] : [weight];
  });
  const shapes = entries.map(([, shape]) => shape);
  const ofWeights = sumParts(backend, weightSums.tensor, weightSums.parts, shapes);
  const normNames = Object.values(NORMS).flatMap(({gamma, beta}) => [gamma, beta]);
  const normShapes = normNames.map(() => [blockSizes(inputs).channels]);
  const ofNorms = sumParts(backend, normSums.tensor, normSums.parts, normShapes);
  return Object.fromEntries([
    ...entries.map(([name], i) => [name, ofWeights[i]]),
    ...normNames.map((name, i) => [name, ofNorms[i]]),
  ]);
}

/** What `tf.registerKernel` takes. Returns the gradients in the order of `blockGradients`. */
export const swinBlockGradConfig = webgpuKernel<
  keyof SwinBlockInputs | keyof SwinBlockSaved | 'dy',
  SwinBlockAttrs
>('SwintBlockGrad', (backend, inputs, attrs) => {
  const backward = start(backend, inputs, attrs);
  const dBetween = mlpGradient(backward);
  const gradients = {...attentionGradient(backward, dBetween), ...addUp(backward)};
  dispose(backend, [backward.weightSums.tensor, backward.normSums.tensor, backward.maxima]);
  return blockGradients(inputs).map((name) => gradients[name]);
});

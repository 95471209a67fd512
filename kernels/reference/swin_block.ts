/** swinBlock and its gradient, plainly, in float64. Contract: contracts/swin_block. For tests only. No dropout. */
import type {SwinBlockAttrs, SwinBlockInputs} from '../contracts/swin_block.js';
import {type NdArray, ndArray} from './array.js';
import {layerNormGradReference, layerNormReference} from './layer_norm.js';
import {linearGradReference, linearReference} from './linear.js';
import {windowAttentionGradReference, windowAttentionReference} from './window_attention.js';

export type SwinBlockArrays = {[name in keyof SwinBlockInputs]: NdArray};

/** What a branch adds its result to. */
interface Closing {
  residual?: NdArray;
  sampleScale?: NdArray;
}

/** Gradients by the names of the inputs. */
type Gradients = Record<string, NdArray>;

/** One of the two branches: its norm, and what is computed before or after that. */
interface Branch {
  gamma: NdArray;
  beta: NdArray;
  sampleScale?: NdArray;
  forward: (h: NdArray, closing: Closing) => NdArray;
  /** From the gradient of the result that of h, and those of the branch's weights. */
  backward: (h: NdArray, closing: Closing, dy: NdArray) => {h: NdArray; weights: Gradients};
}

const plain = {activation: 'none'} as const;
const gelu = {activation: 'gelu'} as const;

/** windowAttention(h Wqkv + bqkv) Wproj + bproj. */
function attentionBranch(arrays: SwinBlockArrays, {attention}: SwinBlockAttrs): Branch {
  const {table, logitScale, padToken, qkvWeight, qkvBias, projWeight, projBias} = arrays;
  const toQkv = (h: NdArray) => ({x: h, weight: qkvWeight, bias: qkvBias});
  const attends = (h: NdArray) => ({qkv: linearReference(toQkv(h), plain), table, logitScale, padToken});
  const projects = (h: NdArray) => ({
    x: windowAttentionReference(attends(h), attention),
    weight: projWeight,
    bias: projBias,
  });
  return {
    ...{gamma: arrays.gamma1, beta: arrays.beta1, sampleScale: arrays.sampleScale1},
    forward: (h, closing) => linearReference({...projects(h), ...closing}, plain),
    backward: (h, closing, dy) => {
      const proj = linearGradReference({...projects(h), ...closing}, plain, dy);
      const heads = windowAttentionGradReference(attends(h), attention, proj.x);
      const qkv = linearGradReference(toQkv(h), plain, heads.qkv);
      const {table, logitScale, padToken} = heads;
      return {
        h: qkv.x,
        weights: {
          ...{qkvWeight: qkv.weight, qkvBias: qkv.bias, projWeight: proj.weight, projBias: proj.bias},
          ...{table, logitScale, padToken},
        },
      };
    },
  };
}

/** GELU(h W1 + b1) W2 + b2. */
function mlpBranch(arrays: SwinBlockArrays): Branch {
  const toHidden = (h: NdArray) => ({x: h, weight: arrays.fc1Weight, bias: arrays.fc1Bias});
  const fromHidden = (h: NdArray) => ({
    x: linearReference(toHidden(h), gelu),
    weight: arrays.fc2Weight,
    bias: arrays.fc2Bias,
  });
  return {
    ...{gamma: arrays.gamma2, beta: arrays.beta2, sampleScale: arrays.sampleScale2},
    forward: (h, closing) => linearReference({...fromHidden(h), ...closing}, plain),
    backward: (h, closing, dy) => {
      const fc2 = linearGradReference({...fromHidden(h), ...closing}, plain, dy);
      const fc1 = linearGradReference(toHidden(h), gelu, fc2.x);
      return {
        h: fc1.x,
        weights: {fc1Weight: fc1.weight, fc1Bias: fc1.bias, fc2Weight: fc2.weight, fc2Bias: fc2.bias},
      };
    },
  };
}

/** x + s branch(LN(x)) or x + s LN(branch(x)). */
function addBranch(x: NdArray, branch: Branch, attrs: SwinBlockAttrs): NdArray {
  const {gamma, beta, sampleScale, forward} = branch;
  const closing = {residual: x, sampleScale};
  if (attrs.norm === 'pre') return forward(layerNormReference({x, gamma, beta}, attrs), closing);
  return layerNormReference({x: forward(x, {}), gamma, beta, ...closing}, attrs);
}

/** The gradients of x, gamma and beta, and of the branch's weights. */
function addBranchGrad(x: NdArray, branch: Branch, attrs: SwinBlockAttrs, dy: NdArray) {
  const {gamma, beta, sampleScale, forward, backward} = branch;
  const closing = {residual: x, sampleScale};
  // What reaches x beside the residual.
  let through: NdArray;
  let norm: {gamma: NdArray; beta: NdArray};
  let weights: Gradients;
  if (attrs.norm === 'pre') {
    const inner = backward(layerNormReference({x, gamma, beta}, attrs), closing, dy);
    const outer = layerNormGradReference({x, gamma, beta}, attrs, inner.h);
    [through, norm, weights] = [outer.x, outer, inner.weights];
  } else {
    const outer = layerNormGradReference({x: forward(x, {}), gamma, beta, ...closing}, attrs, dy);
    const inner = backward(x, {}, outer.x);
    [through, norm, weights] = [inner.h, outer, inner.weights];
  }
  const dx = ndArray(
    x.shape,
    through.data.map((value, i) => value + dy.data[i]),
  );
  return {x: dx, gamma: norm.gamma, beta: norm.beta, weights};
}

/** Forward. */
export function swinBlockReference(arrays: SwinBlockArrays, attrs: SwinBlockAttrs): NdArray {
  const between = addBranch(arrays.x, attentionBranch(arrays, attrs), attrs);
  return addBranch(between, mlpBranch(arrays), attrs);
}

/** Gradients of all inputs by name (those of optional ones also where they were not given). */
export function swinBlockGradReference(
  arrays: SwinBlockArrays,
  attrs: SwinBlockAttrs,
  dy: NdArray,
): Gradients {
  const attention = attentionBranch(arrays, attrs);
  const between = addBranch(arrays.x, attention, attrs);
  const second = addBranchGrad(between, mlpBranch(arrays), attrs, dy);
  const first = addBranchGrad(arrays.x, attention, attrs, second.x);
  return {
    ...{x: first.x, gamma1: first.gamma, beta1: first.beta, gamma2: second.gamma, beta2: second.beta},
    ...first.weights,
    ...second.weights,
  };
}

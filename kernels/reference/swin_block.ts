/** swinBlock and its gradient, plainly, in float64. Contract: contracts/swin_block. For tests only. No dropout. */
import type {SwinBlockAttrs, SwinBlockInputs} from '../contracts/swin_block.js';
import {type NdArray, ndArray, zeros} from './array.js';
import {depthwiseConvolutionGradReference, depthwiseConvolutionReference} from './depthwise_convolution.js';
import {layerNormGradReference, layerNormReference} from './layer_norm.js';
import {linearGradReference, linearReference} from './linear.js';
import {windowAttentionGradReference, windowAttentionReference} from './window_attention.js';

export type SwinBlockArrays = {[name in keyof SwinBlockInputs]: NdArray};

/** Gradients by the names of the inputs. */
type Gradients = Record<string, NdArray>;

/** One of the two branches: its norm, and what is computed before or after that. */
interface Branch {
  gamma: NdArray;
  beta: NdArray;
  sampleScale?: NdArray;
  layerScale?: NdArray;
  forward: (h: NdArray) => NdArray;
  /** From the gradient of the result that of h, and those of the branch's weights. */
  backward: (h: NdArray, dy: NdArray) => {h: NdArray; weights: Gradients};
}

const alone = {residual: false} as const;
const joined = {residual: true} as const;

/** Element by element. */
const sumOf = (a: NdArray, b: NdArray): NdArray =>
  ndArray(
    a.shape,
    a.data.map((value, i) => value + b.data[i]),
  );

/** The last third of qkv. */
function valuesOf({shape, data}: NdArray): NdArray {
  const channels = shape[3] / 3;
  const size = data.length / 3;
  const values = Float64Array.from(
    {length: size},
    (_, i) => data[(3 * Math.floor(i / channels) + 2) * channels + (i % channels)],
  );
  return ndArray([...shape.slice(0, 3), channels], values);
}

/** Adds what is for the values to the last third of dqkv. */
function addToValues(dqkv: NdArray, {shape, data}: NdArray): NdArray {
  const channels = shape[3];
  const sum = ndArray(dqkv.shape, dqkv.data);
  for (const [i, value] of data.entries()) {
    sum.data[(3 * Math.floor(i / channels) + 2) * channels + (i % channels)] += value;
  }
  return sum;
}

const plain = {activation: 'none'} as const;
const gelu = {activation: 'gelu'} as const;

/** (windowAttention(qkv) + dw(v)) Wproj + bproj, qkv = h Wqkv + bqkv. */
function attentionBranch(arrays: SwinBlockArrays, {attention}: SwinBlockAttrs): Branch {
  const {table, logitScale, padToken, qkvWeight, qkvBias, projWeight, projBias} = arrays;
  const {valueWeight, valueBias} = arrays;
  const toQkv = (h: NdArray) => ({x: h, weight: qkvWeight, bias: qkvBias});
  const attends = (h: NdArray) => ({qkv: linearReference(toQkv(h), plain), table, logitScale, padToken});
  const convolves = (qkv: NdArray, addend: NdArray) =>
    valueWeight && {x: valuesOf(qkv), weight: valueWeight, bias: valueBias, addend};
  const projects = (h: NdArray) => {
    const given = attends(h);
    const attended = windowAttentionReference(given, attention);
    const values = convolves(given.qkv, attended);
    const x = values ? depthwiseConvolutionReference(values, alone) : attended;
    return {x, weight: projWeight, bias: projBias};
  };
  return {
    ...{gamma: arrays.gamma1, beta: arrays.beta1, sampleScale: arrays.sampleScale1},
    layerScale: arrays.layerScale1,
    forward: (h) => linearReference(projects(h), plain),
    backward: (h, dy) => {
      const proj = linearGradReference(projects(h), plain, dy);
      const given = attends(h);
      const heads = windowAttentionGradReference(given, attention, proj.x);
      const values = convolves(given.qkv, proj.x);
      const local = values && depthwiseConvolutionGradReference(values, alone, proj.x);
      const dqkv = local ? addToValues(heads.qkv, local.x) : heads.qkv;
      const qkv = linearGradReference(toQkv(h), plain, dqkv);
      const {table, logitScale, padToken} = heads;
      return {
        h: qkv.x,
        weights: {
          ...{qkvWeight: qkv.weight, qkvBias: qkv.bias, projWeight: proj.weight, projBias: proj.bias},
          ...{table, logitScale, padToken},
          ...(local ? {valueWeight: local.weight, valueBias: local.bias!} : {}),
        },
      };
    },
  };
}

/** (u + dw(u)) W2 + b2, u = GELU(h W1 + b1). */
function mlpBranch(arrays: SwinBlockArrays): Branch {
  const toHidden = (h: NdArray) => ({x: h, weight: arrays.fc1Weight, bias: arrays.fc1Bias});
  const convolves = (x: NdArray) =>
    arrays.hiddenWeight && {x, weight: arrays.hiddenWeight, bias: arrays.hiddenBias};
  const fromHidden = (h: NdArray) => {
    const hidden = linearReference(toHidden(h), gelu);
    const convolution = convolves(hidden);
    const x = convolution ? depthwiseConvolutionReference(convolution, joined) : hidden;
    return {x, weight: arrays.fc2Weight, bias: arrays.fc2Bias};
  };
  return {
    ...{gamma: arrays.gamma2, beta: arrays.beta2, sampleScale: arrays.sampleScale2},
    layerScale: arrays.layerScale2,
    forward: (h) => linearReference(fromHidden(h), plain),
    backward: (h, dy) => {
      const fc2 = linearGradReference(fromHidden(h), plain, dy);
      const convolution = convolves(linearReference(toHidden(h), gelu));
      const local = convolution && depthwiseConvolutionGradReference(convolution, joined, fc2.x);
      const fc1 = linearGradReference(toHidden(h), gelu, local ? local.x : fc2.x);
      return {
        h: fc1.x,
        weights: {
          ...{fc1Weight: fc1.weight, fc1Bias: fc1.bias, fc2Weight: fc2.weight, fc2Bias: fc2.bias},
          ...(local ? {hiddenWeight: local.weight, hiddenBias: local.bias!} : {}),
        },
      };
    },
  };
}

/** branch(LN(x)) or LN(branch(x)). */
function branchOf(x: NdArray, {gamma, beta, forward}: Branch, attrs: SwinBlockAttrs): NdArray {
  if (attrs.norm === 'pre') return forward(layerNormReference({x, gamma, beta}, attrs));
  return layerNormReference({x: forward(x), gamma, beta}, attrs);
}

/** s l: the factor of a number of a branch whose result has this shape. */
function factorOf({sampleScale, layerScale}: Branch, [batch, ...cell]: readonly number[], i: number): number {
  const channels = cell[cell.length - 1];
  const size = cell.reduce((a, b) => a * b, 1);
  const sample = sampleScale && batch > 0 ? sampleScale.data[Math.floor(i / size)] : 1;
  return sample * (layerScale ? layerScale.data[i % channels] : 1);
}

/** x + s l branch(LN(x)) or x + s l LN(branch(x)). */
function addBranch(x: NdArray, branch: Branch, attrs: SwinBlockAttrs): NdArray {
  const result = branchOf(x, branch, attrs);
  return ndArray(
    x.shape,
    x.data.map((value, i) => value + factorOf(branch, x.shape, i) * result.data[i]),
  );
}

/** The gradients of x, gamma, beta and layer scale, and of the branch's weights. */
function addBranchGrad(x: NdArray, branch: Branch, attrs: SwinBlockAttrs, dy: NdArray) {
  const {gamma, beta, forward, backward} = branch;
  const scaled = ndArray(
    x.shape,
    dy.data.map((value, i) => value * factorOf(branch, x.shape, i)),
  );
  // What reaches x beside the residual.
  let through: NdArray;
  let norm: {gamma: NdArray; beta: NdArray};
  let weights: Gradients;
  if (attrs.norm === 'pre') {
    const inner = backward(layerNormReference({x, gamma, beta}, attrs), scaled);
    const outer = layerNormGradReference({x, gamma, beta}, attrs, inner.h);
    [through, norm, weights] = [outer.x, outer, inner.weights];
  } else {
    const outer = layerNormGradReference({x: forward(x), gamma, beta}, attrs, scaled);
    const inner = backward(x, outer.x);
    [through, norm, weights] = [inner.h, outer, inner.weights];
  }
  const layerScale = zeros(gamma.shape);
  const result = branchOf(x, branch, attrs);
  for (const [i, value] of dy.data.entries()) {
    const ofSample = factorOf({...branch, layerScale: undefined}, x.shape, i);
    layerScale.data[i % gamma.data.length] += value * ofSample * result.data[i];
  }
  return {x: sumOf(through, dy), gamma: norm.gamma, beta: norm.beta, weights, layerScale};
}

/** x + dw(x) where there is such a convolution. */
const positionOf = ({x, positionWeight, positionBias}: SwinBlockArrays) =>
  positionWeight && {x, weight: positionWeight, bias: positionBias};

/** What the first branch reads. */
function startOf(arrays: SwinBlockArrays): NdArray {
  const position = positionOf(arrays);
  return position ? depthwiseConvolutionReference(position, joined) : arrays.x;
}

/** Forward. */
export function swinBlockReference(arrays: SwinBlockArrays, attrs: SwinBlockAttrs): NdArray {
  const between = addBranch(startOf(arrays), attentionBranch(arrays, attrs), attrs);
  return addBranch(between, mlpBranch(arrays), attrs);
}

/** Gradients of all inputs by name (those of optional ones also where they were not given). */
export function swinBlockGradReference(
  arrays: SwinBlockArrays,
  attrs: SwinBlockAttrs,
  dy: NdArray,
): Gradients {
  const attention = attentionBranch(arrays, attrs);
  const start = startOf(arrays);
  const between = addBranch(start, attention, attrs);
  const second = addBranchGrad(between, mlpBranch(arrays), attrs, dy);
  const first = addBranchGrad(start, attention, attrs, second.x);
  const position = positionOf(arrays);
  const local = position && depthwiseConvolutionGradReference(position, joined, first.x);
  return {
    ...{x: local ? local.x : first.x, gamma1: first.gamma, beta1: first.beta},
    ...{gamma2: second.gamma, beta2: second.beta},
    ...{layerScale1: first.layerScale, layerScale2: second.layerScale},
    ...first.weights,
    ...second.weights,
    ...(local ? {positionWeight: local.weight, positionBias: local.bias!} : {}),
  };
}

/**
 * Whole layers in float64 with their gradients, made of the references of the operations: a Swin block from the weights of
 * its layer, patch merging, a SwinT, batch norm, GELU, the maximum over a map.
 *
 * Maps are [B, H, W, C]. Names of weights are those of the layers.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3; Liu et al. 2022, "Swin Transformer V2", sections 3.2 and 3.3.
 */
import type {SwinBlockAttrs} from '../../../kernels/contracts/swin_block.js';
import {type NdArray, ndArray, zeros} from '../../../kernels/reference/array.js';
import {
  batchNormGradReference,
  batchNormReference,
  batchStatisticsReference,
} from '../../../kernels/reference/batch_norm.js';
import {geluGradReference, geluReference} from '../../../kernels/reference/gelu.js';
import {layerNormGradReference, layerNormReference} from '../../../kernels/reference/layer_norm.js';
import {linearGradReference, linearReference} from '../../../kernels/reference/linear.js';
import {patchMergeGradReference, patchMergeReference} from '../../../kernels/reference/patch_merge.js';
import {
  type SwinBlockArrays,
  swinBlockGradReference,
  swinBlockReference,
} from '../../../kernels/reference/swin_block.js';
import type {NamedArrays, Traced} from '../layer_case.js';

const EPSILON = 1e-5;
const plain = {activation: 'none'} as const;

/** What decides how a block computes, beside its weights. */
export interface BlockSettings {
  numHeads: number;
  windowSize: [number, number];
  variant: 'v1' | 'v2' | 'miziha';
  padding: 'masked' | 'attended';
  qkvBias: boolean;
  qkScale?: number;
  pretrainedWindowSize?: [number, number];
}

export interface StageSettings extends BlockSettings {
  depth: number;
  downsample: boolean;
}

const part = ({data}: NdArray, from: number, to: number) => ndArray([to - from], data.slice(from, to));

/** Adds to the gradient of a weight. */
function add(gradients: NamedArrays, name: string, {shape, data}: NdArray): void {
  gradients[name] ??= zeros(shape);
  for (const [i, value] of data.entries()) gradients[name].data[i] += value;
}

/** The rows of the table as (y, x): sign(d) log2(1 + |8 d / (w - 1)|) / 3; an axis of one token has 0. */
function coordinates(windowSize: [number, number], pretrained: [number, number]): NdArray {
  const of = (distance: number, window: number) =>
    distance === 0
      ? 0
      : (Math.sign(distance) * Math.log2(1 + (8 * Math.abs(distance)) / Math.max(window - 1, 1))) / 3;
  const offsets = (size: number) => Array.from({length: 2 * size - 1}, (_, i) => i - size + 1);
  const rows = offsets(windowSize[0]).flatMap((y) =>
    offsets(windowSize[1]).map((x) => [of(y, pretrained[0]), of(x, pretrained[1])]),
  );
  return ndArray([rows.length, 2], rows.flat());
}

/** The table of Swin V2: 16 sigmoid(relu(coordinates W0 + b0) W2). */
function tracedBiasNetwork(weights: NamedArrays, prefix: string, settings: BlockSettings): Traced {
  const x = coordinates(settings.windowSize, settings.pretrainedWindowSize ?? settings.windowSize);
  const first = {x, weight: weights[`${prefix}cpb_mlp.0.weight`], bias: weights[`${prefix}cpb_mlp.0.bias`]};
  const hidden = linearReference(first, plain);
  const second = {
    x: ndArray(
      hidden.shape,
      hidden.data.map((value) => Math.max(value, 0)),
    ),
    weight: weights[`${prefix}cpb_mlp.2.weight`],
  };
  const logits = linearReference(second, plain);
  const y = ndArray(
    logits.shape,
    logits.data.map((value) => 16 / (1 + Math.exp(-value))),
  );
  return {
    y,
    back: (dy, gradients) => {
      const dLogits = ndArray(
        y.shape,
        dy.data.map((value, i) => value * y.data[i] * (1 - y.data[i] / 16)),
      );
      const {x: dRelu, weight} = linearGradReference(second, plain, dLogits);
      const dHidden = ndArray(
        hidden.shape,
        dRelu.data.map((value, i) => (hidden.data[i] > 0 ? value : 0)),
      );
      const outer = linearGradReference(first, plain, dHidden);
      add(gradients, `${prefix}cpb_mlp.2.weight`, weight);
      add(gradients, `${prefix}cpb_mlp.0.weight`, outer.weight);
      add(gradients, `${prefix}cpb_mlp.0.bias`, outer.bias);
      return x;
    },
  };
}

/** The weights of a block that the operation takes as they are; those of locality where the block has them. */
const PLAIN_WEIGHTS = {
  gamma1: 'norm1.weight',
  beta1: 'norm1.bias',
  qkvWeight: 'attn.qkv.weight',
  projWeight: 'attn.proj.weight',
  projBias: 'attn.proj.bias',
  gamma2: 'norm2.weight',
  beta2: 'norm2.bias',
  fc1Weight: 'mlp.fc1.weight',
  fc1Bias: 'mlp.fc1.bias',
  fc2Weight: 'mlp.fc2.weight',
  fc2Bias: 'mlp.fc2.bias',
  layerScale1: 'layer_scale1',
  layerScale2: 'layer_scale2',
  positionWeight: 'pos.conv.weight',
  positionBias: 'pos.conv.bias',
  valueWeight: 'attn.lepe.weight',
  valueBias: 'attn.lepe.bias',
  hiddenWeight: 'mlp.conv.weight',
  hiddenBias: 'mlp.conv.bias',
} as const;

/** Bias of queries, keys and values, and how its gradient goes to the weights. Swin V2's keys have none. */
function tracedQkvBias(weights: NamedArrays, prefix: string, {variant}: BlockSettings): Traced {
  if (variant !== 'v2') {
    const y = weights[`${prefix}qkv.bias`];
    return {
      y,
      back: (dy, gradients) => {
        add(gradients, `${prefix}qkv.bias`, dy);
        return y;
      },
    };
  }
  const [q, v] = [weights[`${prefix}q_bias`], weights[`${prefix}v_bias`]];
  const channels = q.data.length;
  const y = ndArray([3 * channels], [...q.data, ...zeros([channels]).data, ...v.data]);
  return {
    y,
    back: (dy, gradients) => {
      add(gradients, `${prefix}q_bias`, part(dy, 0, channels));
      add(gradients, `${prefix}v_bias`, part(dy, 2 * channels, 3 * channels));
      return y;
    },
  };
}

/** A Swin block. `scales`: the factors of the samples in its two branches, none without drop-path. */
export function tracedBlock(
  x: NdArray,
  weights: NamedArrays,
  prefix: string,
  settings: BlockSettings,
  shift: readonly [number, number],
  scales: readonly NdArray[],
): Traced {
  const {numHeads, windowSize, variant, padding, qkScale} = settings;
  const cosine = variant === 'v2';
  const table = cosine ? tracedBiasNetwork(weights, `${prefix}attn.`, settings) : undefined;
  const bias = settings.qkvBias ? tracedQkvBias(weights, `${prefix}attn.`, settings) : undefined;
  const logitScale = weights[`${prefix}attn.logit_scale`];
  const arrays = {
    ...Object.fromEntries(
      Object.entries(PLAIN_WEIGHTS).map(([operand, name]) => [operand, weights[prefix + name]]),
    ),
    x,
    qkvBias: bias?.y,
    table: table?.y ?? weights[`${prefix}attn.relative_position_bias_table`],
    logitScale: cosine ? ndArray([numHeads], logitScale.data) : undefined,
    padToken: padding === 'attended' ? bias?.y : undefined,
    sampleScale1: scales[0],
    sampleScale2: scales[1],
  } as SwinBlockArrays;
  const scale = qkScale ?? (x.shape[3] / numHeads) ** -0.5;
  const attrs: SwinBlockAttrs = {
    attention: {numHeads, windowSize, shift, padding, score: cosine ? 'cosine' : 'dot', scale},
    norm: variant === 'v1' ? 'pre' : 'post',
    epsilon: EPSILON,
  };
  const back = (dy: NdArray, gradients: NamedArrays) => {
    const found = swinBlockGradReference(arrays, attrs, dy);
    for (const [operand, name] of Object.entries(PLAIN_WEIGHTS)) {
      if (weights[prefix + name]) add(gradients, prefix + name, found[operand]);
    }
    if (table) table.back(found.table, gradients);
    else add(gradients, `${prefix}attn.relative_position_bias_table`, found.table);
    bias?.back(found.qkvBias, gradients);
    // The padded cells carry the bias too.
    if (arrays.padToken) bias?.back(found.padToken, gradients);
    if (cosine) add(gradients, `${prefix}attn.logit_scale`, ndArray(logitScale.shape, found.logitScale.data));
    return found.x;
  };
  return {y: swinBlockReference(arrays, attrs), back};
}

/** x W, with a bias where the weights have one. */
function tracedLinear(x: NdArray, weights: NamedArrays, name: string): Traced {
  const arrays = {x, weight: weights[`${name}.weight`], bias: weights[`${name}.bias`]};
  return {
    y: linearReference(arrays, plain),
    back: (dy, gradients) => {
      const found = linearGradReference(arrays, plain, dy);
      add(gradients, `${name}.weight`, found.weight);
      if (arrays.bias) add(gradients, `${name}.bias`, found.bias);
      return found.x;
    },
  };
}

function tracedNorm(x: NdArray, weights: NamedArrays, name: string): Traced {
  const arrays = {x, gamma: weights[`${name}.weight`], beta: weights[`${name}.bias`]};
  return {
    y: layerNormReference(arrays, {epsilon: EPSILON}),
    back: (dy, gradients) => {
      const found = layerNormGradReference(arrays, {epsilon: EPSILON}, dy);
      add(gradients, `${name}.weight`, found.gamma);
      add(gradients, `${name}.bias`, found.beta);
      return found.x;
    },
  };
}

/** Several steps as one. */
function chained(x: NdArray, steps: readonly ((x: NdArray) => Traced)[]): Traced {
  const passed: Traced[] = [];
  let y = x;
  for (const step of steps) {
    passed.push(step(y));
    y = passed[passed.length - 1].y;
  }
  return {
    y,
    back: (dy, gradients) => passed.reduceRight((gradient, {back}) => back(gradient, gradients), dy),
  };
}

/** Merging of 2x2 squares, with the norm before the product or after it. */
export function tracedMerging(
  x: NdArray,
  weights: NamedArrays,
  prefix: string,
  norm: 'pre' | 'post',
): Traced {
  const gather = (map: NdArray): Traced => ({
    y: patchMergeReference(map),
    back: (dy) => patchMergeGradReference(map.shape, dy),
  });
  const normalise = (map: NdArray) => tracedNorm(map, weights, `${prefix}norm`);
  const reduce = (map: NdArray) => tracedLinear(map, weights, `${prefix}reduction`);
  return chained(x, norm === 'pre' ? [gather, normalise, reduce] : [gather, reduce, normalise]);
}

/** A SwinT. `scales`: two for each block, or none without drop-path. */
export function tracedSwinT(
  x: NdArray,
  weights: NamedArrays,
  settings: StageSettings,
  scales: readonly NdArray[],
): Traced {
  const {windowSize, depth, downsample, variant} = settings;
  const half = [Math.floor(windowSize[0] / 2), Math.floor(windowSize[1] / 2)] as const;
  const blocks = Array.from({length: depth}, (_, i) => (map: NdArray) => {
    const own = scales.slice(2 * i, 2 * i + 2);
    return tracedBlock(map, weights, `blocks.${i}.`, settings, i % 2 === 1 ? half : [0, 0], own);
  });
  const norm = variant === 'v2' ? 'post' : 'pre';
  if (downsample) blocks.push((map) => tracedMerging(map, weights, 'downsample.', norm));
  else if (weights['projection.weight']) blocks.push((map) => tracedLinear(map, weights, 'projection'));
  return chained(x, blocks);
}

/** Batch norm along an axis counted from 0, by the statistics of the batch in training and by the moving ones elsewhere. */
export function tracedBatchNorm(
  x: NdArray,
  weights: NamedArrays,
  {axis, epsilon, momentum, training}: {axis: number; epsilon: number; momentum: number; training: boolean},
): Traced {
  const {gamma, beta, moving_mean, moving_variance} = weights;
  const found = batchStatisticsReference(x, axis);
  const statistics = training ? found : {mean: moving_mean, variance: moving_variance};
  const attrs = {axis, epsilon, statistics: training ? 'batch' : 'moving'} as const;
  const arrays = {x, ...statistics, gamma, beta};
  const mix = (moving: NdArray, statistic: NdArray) =>
    ndArray(
      moving.shape,
      moving.data.map((value, i) => momentum * value + (1 - momentum) * statistic.data[i]),
    );
  return {
    y: batchNormReference(arrays, attrs),
    back: (dy, gradients) => {
      const gradient = batchNormGradReference(arrays, attrs, dy);
      if (gamma) add(gradients, 'gamma', gradient.gamma);
      if (beta) add(gradients, 'beta', gradient.beta);
      return gradient.x;
    },
    moved: training
      ? {
          moving_mean: mix(moving_mean, found.mean),
          moving_variance: mix(moving_variance, found.variance),
        }
      : undefined,
  };
}

export function tracedGelu(x: NdArray): Traced {
  return {y: geluReference(x), back: (dy) => geluGradReference(x, dy)};
}

/** The maximum of each channel, [B, C]; its gradient goes to the first or the last of equal ones. */
export function tracedGlobalMax({shape, data}: NdArray, ofEqual: 'first' | 'last'): Traced {
  const [batch, height, width, channels] = shape;
  const y = zeros([batch, channels]);
  const places = y.data.map((_, i) => {
    const start = Math.floor(i / channels) * height * width * channels + (i % channels);
    let place = start;
    for (let cell = 1; cell < height * width; cell++) {
      const at = start + cell * channels;
      if (data[at] > data[place] || (ofEqual === 'last' && data[at] === data[place])) place = at;
    }
    y.data[i] = data[place];
    return place;
  });
  const back = (dy: NdArray) => {
    const dx = zeros(shape);
    for (const [i, place] of places.entries()) dx.data[place] = dy.data[i];
    return dx;
  };
  return {y, back};
}

const NHWC = [0, 2, 3, 1];
const NCHW = [0, 3, 1, 2];

function transposed({shape, data}: NdArray, order: readonly number[]): NdArray {
  const y = zeros(order.map((axis) => shape[axis]));
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const steps = order.map((axis) => strides[axis]);
  const [, b, c, d] = y.shape;
  for (let i = 0; i < y.data.length; i++) {
    const at = [Math.floor(i / (b * c * d)), Math.floor(i / (c * d)) % b, Math.floor(i / d) % c, i % d];
    y.data[i] = data[at[0] * steps[0] + at[1] * steps[1] + at[2] * steps[2] + at[3] * steps[3]];
  }
  return y;
}

/** A step on [B, H, W, C] as one on [B, C, H, W]. */
export function channelsFirst(x: NdArray, step: (map: NdArray) => Traced): Traced {
  const {y, back} = step(transposed(x, NHWC));
  return {
    y: transposed(y, NCHW),
    back: (dy, gradients) => transposed(back(transposed(dy, NHWC), gradients), NCHW),
  };
}

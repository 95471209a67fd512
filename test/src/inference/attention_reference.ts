/** The attention of the blocks of one SwinT, plainly, in float64, from the layer's weights: what attentionMaps must return. */
import * as tf from '@tensorflow/tfjs';
import {logSpacedCoordinates, relativeTableSize} from '../../../kernels/index.js';
import {type NdArray, ndArray, zeros} from '../../../kernels/reference/array.js';
import {layerNormReference} from '../../../kernels/reference/layer_norm.js';
import {linearReference} from '../../../kernels/reference/linear.js';
import {type SwinBlockArrays, swinBlockReference} from '../../../kernels/reference/swin_block.js';
import {attentionProbabilitiesReference} from '../../../kernels/reference/window_attention.js';
import {randomArrays} from '../../helpers/random.js';

type Weights = Record<string, NdArray>;

export interface StageSettings {
  variant: 'v1' | 'v2' | 'miziha';
  padding: 'masked' | 'attended';
  numHeads: number;
  windowSize: [number, number];
  depth: number;
}

/** A picture of bytes that look like noise. */
export function noisePicture(height: number, width: number, channels = 3) {
  const {data} = randomArrays(`picture ${height}x${width}`)([height * width * channels], 60, 128);
  return {data: Uint8Array.from(data, (v) => Math.max(0, Math.min(255, v))), height, width};
}

/** Gives a model weights of which none is 0 or 1 by its start. */
export function randomise(model: tf.LayersModel): void {
  const random = randomArrays(`weights of ${model.countParams()}`);
  const values = model
    .getWeights()
    .map(({shape}) => tf.tensor(new Float32Array(random(shape, 0.4, 0.1).data), shape));
  model.setWeights(values);
  tf.dispose(values);
}

async function arrayOf(tensor: tf.Tensor): Promise<NdArray> {
  const array = ndArray(tensor.shape, await tensor.data());
  tensor.dispose();
  return array;
}

/** The weights of a layer by their names within it. */
export async function weightsOf(layer: tf.layers.Layer): Promise<Weights> {
  const weights: Weights = {};
  for (const variable of layer.weights) {
    const name = variable.originalName.replace(/^.*\//, '');
    weights[name] = await arrayOf(tf.clone(variable.read()));
  }
  return weights;
}

/** A picture of bytes / 255 through a 1x1 convolution, [1, H, W, C]. */
export function throughConvolution(
  {data, height, width}: ReturnType<typeof noisePicture>,
  {kernel, bias}: Weights,
): NdArray {
  const x = ndArray(
    [1, height, width, 3],
    Float32Array.from(data, (v) => v / 255),
  );
  return linearReference({x, weight: {...kernel, shape: kernel.shape.slice(2)}, bias}, {activation: 'none'});
}

const joined = (...parts: NdArray[]): NdArray =>
  ndArray(
    [parts.reduce((sum, {data}) => sum + data.length, 0)],
    parts.flatMap(({data}) => [...data]),
  );

/** 16 sigmoid(MLP(log-spaced offset)). */
function continuousTable(weights: Weights, windowSize: [number, number]): NdArray {
  const x = ndArray([relativeTableSize(windowSize), 2], logSpacedCoordinates(windowSize, windowSize));
  const first = {x, weight: weights['cpb_mlp.0.weight'], bias: weights['cpb_mlp.0.bias']};
  const {shape, data} = linearReference(first, {activation: 'none'});
  const hidden = ndArray(
    shape,
    data.map((value) => Math.max(value, 0)),
  );
  const offsets = linearReference({x: hidden, weight: weights['cpb_mlp.2.weight']}, {activation: 'none'});
  return ndArray(
    offsets.shape,
    offsets.data.map((value) => 16 / (1 + Math.exp(-value))),
  );
}

function attentionOf(weights: Weights, {variant, padding, windowSize}: StageSettings) {
  const cosine = variant === 'v2';
  const qkvBias = cosine
    ? joined(weights.q_bias, zeros(weights.q_bias.shape), weights.v_bias)
    : weights['qkv.bias'];
  const scale = weights.logit_scale;
  return {
    qkvBias,
    table: cosine ? continuousTable(weights, windowSize) : weights.relative_position_bias_table,
    ...(cosine ? {logitScale: ndArray([scale.data.length], scale.data)} : {}),
    ...(padding === 'attended' ? {padToken: qkvBias} : {}),
  };
}

const under = (weights: Weights, prefix: string): Weights =>
  Object.fromEntries(
    Object.entries(weights)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );

/** softmax(S) of each block, [1, nW, heads, N, N]. */
export function stageProbabilities(x: NdArray, weights: Weights, settings: StageSettings): NdArray[] {
  const {variant, padding, numHeads, windowSize, depth} = settings;
  let map = x;
  return Array.from({length: depth}, (_, i) => {
    const own = under(weights, `blocks.${i}.`);
    const attention = attentionOf(under(own, 'attn.'), settings);
    const shift = windowSize.map((side) => (i % 2 === 1 ? Math.floor(side / 2) : 0)) as [number, number];
    const attrs = {
      norm: variant === 'v1' ? 'pre' : 'post',
      epsilon: 1e-5,
      attention: {
        ...{numHeads, windowSize, shift, padding},
        score: variant === 'v2' ? 'cosine' : 'dot',
        scale: (map.shape[3] / numHeads) ** -0.5,
      },
    } as const;
    const arrays: SwinBlockArrays = {
      ...{x: map, ...attention, qkvWeight: own['attn.qkv.weight']},
      ...{gamma1: own['norm1.weight'], beta1: own['norm1.bias']},
      ...{gamma2: own['norm2.weight'], beta2: own['norm2.bias']},
      ...{projWeight: own['attn.proj.weight'], projBias: own['attn.proj.bias']},
      ...{fc1Weight: own['mlp.fc1.weight'], fc1Bias: own['mlp.fc1.bias']},
      ...{fc2Weight: own['mlp.fc2.weight'], fc2Bias: own['mlp.fc2.bias']},
    };
    const norm = {x: map, gamma: arrays.gamma1, beta: arrays.beta1};
    const h = variant === 'v1' ? layerNormReference(norm, {epsilon: 1e-5}) : map;
    const qkv = linearReference({x: h, weight: arrays.qkvWeight, bias: arrays.qkvBias}, {activation: 'none'});
    map = swinBlockReference(arrays, attrs);
    return attentionProbabilitiesReference({...attention, qkv}, attrs.attention);
  });
}

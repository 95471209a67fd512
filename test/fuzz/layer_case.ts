/** A random case of a layer: its arguments, its weights, what goes in, and what must come out in float64. */
import type * as tf from '@tensorflow/tfjs';
import type {NdArray} from '../../kernels/reference/array.js';

/** Arrays by the names of the layer's weights. */
export type NamedArrays = Record<string, NdArray>;

/** A result in float64, and how a gradient goes back through it. */
export interface Traced {
  y: NdArray;
  /** The gradients of sum(y dy): returns that of the input and adds those of the weights to `gradients`. */
  back: (dy: NdArray, gradients: NamedArrays) => NdArray;
  /** Weights that the pass itself sets: the moving statistics of batch norm. */
  moved?: NamedArrays;
}

export interface LayerCase {
  /** The call in a few words, for a report. */
  text: string;
  create: () => tf.layers.Layer;
  x: NdArray;
  /** In the order of the layer's weights. */
  weights: NamedArrays;
  training: boolean;
  /** Whether attention scores are products of the input as it is, without a norm before or a cosine. */
  rawScores?: boolean;
  /** What one forward pass needs of the current backend's random numbers: the factors of drop-path, two for each block. */
  scales?: () => tf.Tensor1D[];
  reference: (x: NdArray, weights: NamedArrays, scales: readonly NdArray[]) => Traced;
}

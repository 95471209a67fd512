/**
 * What follows a product or a convolution, by tfjs's own kernels: f(x + bias), as tfjs's fused kernels have it.
 *
 *     x [..., C],  bias any shape that broadcasts to that of x,  f linear, relu, relu6, elu, leakyrelu, prelu or sigmoid
 *
 * For what is not part of our own kernels.
 */
import * as tf from '@tensorflow/tfjs-core';
import type {Inputs} from './kernel_config.js';

/** The inputs and attributes of a fused kernel that say what follows. */
export type EpilogueInputs = Partial<Inputs<'bias' | 'preluActivationWeights'>>;
export interface EpilogueAttrs {
  activation?: string;
  leakyreluAlpha?: number;
}

/** A backend on which kernels are called on bare data: nothing is recorded, counted or kept. */
export interface KernelCalls {
  /** The result of a kernel with one output. */
  call: (kernelName: string, inputs: Record<string, tf.TensorInfo>, attributes?: object) => tf.TensorInfo;
  disposeData: (dataId: tf.DataId) => void;
}

/** tfjs's kernels of the activations that have one. */
const kernels: Readonly<Record<string, string>> = {
  elu: tf.Elu,
  leakyrelu: tf.LeakyRelu,
  relu: tf.Relu,
  relu6: tf.Relu6,
  sigmoid: tf.Sigmoid,
};

/** Whether `followedBy` computes an activation; tfjs may add others. */
export function isActivation(activation: string): boolean {
  return activation === 'linear' || activation === 'prelu' || activation in kernels;
}

/** What is computed from x, which is given up. */
function giveUp(backend: KernelCalls, x: tf.TensorInfo, compute: () => tf.TensorInfo): tf.TensorInfo {
  try {
    return compute();
  } finally {
    backend.disposeData(x.dataId);
  }
}

/** Whether `bias` or `alpha` is one number for each channel. */
export function isPerChannel(tensor: tf.TensorInfo, channels: number | undefined): boolean {
  return tensor.shape.at(-1) === channels && tf.util.sizeFromShape(tensor.shape) === channels;
}

/** x where it is not below 0, else alpha x. wasm's Prelu takes alpha for one number per channel, whatever its shape. */
function prelu(backend: KernelCalls, x: tf.TensorInfo, alpha: tf.TensorInfo): tf.TensorInfo {
  if (isPerChannel(alpha, x.shape.at(-1))) return backend.call(tf.Prelu, {x, alpha});
  const zero = backend.call(tf.ZerosLike, {x});
  return giveUp(backend, zero, () => {
    const scaled = backend.call(tf.Multiply, {a: x, b: alpha});
    return giveUp(backend, scaled, () => {
      const condition = backend.call(tf.Less, {a: x, b: zero});
      return giveUp(backend, condition, () => backend.call(tf.Select, {condition, t: scaled, e: x}));
    });
  });
}

/** f(x + bias); x is given up. */
export function followedBy(
  backend: KernelCalls,
  x: tf.TensorInfo,
  {bias, preluActivationWeights}: EpilogueInputs,
  {activation = 'linear', leakyreluAlpha}: EpilogueAttrs,
): tf.TensorInfo {
  if (tf.util.sizeFromShape(x.shape) === 0) return x;
  const sum = bias ? giveUp(backend, x, () => backend.call(tf.Add, {a: x, b: bias})) : x;
  if (activation === 'linear') return sum;
  return giveUp(backend, sum, () =>
    activation === 'prelu'
      ? prelu(backend, sum, preluActivationWeights!)
      : backend.call(kernels[activation], {x: sum}, {alpha: leakyreluAlpha}),
  );
}

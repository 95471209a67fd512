/**
 * What a layer's weights are called, how large they are and what they are for. The parts of a Swin stage list their
 * parameters as data, so that a block can be a layer of its own or one of many inside a stage.
 */
import type * as tf from '@tensorflow/tfjs-core';

/**
 * What a parameter is for; decides how it starts. A `residualGamma` closes a residual branch of Swin V2 and starts at
 * zero, so that the block starts as the identity, and so does a `residualKernel`, a depthwise one beside a residual. A
 * `layerScale` starts at the value that its spec names.
 */
export type ParameterRole =
  | 'kernel'
  | 'depthwiseKernel'
  | 'residualKernel'
  | 'layerScale'
  | 'bias'
  | 'gamma'
  | 'residualGamma'
  | 'beta'
  | 'biasTable'
  | 'position'
  | 'logitScale';

export interface ParameterSpec {
  /** timm's name, for example `attn.qkv.weight`; kernels are [in, out], the transpose of PyTorch's. */
  name: string;
  shape: number[];
  role: ParameterRole;
  /** What a layer scale starts at. */
  start?: number;
}

/** The parameters of a part, each name preceded by where the part sits, for example `blocks.0.`. */
export function prefixed(prefix: string, specs: ParameterSpec[]): ParameterSpec[] {
  return specs.map((spec) => ({...spec, name: prefix + spec.name}));
}

/** weight [in, out] and, where asked for, bias [out] of a dense layer. */
export function linearParameters(
  name: string,
  [input, output]: [number, number],
  bias = true,
): ParameterSpec[] {
  const kernel: ParameterSpec = {name: `${name}.weight`, shape: [input, output], role: 'kernel'};
  return bias ? [kernel, {name: `${name}.bias`, shape: [output], role: 'bias'}] : [kernel];
}

/** weight [3, 3, channels, 1] and bias [channels] of a depthwise convolution. */
export function depthwiseParameters(
  name: string,
  channels: number,
  role: 'depthwiseKernel' | 'residualKernel' = 'depthwiseKernel',
): ParameterSpec[] {
  return [
    {name: `${name}.weight`, shape: [3, 3, channels, 1], role},
    {name: `${name}.bias`, shape: [channels], role: 'bias'},
  ];
}

/** weight (gamma) and bias (beta) of a layer norm, each [channels]. */
export function normParameters(
  name: string,
  channels: number,
  gamma: ParameterRole = 'gamma',
): ParameterSpec[] {
  return [
    {name: `${name}.weight`, shape: [channels], role: gamma},
    {name: `${name}.bias`, shape: [channels], role: 'beta'},
  ];
}

/** The current values of a layer's parameters, by name. */
export class ParameterValues {
  constructor(
    private readonly read: (name: string) => tf.Tensor | undefined,
    private readonly prefix = '',
  ) {}

  /** The values of a part: `in('blocks.0.').get('norm1.weight')` is `get('blocks.0.norm1.weight')`. */
  in(prefix: string): ParameterValues {
    return new ParameterValues(this.read, this.prefix + prefix);
  }

  /** The value of a parameter that the layer has. */
  get<T extends tf.Tensor>(name: string): T {
    const value = this.find<T>(name);
    if (!value) throw new Error(`the layer has no parameter ${this.prefix}${name}`);
    return value;
  }

  /** The value of a parameter, or undefined where the layer was configured without it. */
  find<T extends tf.Tensor>(name: string): T | undefined {
    return this.read(this.prefix + name) as T | undefined;
  }
}

/** Calls of TensorFlow's operations through tfjs-node's backend. Their results are tensors of the scope they are called in. */
import type * as tf from '@tensorflow/tfjs-core';
import {kernelsFor} from '../../kernel_config.js';

/** An attribute of an operation, as the addon takes it. It cannot take lists of strings. */
interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

/** What tfjs-node's backend knows of the data of a tensor. */
export interface NativeData {
  /** Of TensorFlow's tensor. */
  shape: number[];
  /** TensorFlow's number of the type. */
  dtype: number;
}

/** What is used of tfjs-node's backend. Its typings are not, since the package need not be installed. */
export interface NativeBackend extends tf.KernelBackend {
  /** Whether TensorFlow has found a GPU. */
  isUsingGpuDevice: boolean;
  binding: Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_STRING', number> &
    Record<'TF_FLOAT' | 'TF_INT32', number> & {
      /** Tensors of TensorFlow are named by numbers. */
      createTensor(shape: number[], type: number, values: tf.BackendValues): number;
      deleteTensor(id: number): void;
      executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): {id: number}[];
    };
  tensorMap: {has(dataId: object): boolean; get(dataId: object): NativeData};
  /** TensorFlow's tensors of the inputs of an operation. */
  getInputTensorIds(inputs: tf.TensorInfo[]): number[];
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: Attribute[],
    inputs: tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

/** A number is a float here, and 'float32' and 'int32' are types. */
type Values = Record<string, number | boolean | {type: 'float32' | 'int32'} | {text: string}>;

export const FLOAT = {type: 'float32'} as const;
export const INT = {type: 'int32'} as const;

/** Attributes as the addon takes them. */
export function nativeAttributes({binding}: NativeBackend, values: Values): Attribute[] {
  return Object.entries(values).map(([name, value]) => {
    if (typeof value === 'number') return {name, type: binding.TF_ATTR_FLOAT, value};
    if (typeof value === 'boolean') return {name, type: binding.TF_ATTR_BOOL, value};
    if ('text' in value) return {name, type: binding.TF_ATTR_STRING, value: value.text};
    return {
      name,
      type: binding.TF_ATTR_TYPE,
      value: value.type === 'float32' ? binding.TF_FLOAT : binding.TF_INT32,
    };
  });
}

/** Runs one of TensorFlow's operations with one result. */
export function run(
  backend: NativeBackend,
  name: string,
  inputs: tf.TensorInfo[],
  attributes: Values = {T: FLOAT},
): tf.Tensor {
  return backend.executeSingleOutput(name, nativeAttributes(backend, attributes), inputs);
}

/** Runs one with several. */
export function runAll(
  backend: NativeBackend,
  name: string,
  inputs: tf.TensorInfo[],
  attributes: Values,
  outputs: number,
): tf.Tensor[] {
  return backend.executeMultipleOutputs(name, nativeAttributes(backend, attributes), inputs, outputs);
}

export const tensorflowKernel = kernelsFor<NativeBackend>('tensorflow');

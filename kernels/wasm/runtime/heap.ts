/** Where tensors lie on tfjs's wasm heap, for kernels that are given addresses. */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';

/**
 * The address of a tensor's values; 0 where there is no tensor. It is good for as long as the tensor is, however the
 * heap grows.
 */
export function address(backend: BackendWasm, tensor: tf.TensorInfo | undefined): number {
  return tensor ? backend.dataIdMap.get(tensor.dataId).memoryOffset : 0;
}

/** Whether a tensor's values are numbers on the heap. */
export function isOnHeap({dtype}: tf.TensorInfo): boolean {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

/** A new float32 tensor, its values undefined, and its address. */
export function output(backend: BackendWasm, shape: number[]): {tensor: tf.TensorInfo; at: number} {
  const tensor = backend.makeOutput(shape, 'float32');
  return {tensor, at: address(backend, tensor)};
}

/** A tensor of another shape that shares the values of `x`, which live as long as either of them. */
export function sameData(
  backend: BackendWasm,
  {dataId, dtype}: tf.TensorInfo,
  shape: number[],
): tf.TensorInfo {
  backend.incRef(dataId);
  return {dataId, dtype, shape};
}

/** A new tensor, float32 by default, in which every number is `value`. */
export function filled(
  backend: BackendWasm,
  shape: number[],
  value: number,
  dtype: 'float32' | 'int32' = 'float32',
): tf.TensorInfo {
  const y = backend.makeOutput(shape, dtype);
  backend.typedArrayFromHeap(y).fill(value);
  return y;
}

/** A new float32 tensor of zeros. */
export function zeros(backend: BackendWasm, shape: number[]): tf.TensorInfo {
  return filled(backend, shape, 0);
}

/** Cast to the type that a tensor has, and Reshape to its shape: the tensor itself, without a call of TensorFlow. */
import * as tf from '@tensorflow/tfjs-core';
import type {NativeBackend} from '../runtime/native.js';

function same(backend: NativeBackend, {dataId, shape, dtype}: tf.TensorInfo): tf.TensorInfo {
  backend.incRef(dataId);
  return {dataId, shape, dtype};
}

export function cast(
  backend: NativeBackend,
  {x}: {x: tf.TensorInfo},
  {dtype}: {dtype: tf.DataType},
): tf.TensorInfo | undefined {
  return dtype === x.dtype ? same(backend, x) : undefined;
}

export function reshape(
  backend: NativeBackend,
  {x}: {x: tf.TensorInfo},
  {shape}: {shape: number[]},
): tf.TensorInfo | undefined {
  return tf.util.arraysEqual(shape, x.shape) ? same(backend, x) : undefined;
}

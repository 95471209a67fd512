/** Reshape, and Cast to the type that a tensor has: the same data, without a call of TensorFlow. */
import * as tf from '@tensorflow/tfjs-core';
import type {NativeBackend} from '../runtime/native.js';
import {view} from '../runtime/views.js';

export function cast(
  backend: NativeBackend,
  {x}: {x: tf.TensorInfo},
  {dtype}: {dtype: tf.DataType},
): tf.TensorInfo | undefined {
  return dtype === x.dtype ? view(backend, x, x.shape) : undefined;
}

/** Nothing for a shape of another size, which the stock kernel refuses. */
export function reshape(
  backend: NativeBackend,
  {x}: {x: tf.TensorInfo},
  {shape}: {shape: number[]},
): tf.TensorInfo | undefined {
  const {inferFromImplicitShape, sizeFromShape} = tf.util;
  const size = sizeFromShape(x.shape);
  if (x.dtype === 'string' || (size === 0 && shape.includes(-1))) return undefined;
  const whole = inferFromImplicitShape(shape, size);
  return sizeFromShape(whole) === size ? view(backend, x, whole) : undefined;
}

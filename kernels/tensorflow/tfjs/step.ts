/**
 * Step with alpha 0, the factor of ReLU's gradient: 1 for x > 0, 0 for x <= 0, NaN for NaN. It is the sign of max(x, 0); the
 * stock kernel makes four tensors of the size of x.
 */
import * as tf from '@tensorflow/tfjs-core';
import {type NativeBackend, run} from '../runtime/native.js';

export function step(
  backend: NativeBackend,
  {x}: {x: tf.TensorInfo},
  {alpha}: {alpha: number},
): tf.TensorInfo | undefined {
  if (x.dtype !== 'float32' || alpha !== 0) return undefined;
  return tf.tidy(() => run(backend, 'Sign', [run(backend, 'Relu', [x])]));
}

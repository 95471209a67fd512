/**
 * The cyclic shift of a map by TensorFlow's Roll, under a name of our own, for the composed versions: cell (i, j) of the
 * result is cell (i + rows, j + columns) of x [B, H, W, C].
 */
import * as tf from '@tensorflow/tfjs-core';
import {FLOAT, INT, run, tensorflowKernel} from '../runtime/native.js';

/** What `tf.registerKernel` takes. */
export const rollConfig = tensorflowKernel<'x', {rows: number; columns: number}>(
  'SwintRoll',
  (backend, {x}, {rows, columns}) =>
    tf.tidy(() =>
      run(backend, 'Roll', [x, tf.tensor1d([-rows, -columns], 'int32'), tf.tensor1d([1, 2], 'int32')], {
        ...{T: FLOAT, Tshift: INT, Taxis: INT},
      }),
    ),
);

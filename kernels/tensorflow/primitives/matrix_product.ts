/**
 * C = op(A) op(B), op the identity or the transpose, by TensorFlow's MatMul: under a name of our own, for the composed
 * versions. What tfjs-node calls, BatchMatMulV2, takes twice its time.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {FLOAT, type NativeBackend, run, tensorflowKernel} from '../runtime/native.js';

/** Of two matrices of float32. */
export function product(
  backend: NativeBackend,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor {
  return run(backend, 'MatMul', [a, b], {T: FLOAT, transpose_a: transposeA, transpose_b: transposeB});
}

/** What `tf.registerKernel` takes. */
export const matrixProductConfig = tensorflowKernel<'a' | 'b', {transposeA: boolean; transposeB: boolean}>(
  'SwintMatrixProduct',
  (backend, {a, b}, {transposeA, transposeB}) => product(backend, a, b, transposeA, transposeB),
);

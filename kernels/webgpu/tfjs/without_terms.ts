/**
 * Sum, Mean, BatchMatMul and _FusedMatMul for the webgpu backend where there is nothing to add: a sum of nothing is 0, a
 * mean NaN, a product with K = 0 f(bias). All else goes to the stock kernels, which make a buffer or a binding of no bytes
 * there: an invalid command, with which all that were recorded before it are lost.
 *
 *     sum, mean: x with an axis of 0 cells
 *     a [..., M, 0] or [..., 0, M],  b [..., 0, N] or [..., N, 0],  C [..., M, N]; or any of the sizes of C is 0
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {type EpilogueAttrs, type EpilogueInputs, followedBy} from '../../epilogue.js';
import type {Inputs} from '../../kernel_config.js';
import {kernelCalls} from '../runtime/call_kernel.js';

type Numbers = 'float32' | 'int32';

function filled(backend: WebGPUBackend, shape: number[], value: number, dtype: Numbers): tf.TensorInfo {
  const size = tf.util.sizeFromShape(shape);
  const values = dtype === 'int32' ? new Int32Array(size) : new Float32Array(size);
  return backend.makeTensorInfo(shape, dtype, values.fill(value));
}

const numbersOf = (dtype: tf.DataType): Numbers => (dtype === 'float32' ? 'float32' : 'int32');

/** The shape of what is left of x when axes are reduced; undefined where x has numbers. */
function reducedShape({shape}: tf.TensorInfo, {axis, keepDims}: tf.SumAttrs): number[] | undefined {
  if (tf.util.sizeFromShape(shape) > 0) return undefined;
  const axes = tf.util.parseAxisParam(axis, shape);
  return keepDims
    ? shape.map((size, i) => (axes.includes(i) ? 1 : size))
    : shape.filter((_, i) => !axes.includes(i));
}

/** Zeros; undefined is the stock kernel's to compute, as for the others. */
export function sum(backend: WebGPUBackend, {x}: Inputs<'x'>, attributes: tf.SumAttrs) {
  const shape = reducedShape(x, attributes);
  return shape && filled(backend, shape, 0, numbersOf(x.dtype));
}

/** NaN. */
export function mean(backend: WebGPUBackend, {x}: Inputs<'x'>, attributes: tf.MeanAttrs) {
  const shape = reducedShape(x, attributes);
  return shape && filled(backend, shape, Number.NaN, 'float32');
}

/** Zeros. */
export function batchMatMul(
  backend: WebGPUBackend,
  {a, b}: Inputs<'a' | 'b'>,
  {transposeA, transposeB}: tf.BatchMatMulAttrs,
): tf.TensorInfo | undefined {
  const k = a.shape.at(transposeA ? -2 : -1)!;
  const [m, n] = [a.shape.at(transposeA ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!];
  // A size that does not fit is the stock kernel's to refuse.
  if (k !== b.shape.at(transposeB ? -1 : -2)) return undefined;
  const {assertAndGetBroadcastShape} = tf.broadcast_util;
  const shape = [...assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
  if (k > 0 && tf.util.sizeFromShape(shape) > 0) return undefined;
  return filled(backend, shape, 0, numbersOf(tf.upcastType(a.dtype, b.dtype)));
}

/** f(bias). */
export function fusedMatMul(
  backend: WebGPUBackend,
  inputs: Inputs<'a' | 'b'> & EpilogueInputs,
  attributes: tf.BatchMatMulAttrs & EpilogueAttrs,
): tf.TensorInfo | undefined {
  const zeros = batchMatMul(backend, inputs, attributes);
  return zeros && followedBy(kernelCalls(backend), zeros, inputs, attributes);
}

/**
 * BatchMatMul and _FusedMatMul for the wasm backend: C_i = f(op(A_i) op(B_i) + bias) for every i of a batch, op the
 * identity or the transpose; see matrix_product.
 *
 *     a [..., M, K] or [..., K, M],  b [..., K, N] or [..., N, K],  C [..., M, N]
 *
 * float32. The axes before the last two broadcast as in NumPy (the stock kernel gets the case wrong in which both sides
 * do). The stock kernels are XNNPACK for a batch of one without transposes, and a scalar triple loop for all else, which
 * leaves out the bias, and relu and relu6. What they refuse in words of their own goes to them. f is part of the product
 * for relu and relu6, and tfjs's own kernel after it for other activations.
 */

import * as tf from '@tensorflow/tfjs-core';
import {matrixProducts, type ProductShape} from '../primitives/matrix_product.js';
import {callKernel} from '../runtime/call_kernel.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** Activations that are part of a product, by name, as assembly/kernels/matrix_products numbers them. */
const fused: Record<string, number> = {linear: 0, relu: 1, relu6: 2};

/** The kernels of the others. */
const separate: Record<string, string> = {
  elu: tf.Elu,
  leakyrelu: tf.LeakyRelu,
  prelu: tf.Prelu,
  sigmoid: tf.Sigmoid,
};

/** The sizes of the product of two tensors; undefined where they do not fit or are not float32. */
function productShape(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  {transposeA, transposeB}: tf.BatchMatMulAttrs,
): ProductShape | undefined {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const k = transposeA ? rowsA : columnsA;
  if (a.dtype !== 'float32' || b.dtype !== 'float32' || k !== (transposeB ? columnsB : rowsB)) {
    return undefined;
  }
  return {m: transposeA ? columnsA : rowsA, n: transposeB ? rowsB : columnsB, k, transposeA, transposeB};
}

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function batchMatMulConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'a' | 'b', tf.BatchMatMulAttrs>(
    tf.BatchMatMul,
    (backend, {a, b}, attributes) => {
      const shape = productShape(a, b, attributes);
      if (!shape) {
        const attrs = attributes as unknown as tf.NamedAttrMap;
        return stock.kernelFunc({inputs: {a, b}, backend, attrs});
      }
      return matrixProducts(backend, a, b, shape, a.shape.slice(0, -2), b.shape.slice(0, -2));
    },
    stock.setupFunc,
  );
}

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function fusedMatMulConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'a' | 'b' | 'bias' | 'preluActivationWeights', tf._FusedMatMulAttrs>(
    tf._FusedMatMul,
    (backend, inputs, attributes) => {
      const {a, b, bias, preluActivationWeights} = inputs;
      const {activation, leakyreluAlpha} = attributes;
      const shape = productShape(a, b, attributes);
      const kernel = separate[activation];
      const fits = !bias || (bias.shape.length === 1 && bias.shape[0] === shape?.n);
      if (!shape || shape.k === 0 || !fits || (fused[activation] === undefined && !kernel)) {
        const attrs = attributes as unknown as tf.NamedAttrMap;
        return stock.kernelFunc({inputs, backend, attrs});
      }
      const epilogue = {bias, activation: fused[activation] ?? 0};
      const x = matrixProducts(backend, a, b, shape, a.shape.slice(0, -2), b.shape.slice(0, -2), epilogue);
      if (!kernel) return x;
      const operands: Record<string, tf.TensorInfo> =
        activation === 'prelu' ? {x, alpha: preluActivationWeights} : {x};
      try {
        return callKernel(backend, kernel, operands, {alpha: leakyreluAlpha});
      } finally {
        backend.disposeData(x.dataId);
      }
    },
    stock.setupFunc,
  );
}

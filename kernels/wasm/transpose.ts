/**
 * Transpose for the wasm backend, where the stock kernel is slow: a matrix with at least as many rows as columns.
 *
 *     y[c, r] = x[r, c]
 *
 * x [R, C] float32 (axes of size 1 in between do not count), y [C, R]. A wide matrix and every permutation of more axes
 * goes to the stock kernel, which is as fast or faster there: [2048, 16, 3, 16] by (0, 2, 1, 3) takes it 0.5 ms, and
 * [64, 32768] 1.4 ms where transposeMatrix takes 4.3.
 */

import * as tf from '@tensorflow/tfjs-core';
import {transposeMatrix} from './transpose_matrix.js';
import {wasmKernel} from './wasm_kernel.js';

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function transposeConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', tf.TransposeAttrs>(
    tf.Transpose,
    (backend, {x}, attributes) => {
      const {perm} = attributes;
      const axes = perm.filter((axis) => x.shape[axis] !== 1);
      const [first, second] = axes;
      if (axes.length === 2 && first! > second! && x.dtype === 'float32') {
        const rows = x.shape[second!]!;
        const columns = x.shape[first!]!;
        if (rows >= columns) {
          const y = transposeMatrix(backend, x, rows, columns);
          y.shape = perm.map((axis) => x.shape[axis]!);
          return y;
        }
      }
      return stock.kernelFunc({
        inputs: {x},
        backend,
        attrs: attributes as unknown as tf.NamedAttrMap,
      }) as tf.TensorInfo;
    },
    stock.setupFunc,
  );
}

/**
 * Identity for the wasm backend, by reference: the stock kernel copies.
 *
 * No kernel of tfjs writes to its inputs, so two tensors can share their values, as a reshaped tensor and its source do.
 * tfjs makes such a copy of everything that it keeps for the backward pass: 4 % of a training step of a ResNet.
 */

import * as tf from '@tensorflow/tfjs-core';
import {sameData} from '../runtime/heap.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** What `tf.registerKernel` takes. `stock` is the kernel that it replaces. */
export function identityConfig(stock: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', object>(
    tf.Identity,
    (backend, {x}) =>
      x.dtype === 'string'
        ? stock.kernelFunc({inputs: {x}, backend, attrs: {}})
        : sameData(backend, x, x.shape),
    stock.setupFunc,
  );
}

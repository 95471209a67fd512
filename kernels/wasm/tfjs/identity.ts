/**
 * Identity for the wasm backend, by reference: the stock kernel copies.
 *
 * No kernel of tfjs writes to its inputs, so two tensors can share their values, as a reshaped tensor and its source do.
 * tfjs makes such a copy of everything that it keeps for the backward pass: 4 % of a training step of a ResNet.
 */

import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import type {Inputs} from '../../kernel_config.js';
import {sameData} from '../runtime/heap.js';

/** x by reference; undefined, for strings, is the stock kernel's to compute. */
export function identity(backend: BackendWasm, {x}: Inputs<'x'>): tf.TensorInfo | undefined {
  return x.dtype === 'string' ? undefined : sameData(backend, x, x.shape);
}

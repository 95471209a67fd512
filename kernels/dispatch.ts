/**
 * Chooses what computes an operation: the kernel registered for it on the current backend, or else its composed
 * version made of stock tfjs operations. Which one that is can be asked: see `kernelsInUse`.
 *
 * A fast kernel is an ordinary tfjs kernel: `tf.registerKernel({kernelName: 'SwintLinear', backendName, kernelFunc})`.
 */
import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from './common/errors.js';

/**
 * Every operation of this library, forward and backward, by the name its kernels are registered under; and the three
 * pieces of the composed versions that a backend may have a kernel for.
 */
export const OPERATIONS = [
  'SwintAdamUpdate',
  'SwintBatchNorm',
  'SwintBatchNormGrad',
  'SwintBatchStatistics',
  'SwintBlock',
  'SwintBlockGrad',
  'SwintDepthwiseConvolution',
  'SwintDepthwiseConvolutionGradWeight',
  'SwintDepthwiseConvolutionGradX',
  'SwintGelu',
  'SwintLayerNorm',
  'SwintLayerNormGrad',
  'SwintLinear',
  'SwintLinearGradBias',
  'SwintLinearGradOutput',
  'SwintLinearGradWeight',
  'SwintLinearGradX',
  'SwintMatrixProduct',
  'SwintPatchMerge',
  'SwintPatchMergeGrad',
  'SwintRoll',
  'SwintSgdUpdate',
  'SwintSumRows',
  'SwintWindowAttention',
  'SwintWindowAttentionGrad',
] as const;

export type OperationName = (typeof OPERATIONS)[number];

export interface KernelsInUse {
  /** The current tfjs backend. */
  backend: string;
  /** For each operation 'composed' (stock tfjs operations) or the backend's name (a kernel of this library). */
  operations: Record<OperationName, string>;
}

/** Whether the current backend has a kernel of this library for an operation. */
export function hasKernel(name: OperationName): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/**
 * Runs the fast kernel of the current backend.
 *
 * @throws BackendError where it has none.
 */
export function runKernel(
  name: OperationName,
  inputs: Record<string, tf.Tensor>,
  attrs: object,
): tf.Tensor[] {
  if (!hasKernel(name)) {
    throw new BackendError(
      `${name}: the current backend must have a kernel for it; '${tf.getBackend()}' has none (take no kernel out, and ` +
        'change no backend, between a forward pass and its gradient).',
    );
  }
  const outputs: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap);
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** Runs the fast kernel of the current backend where there is one, otherwise `composed`. */
export function dispatch<T extends tf.Tensor[]>(
  name: OperationName,
  inputs: Record<string, tf.Tensor>,
  attrs: object,
  composed: () => T,
): T {
  return hasKernel(name) ? (runKernel(name, inputs, attrs) as T) : composed();
}

/** What computes each operation on the current backend. */
export function kernelsInUse(): KernelsInUse {
  const backend = tf.getBackend();
  const entries = OPERATIONS.map((name) => [name, hasKernel(name) ? backend : 'composed'] as const);
  return {backend, operations: Object.fromEntries(entries) as Record<OperationName, string>};
}

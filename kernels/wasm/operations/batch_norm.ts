/**
 * batchNorm, its gradient and the statistics of a batch for the wasm backend: contracts/batch_norm, assembly/kernels/batch_norm.
 *
 * x is taken as [outer, C, inner], C the axis of the channels. Statistics of no cells at all are NaN, their quotient.
 */
import * as tf from '@tensorflow/tfjs-core';
import type {BatchNormAttrs} from '../../contracts/batch_norm.js';
import {address, filled, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';
import {wasmKernel} from '../runtime/wasm_kernel.js';

/** Cells before, of and after an axis. */
function channelView(shape: number[], axis: number): [number, number, number] {
  const {sizeFromShape} = tf.util;
  return [sizeFromShape(shape.slice(0, axis)), shape[axis], sizeFromShape(shape.slice(axis + 1))];
}

/** What `tf.registerKernel` takes. Returns mean and variance. */
export const batchStatisticsConfig = wasmKernel<'x', {axis: number}>(
  'SwintBatchStatistics',
  (backend, {x}, {axis}) => {
    const [outer, channels, inner] = channelView(x.shape, axis);
    if (outer * channels * inner === 0) {
      return [filled(backend, [channels], Number.NaN), filled(backend, [channels], Number.NaN)];
    }
    const mean = output(backend, [channels]);
    const variance = output(backend, [channels]);
    kernelModule(backend).run((kernels) =>
      kernels.batchStatistics(address(backend, x), outer, channels, inner, mean.at, variance.at),
    );
    return [mean.tensor, variance.tensor];
  },
);

/** What `tf.registerKernel` takes. */
export const batchNormConfig = wasmKernel<'x' | 'mean' | 'variance' | 'gamma' | 'beta', BatchNormAttrs>(
  'SwintBatchNorm',
  (backend, {x, mean, variance, gamma, beta}, {axis, epsilon}) => {
    const [outer, channels, inner] = channelView(x.shape, axis);
    const y = output(backend, x.shape);
    if (outer * channels * inner > 0) {
      const at = (tensor: tf.TensorInfo) => address(backend, tensor);
      kernelModule(backend).run((kernels) =>
        kernels.batchNormalise(
          at(x),
          outer,
          channels,
          inner,
          at(mean),
          at(variance),
          at(gamma),
          at(beta),
          epsilon,
          y.at,
        ),
      );
    }
    return y.tensor;
  },
);

/** What `tf.registerKernel` takes. Returns dx, dgamma and dbeta. */
export const batchNormGradConfig = wasmKernel<'dy' | 'x' | 'mean' | 'variance' | 'gamma', BatchNormAttrs>(
  'SwintBatchNormGrad',
  (backend, {dy, x, mean, variance, gamma}, {axis, epsilon, statistics}) => {
    const [outer, channels, inner] = channelView(x.shape, axis);
    const dx = output(backend, x.shape);
    if (outer * channels * inner === 0) {
      return [dx.tensor, filled(backend, [channels], 0), filled(backend, [channels], 0)];
    }
    const dgamma = output(backend, [channels]);
    const dbeta = output(backend, [channels]);
    const at = (tensor: tf.TensorInfo) => address(backend, tensor);
    kernelModule(backend).run((kernels) =>
      kernels.batchNormGradient(
        at(dy),
        at(x),
        outer,
        channels,
        inner,
        at(mean),
        at(variance),
        at(gamma),
        epsilon,
        statistics === 'batch' ? 1 : 0,
        dx.at,
        dgamma.at,
        dbeta.at,
      ),
    );
    return [dx.tensor, dgamma.tensor, dbeta.tensor];
  },
);

/**
 * batchNorm and its gradient on native TensorFlow, by FusedBatchNormV3 and FusedBatchNormGradV3. Contract: contracts/batch_norm.
 *
 * On the CPU these take [B, H, W, C] alone: x, seen as [outer, C, inner], is transposed where its channels are not the last
 * axis. On a GPU they take [outer, C, 1, inner] as well, but want of the gradient's inputs what cuDNN left: the gradient is
 * composed there. Statistics are composed everywhere, since those of FusedBatchNormV3 are unbiased.
 */
import * as tf from '@tensorflow/tfjs-core';
import {batchNormComposed, batchNormGradComposed} from '../../composed/batch_norm.js';
import type {BatchNormAttrs} from '../../contracts/batch_norm.js';
import {FLOAT, type NativeBackend, runAll, tensorflowKernel} from '../runtime/native.js';

/** How x looks to TensorFlow. */
interface View {
  /** Of rank 4 with the channels last, or in a GPU's order. */
  enter(x: tf.Tensor): tf.Tensor;
  leave(y: tf.Tensor): tf.Tensor;
  format: 'NHWC' | 'NCHW';
}

function viewOf({shape}: tf.Tensor, axis: number, gpu: boolean): View {
  const {sizeFromShape} = tf.util;
  const [outer, channels] = [sizeFromShape(shape.slice(0, axis)), shape[axis]];
  const inner = sizeFromShape(shape.slice(axis + 1));
  if (inner === 1) {
    const whole = shape.length === 4 && axis === 3;
    return {
      enter: (x) => (whole ? x : tf.reshape(x, [outer, 1, 1, channels])),
      leave: (y) => (whole ? y : tf.reshape(y, shape)),
      format: 'NHWC',
    };
  }
  if (gpu) {
    return {
      enter: (x) => tf.reshape(x, [outer, channels, 1, inner]),
      leave: (y) => tf.reshape(y, shape),
      format: 'NCHW',
    };
  }
  if (shape.length === 4 && axis === 1) {
    return {
      enter: (x) => tf.transpose(x, [0, 2, 3, 1]),
      leave: (y) => tf.transpose(y, [0, 3, 1, 2]),
      format: 'NHWC',
    };
  }
  return {
    enter: (x) => tf.transpose(tf.reshape(x, [outer, channels, 1, inner]), [0, 2, 3, 1]),
    leave: (y) => tf.reshape(tf.transpose(y, [0, 3, 1, 2]), shape),
    format: 'NHWC',
  };
}

const attributes = (epsilon: number, format: string, training: boolean) => ({
  ...{T: FLOAT, U: FLOAT, epsilon, data_format: {text: format}, is_training: training},
});

/** What `tf.registerKernel` takes. */
export const batchNormConfig = tensorflowKernel<'x' | 'mean' | 'variance' | 'gamma' | 'beta', BatchNormAttrs>(
  'SwintBatchNorm',
  (backend, infos, attrs) => {
    const {x, mean, variance, gamma, beta} = infos as Record<keyof typeof infos, tf.Tensor1D>;
    if (x.size === 0) return batchNormComposed({x, mean, variance, gamma, beta}, attrs);
    return tf.tidy(() => {
      const {enter, leave, format} = viewOf(x, attrs.axis, backend.isUsingGpuDevice);
      const inputs = [enter(x), gamma ?? tf.onesLike(mean), beta ?? tf.zerosLike(mean), mean, variance];
      const values = attributes(attrs.epsilon, format, false);
      return leave(runAll(backend, 'FusedBatchNormV3', inputs, values, 6)[0]);
    });
  },
);

/** dx, dgamma and dbeta of views. */
function gradients(
  backend: NativeBackend,
  inputs: tf.Tensor[],
  {epsilon, statistics}: BatchNormAttrs,
): tf.Tensor[] {
  const values = attributes(epsilon, 'NHWC', statistics === 'batch');
  return runAll(backend, 'FusedBatchNormGradV3', inputs, values, 5);
}

/** What `tf.registerKernel` takes. Returns dx, dgamma and dbeta. */
export const batchNormGradConfig = tensorflowKernel<
  'dy' | 'x' | 'mean' | 'variance' | 'gamma',
  BatchNormAttrs
>('SwintBatchNormGrad', (backend, infos, attrs) => {
  const {dy, x, mean, variance, gamma} = infos as Record<keyof typeof infos, tf.Tensor1D>;
  if (x.size === 0 || backend.isUsingGpuDevice) {
    return batchNormGradComposed({dy, x, mean, variance, gamma}, attrs);
  }
  return tf.tidy(() => {
    const {enter, leave} = viewOf(x, attrs.axis, false);
    const inputs = [enter(dy), enter(x), gamma ?? tf.onesLike(mean), mean, variance, tf.tensor1d([])];
    const [dx, dgamma, dbeta] = gradients(backend, inputs, attrs);
    return [leave(dx), dgamma, dbeta];
  });
});

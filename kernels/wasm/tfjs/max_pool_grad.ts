/**
 * MaxPoolGrad for the wasm backend: assembly/units/maps/max_pool_gradient.
 *
 * The stock kernel adds to a result that it has not set to 0, so that what lay in the heap is in it; and it runs on one
 * thread, number by number: with it, two pools were a seventh of a training step of
 * the small SwinResNet.
 */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type {Inputs} from '../../kernel_config.js';
import {address, output} from '../runtime/heap.js';
import {kernelModule} from '../runtime/module.js';

type Four = [number, number, number, number];

/** dx in the shape of `input`, from dy and the result of the forward pass; undefined is the stock kernel's to compute. */
export function maxPoolGrad(
  backend: BackendWasm,
  {dy, input, output: y}: Inputs<'dy' | 'input' | 'output'>,
  {filterSize, strides, pad, dimRoundingMode}: tf.MaxPoolGradAttrs,
): tf.TensorInfo | undefined {
  const tensors = [dy, input, y];
  if (tensors.some(({dtype, shape}) => dtype !== 'float32' || tf.util.sizeFromShape(shape) === 0)) {
    return undefined;
  }
  const info = tf.backend_util.computePool2DInfo(
    input.shape as Four,
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const dx = output(backend, input.shape);
  const [x, yAt, dyAt] = [input, y, dy].map((tensor) => address(backend, tensor));
  kernelModule(backend).run((kernels) =>
    kernels.maxPoolGradient(
      ...[x, yAt, dyAt, dx.at, info.batchSize, info.inHeight, info.inWidth, info.inChannels],
      ...[info.outHeight, info.outWidth, info.filterHeight, info.filterWidth],
      ...[info.strideHeight, info.strideWidth, info.padInfo.top, info.padInfo.left],
    ),
  );
  return dx.tensor;
}

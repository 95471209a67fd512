/**
 * The old convolution beside the SwinT that takes its place, so that the model starts as the old one, or near it.
 *
 *   'full'  conv(x), the convolution as it was but for its activation
 *   '1x1'   conv1(x), w1 = sum of w over the kernel; with a stride of 2 conv1(mean of x over 2x2)
 *
 *   x [B, H, W, C] to the convolution's map; of '1x1' to the map [B, ceil(H / s), ceil(W / s), F] that it has with padding
 *
 * The sum is exact where x is constant under the kernel, the centre tap alone where the cells around do not matter on average;
 * for taps that have nothing to do with each other the sum is nearer once neighbouring cells correlate by more than 1/2.
 * Measured as the relative error of the convolution's result, on two networks trained on drawn shapes, eleven 3x3
 * convolutions over maps of 32 to 4 cells a side: sum 0.35 to 0.76, centre tap 0.87 to 1.05. With a stride of 2 the mean
 * first has 0.39 to 0.53, the first of its cells alone 0.52 to 0.80. A 5x5 kernel over 8x8 cells that correlate by 0.3 is the
 * exception: sum 2.1, centre tap 0.95.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type {Symbolic} from '../layers/tfjs_types.js';
import type {Conv2DLayer} from './find_convolutions.js';
import type {Layer} from './model_graph.js';
import {setWeight} from './rebuild_model.js';

export type KeepPath = 'full' | '1x1';

export interface KeptPath {
  layers: Layer[];
  call(x: Symbolic): Symbolic;
  /** Takes the weights of the old convolution; called once the layers have weights. */
  setWeights(): void;
}

/**
 * @param old The convolution; its regularizers, constraints and `trainable` are the new one's.
 * @param name Gives a layer of it its name: `kept`, `pool`.
 */
export function keptPath(old: Conv2DLayer, kind: KeepPath, name: (part: string) => string): KeptPath {
  const {dataFormat, strides, kernelRegularizer, biasRegularizer, kernelConstraint, biasConstraint} = old;
  const conv = tfl.layers.conv2d({
    ...(old.getConfig() as unknown as Parameters<typeof tfl.layers.conv2d>[0]),
    // The objects, for a configuration has only what is registered.
    ...{kernelRegularizer, biasRegularizer, kernelConstraint, biasConstraint},
    ...(kind === '1x1' ? {kernelSize: 1, strides: 1, padding: 'same'} : {}),
    // Where the convolution was the first layer, its configuration says what its input was.
    batchInputShape: undefined,
    activation: 'linear',
    name: name('kept'),
  });
  const pool =
    kind === '1x1' && strides[0] === 2
      ? tfl.layers.averagePooling2d({
          name: name('pool'),
          poolSize: 2,
          strides: 2,
          padding: 'same',
          dataFormat,
        })
      : undefined;
  const setWeights = () => {
    for (const weight of conv.weights) {
      const isKernel = weight.originalName.endsWith('kernel');
      const source = old.weights.find(({originalName}) =>
        originalName.endsWith(isKernel ? 'kernel' : 'bias'),
      );
      tf.tidy(() => {
        const value = (source as tfl.LayerVariable).read();
        setWeight(weight, kind === '1x1' && isKernel ? tf.sum(value, [0, 1], true) : value);
      });
    }
  };
  return {
    layers: pool ? [pool, conv] : [conv],
    call: (x) => conv.apply(pool ? (pool.apply(x) as Symbolic) : x) as Symbolic,
    setWeights,
  };
}

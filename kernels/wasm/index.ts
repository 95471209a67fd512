/**
 * Registers, for tfjs's wasm backend, the kernels it lacks to train: without them the gradients of conv2d,
 * depthwiseConv2d and gather fail there; and those of the library's own operations. A kernel that is registered already,
 * by a later tfjs or by the application, is left alone: replacing stock kernels is another matter (replacements).
 * Importing this file neither needs nor loads the backend's package.
 */

import * as tf from '@tensorflow/tfjs-core';
import {batchNormConfig, batchNormGradConfig, batchStatisticsConfig} from './batch_norm.js';
import {conv2DBackpropFilterConfig} from './conv2d_backprop_filter.js';
import {depthwiseConv2dNativeBackpropFilterConfig} from './depthwise_conv2d_backprop_filter.js';
import {depthwiseConv2dNativeBackpropInputConfig} from './depthwise_conv2d_backprop_input.js';
import {matrixProductConfig} from './matrix_product.js';
import {adamUpdateConfig, sgdUpdateConfig} from './optimizer.js';
import {patchMergeConfig, patchMergeGradConfig} from './patch_merge.js';
import {sumRowsConfig} from './sum_rows.js';
import {unsortedSegmentSumConfig} from './unsorted_segment_sum.js';

const configs = [
  adamUpdateConfig,
  batchNormConfig,
  batchNormGradConfig,
  batchStatisticsConfig,
  conv2DBackpropFilterConfig,
  depthwiseConv2dNativeBackpropFilterConfig,
  depthwiseConv2dNativeBackpropInputConfig,
  matrixProductConfig,
  patchMergeConfig,
  patchMergeGradConfig,
  sgdUpdateConfig,
  sumRowsConfig,
  unsortedSegmentSumConfig,
];

for (const config of configs) {
  if (!tf.getKernel(config.kernelName, config.backendName)) {
    tf.registerKernel(config);
  }
}

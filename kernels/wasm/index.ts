/**
 * Registers, for tfjs's wasm backend, the kernels it lacks to train: without them the gradients of conv2d,
 * depthwiseConv2d and gather fail there; and those of our own that the composed versions look for. A kernel that is
 * registered already, by a later tfjs or by the application, is left alone: replacing stock kernels is another matter
 * (replacements). Importing this file neither needs nor loads the backend's package.
 */

import * as tf from '@tensorflow/tfjs-core';
import {conv2DBackpropFilterConfig} from './conv2d_backprop_filter.js';
import {depthwiseConv2dNativeBackpropFilterConfig} from './depthwise_conv2d_backprop_filter.js';
import {depthwiseConv2dNativeBackpropInputConfig} from './depthwise_conv2d_backprop_input.js';
import {layerNormConfig, layerNormGradConfig} from './layer_norm.js';
import {linearConfig, linearGradOutputConfig, linearGradWeightConfig, linearGradXConfig} from './linear.js';
import {matrixProductConfig} from './matrix_product.js';
import {peakConfig} from './peak.js';
import {toldOfRemoval} from './removal.js';
import {sumRowsConfig} from './sum_rows.js';
import {swinBlockConfig} from './swin_block.js';
import {unsortedSegmentSumConfig} from './unsorted_segment_sum.js';
import {windowAttentionConfig, windowAttentionGradConfig} from './window_attention.js';

const configs = [
  conv2DBackpropFilterConfig,
  depthwiseConv2dNativeBackpropFilterConfig,
  depthwiseConv2dNativeBackpropInputConfig,
  layerNormConfig,
  layerNormGradConfig,
  linearConfig,
  linearGradOutputConfig,
  linearGradWeightConfig,
  linearGradXConfig,
  toldOfRemoval(matrixProductConfig), // One is enough, and this name is our own.
  peakConfig,
  sumRowsConfig,
  swinBlockConfig,
  unsortedSegmentSumConfig,
  windowAttentionConfig,
  windowAttentionGradConfig,
];

for (const config of configs) {
  if (!tf.getKernel(config.kernelName, config.backendName)) {
    tf.registerKernel(config);
  }
}

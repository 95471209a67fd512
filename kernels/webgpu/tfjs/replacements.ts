/** The kernels of tfjs's webgpu backend that have a faster one here; see replacement.ts. */
import * as tf from '@tensorflow/tfjs-core';
import {replacements} from '../../replacement.js';
import {conv2DConfig, fusedConv2DConfig} from './conv2d.js';
import {conv2DBackpropFilterConfig} from './conv2d_backprop_filter.js';
import {conv2DBackpropInputConfig} from './conv2d_backprop_input.js';
import {transposeConfig} from './transpose.js';

export const {replace: replaceStockKernels, restore: restoreStockKernels} = replacements('webgpu', {
  [tf.Conv2D]: conv2DConfig,
  [tf.Conv2DBackpropFilter]: conv2DBackpropFilterConfig,
  [tf.Conv2DBackpropInput]: conv2DBackpropInputConfig,
  [tf.FusedConv2D]: fusedConv2DConfig,
  [tf.Transpose]: transposeConfig,
});

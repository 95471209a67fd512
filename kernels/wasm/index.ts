/**
 * Registers, for tfjs's wasm backend, the kernels it lacks to train: without them the gradients of conv2d,
 * depthwiseConv2d and gather fail there; and those of the library's own operations. A kernel that is registered already,
 * by a later tfjs or by the application, is left alone: replacing stock kernels is another matter (replacements).
 * Importing this file neither needs nor loads the backend's package.
 */
import {registerKernels} from '../registration.js';
import {registerOperations} from './operations/index.js';
import {toldOfRemoval} from './runtime/backend_removal.js';
import {peakConfig} from './runtime/peak.js';
import {conv2DBackpropFilterConfig} from './tfjs/conv2d_backprop_filter.js';
import {depthwiseConv2dNativeBackpropFilterConfig} from './tfjs/depthwise_conv2d_backprop_filter.js';
import {depthwiseConv2dNativeBackpropInputConfig} from './tfjs/depthwise_conv2d_backprop_input.js';
import {unsortedSegmentSumConfig} from './tfjs/unsorted_segment_sum.js';

const configs = [
  conv2DBackpropFilterConfig,
  depthwiseConv2dNativeBackpropFilterConfig,
  depthwiseConv2dNativeBackpropInputConfig,
  toldOfRemoval(peakConfig), // One is enough, and this name is our own.
  unsortedSegmentSumConfig,
];

registerKernels(configs);
registerOperations();

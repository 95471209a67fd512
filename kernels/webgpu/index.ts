/**
 * Registers, for tfjs's webgpu backend, the kernels of the library's own operations and the one that benchmarks take for
 * the peak. Importing this file neither needs nor
 * loads the backend's package.
 */
import * as tf from '@tensorflow/tfjs-core';
import {registerOperations} from './operations.js';
import {peakConfig} from './peak.js';

if (!tf.getKernel(peakConfig.kernelName, 'webgpu')) tf.registerKernel(peakConfig);
registerOperations();

/** The kernels of tfjs's webgpu backend that have a faster or a safer one here; see replacement.ts. */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import {replacements} from '../../replacement.js';
import {conv2D} from './conv2d.js';
import {conv2DBackpropFilter} from './conv2d_backprop_filter.js';
import {conv2DBackpropInput} from './conv2d_backprop_input.js';
import {transpose} from './transpose.js';
import {batchMatMul, fusedMatMul, mean, sum} from './without_terms.js';

export const {replace: replaceStockKernels, restore: restoreStockKernels} = replacements<WebGPUBackend>(
  'webgpu',
  {
    [tf._FusedMatMul]: fusedMatMul,
    [tf.BatchMatMul]: batchMatMul,
    [tf.Conv2D]: conv2D,
    [tf.Conv2DBackpropFilter]: conv2DBackpropFilter,
    [tf.Conv2DBackpropInput]: conv2DBackpropInput,
    [tf.FusedConv2D]: conv2D,
    [tf.Mean]: mean,
    [tf.Sum]: sum,
    [tf.Transpose]: transpose,
  },
);

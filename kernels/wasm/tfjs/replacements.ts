/** The kernels of tfjs's wasm backend that have a faster one here; see replacement.ts. */
import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {replacements} from '../../replacement.js';
import {batchMatMul, fusedMatMul} from './batch_mat_mul.js';
import {conv2D} from './conv2d.js';
import {conv2DBackpropInput} from './conv2d_backprop_input.js';
import {identity} from './identity.js';
import {maxPoolGrad} from './max_pool_grad.js';
import {slice, splitV} from './slice.js';
import {mean, sum} from './sum.js';
import {transpose} from './transpose.js';

export const {replace: replaceStockKernels, restore: restoreStockKernels} = replacements<BackendWasm>(
  'wasm',
  {
    [tf._FusedMatMul]: fusedMatMul,
    [tf.BatchMatMul]: batchMatMul,
    [tf.Conv2D]: conv2D,
    [tf.Conv2DBackpropInput]: conv2DBackpropInput,
    [tf.FusedConv2D]: conv2D,
    [tf.Identity]: identity,
    [tf.MaxPoolGrad]: maxPoolGrad,
    [tf.Mean]: mean,
    [tf.Slice]: slice,
    [tf.SplitV]: splitV,
    [tf.Sum]: sum,
    [tf.Transpose]: transpose,
  },
);

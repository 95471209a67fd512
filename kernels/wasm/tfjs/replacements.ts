/** The kernels of tfjs's wasm backend that have a faster one here; see replacement.ts. */
import * as tf from '@tensorflow/tfjs-core';
import {replacements} from '../../replacement.js';
import {batchMatMulConfig, fusedMatMulConfig} from './batch_mat_mul.js';
import {conv2DConfig, fusedConv2DConfig} from './conv2d.js';
import {conv2DBackpropInputConfig} from './conv2d_backprop_input.js';
import {identityConfig} from './identity.js';
import {sliceConfig, splitVConfig} from './slice.js';
import {meanConfig, sumConfig} from './sum.js';
import {transposeConfig} from './transpose.js';

export const {replace: replaceStockKernels, restore: restoreStockKernels} = replacements('wasm', {
  [tf._FusedMatMul]: fusedMatMulConfig,
  [tf.BatchMatMul]: batchMatMulConfig,
  [tf.Conv2D]: conv2DConfig,
  [tf.Conv2DBackpropInput]: conv2DBackpropInputConfig,
  [tf.FusedConv2D]: fusedConv2DConfig,
  [tf.Identity]: identityConfig,
  [tf.Mean]: meanConfig,
  [tf.Slice]: sliceConfig,
  [tf.SplitV]: splitVConfig,
  [tf.Sum]: sumConfig,
  [tf.Transpose]: transposeConfig,
});

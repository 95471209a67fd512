/** The kernels of tfjs-node that have a faster or a safer one here; see replacement.ts. */
import * as tf from '@tensorflow/tfjs-core';
import {replacements} from '../../replacement.js';
import type {NativeBackend} from '../runtime/native.js';
import {batchMatMul} from './batch_mat_mul.js';
import {conv2D} from './conv2d.js';
import {step} from './step.js';
import {cast, reshape} from './unchanged.js';

export const {replace: replaceStockKernels, restore: restoreStockKernels} = replacements<NativeBackend>(
  'tensorflow',
  {
    [tf.BatchMatMul]: batchMatMul,
    [tf.Cast]: cast,
    [tf.Conv2D]: conv2D,
    [tf.FusedConv2D]: conv2D,
    [tf.Reshape]: reshape,
    [tf.Step]: step,
  },
);

/**
 * patchMerge: the four cells of every 2x2 square side by side in the channels.
 *
 *   y[b, i, j] = (x[b, 2i, 2j], x[b, 2i+1, 2j], x[b, 2i, 2j+1], x[b, 2i+1, 2j+1])
 *
 *   x  [B, H, W, C]
 *   y  [B, ceil(H/2), ceil(W/2), 4C]
 *
 * An odd H or W is padded with zeros at the bottom or right. The order (h0w0, h1w0, h0w1, h1w1) is that of the
 * published checkpoints. Gradient: the cells of dy go back to where they came from.
 *
 * Source: Liu et al. 2021, "Swin Transformer", section 3.1; microsoft/Swin-Transformer, PatchMerging.
 */
import type * as tf from '@tensorflow/tfjs-core';
import {checkTensors, type InputShapes} from '../common/operation_inputs.js';
import {requireShape} from '../common/shapes.js';

export interface PatchMergeInputs {
  x: tf.Tensor4D;
}

const INPUTS = {required: {x: '[B, H, W, C]'}, optional: {}} satisfies InputShapes<PatchMergeInputs>;

/** Throws ShapeError for an input that is no map of cells, ConfigError for one that is no float32 tensor. */
export function checkPatchMerge(inputs: PatchMergeInputs): void {
  checkTensors('patchMerge', inputs, INPUTS);
  requireShape('patchMerge', 'x', inputs.x, [null, null, null, null], '[B, H, W, C]');
}

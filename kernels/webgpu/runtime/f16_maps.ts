/**
 * Tensors that hold a map as 16-bit floats (wgsl/row_storage.ts). To tfjs such a tensor is int32 of half as many numbers in
 * its last axis; only shaders of this library read it.
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {output} from './program.js';

/** A new tensor on the GPU for a map of this shape. */
export function mapOutput(backend: WebGPUBackend, shape: number[], f16: boolean): tf.TensorInfo {
  if (!f16) return output(backend, shape);
  return output(backend, [...shape.slice(0, -1), shape[shape.length - 1] / 2], 'int32');
}

/** Whether a tensor holds 16-bit floats. */
export const isF16 = (tensor: tf.TensorInfo | undefined): boolean => tensor?.dtype === 'int32';

/** The shape of the map that a tensor holds. */
export function mapShape(tensor: tf.TensorInfo): number[] {
  const {shape} = tensor;
  return isF16(tensor) ? [...shape.slice(0, -1), 2 * shape[shape.length - 1]] : shape;
}

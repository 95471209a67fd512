/**
 * Maps in memory as 16-bit floats: half the bytes; sums and everything in registers stay float32.
 *
 *   four numbers lie in a vec2u, as pack2x16float makes them: 1 sign, 5 exponent and 10 fraction bits, |v| <= 65504
 *
 * Every device has these two functions; no feature is needed. To tfjs such a tensor is int32 of half as many numbers in
 * its last axis; its numbers are read by shaders of this folder alone.
 *
 * Kept so are what lies between the products of a block and what is kept for its gradient. Maps between blocks stay float32,
 * and so do gradients: many are below the smallest 16-bit float.
 *
 * Source: Micikevicius et al. 2018, "Mixed Precision Training".
 */
import type {WebGPUBackend} from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import {output} from './program.js';

/** A new tensor on the GPU for a map of this shape. */
export function mapOutput(backend: WebGPUBackend, shape: number[], half: boolean): tf.TensorInfo {
  if (!half) return output(backend, shape);
  return output(backend, [...shape.slice(0, -1), shape[shape.length - 1] / 2], 'int32');
}

export const isHalf = (tensor: tf.TensorInfo | undefined): boolean => tensor?.dtype === 'int32';

/** The shape of the map that a tensor holds. */
export function mapShape(tensor: tf.TensorInfo): number[] {
  const {shape} = tensor;
  return isHalf(tensor) ? [...shape.slice(0, -1), 2 * shape[shape.length - 1]] : shape;
}

/** WGSL: four numbers to and from memory. */
export const HALF = `
fn fromHalf(v: vec2u) -> vec4f { return vec4f(unpack2x16float(v.x), unpack2x16float(v.y)); }
fn toHalf(v: vec4f) -> vec2u { return vec2u(pack2x16float(v.xy), pack2x16float(v.zw)); }`;

/** WGSL expression: vector \`at\` of the buffer \`name\`. */
export const vectorAt = (name: string, at: string, half: boolean | undefined) =>
  half ? `fromHalf(${name}[${at}])` : `${name}[${at}]`;

/** WGSL expression: what is stored of the vector \`value\`. */
export const packed = (value: string, half: boolean | undefined) => (half ? `toHalf(${value})` : value);

/** Shapes as text, and checks of them: one clear error naming the operation, the rule and what came. */
import type * as tf from '@tensorflow/tfjs-core';
import {ShapeError} from './errors.js';

/** A shape in messages: `[*, 3, 32, 32]` or `[B, C, 32, 32]`, a star where a size is unknown. */
export function showShape(shape: readonly (number | string | null | undefined)[]): string {
  return `[${shape.map((size) => size ?? '*').join(', ')}]`;
}

/** Throws ShapeError unless the tensor has the given shape; null stands for any size, '...' is not supported. */
export function requireShape(
  operation: string,
  name: string,
  tensor: tf.Tensor,
  expected: readonly (number | null)[],
  meaning: string,
): void {
  const fits =
    tensor.rank === expected.length &&
    expected.every((size, axis) => size === null || size === tensor.shape[axis]);
  if (fits) return;
  throw new ShapeError(
    `${operation}: ${name} must have shape ${showShape(expected)} (${meaning}); got ${showShape(tensor.shape)}.`,
  );
}

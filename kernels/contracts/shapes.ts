/** Shape checks shared by the contracts: one clear error naming the operation, the rule and what came. */
import type * as tf from '@tensorflow/tfjs-core';
import {ShapeError} from '../errors.js';

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
  const wanted = expected.map((size) => size ?? '*').join(', ');
  throw new ShapeError(
    `${operation}: ${name} must have shape [${wanted}] (${meaning}); got [${tensor.shape.join(', ')}].`,
  );
}

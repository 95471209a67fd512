/** Named inputs without those that were not given: tfjs takes absent names, not undefined ones. */
import type * as tf from '@tensorflow/tfjs-core';

export function present(inputs: object): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined));
}

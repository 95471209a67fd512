/** What is compared in every section: this library on one thread and on all, and tfjs's own kernels. */
import * as tf from '@tensorflow/tfjs';
import {type BackendName, setupBackend} from 'tfjs-swint';
import type {Alternative} from './measure.js';

export type Names = 'one' | 'all' | 'stock';

/** A run whose result is read and thrown away. */
export function reading(compute: () => tf.Tensor | tf.Tensor[]): Alternative['run'] {
  return async () => {
    const result = tf.tidy(compute);
    await (Array.isArray(result) ? result[0] : result).data();
    tf.dispose(result);
    return undefined;
  };
}

/**
 * The alternatives for a computation.
 *
 * @param ours computed with this library's kernels, on one thread and, on wasm, on all.
 * @param stock computed with tfjs's kernels; left out where there is nothing to compare with.
 */
export function alternatives(
  backend: BackendName,
  ours: () => tf.Tensor | tf.Tensor[],
  stock?: () => tf.Tensor | tf.Tensor[],
): Partial<Record<Names, Alternative>> {
  const on = (options: object, compute: () => tf.Tensor | tf.Tensor[]): Alternative => ({
    prepare: () => setupBackend(backend, options),
    run: reading(compute),
  });
  return {
    one: on(backend === 'wasm' ? {threads: 1} : {}, ours),
    ...(backend === 'wasm' ? {all: on({}, ours)} : {}),
    ...(stock ? {stock: on({kernels: 'tfjs'}, stock)} : {}),
  };
}

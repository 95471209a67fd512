/** What is compared in every section: this library on one thread and on all, and tfjs's own kernels. */
import * as tf from '@tensorflow/tfjs';
import {type BackendName, setupBackend} from 'tfjs-swint';
import type {Alternative} from './measure.js';

export type Names = 'one' | 'all' | 'stock';

/** `inner` runs in a row, of which the last result is read; the time of one. */
export function reading(compute: () => tf.Tensor | tf.Tensor[], inner = 1): Alternative['run'] {
  return async () => {
    const start = performance.now();
    for (let i = 1; i < inner; i++) tf.dispose(tf.tidy(compute));
    const result = tf.tidy(compute);
    await (Array.isArray(result) ? result[0] : result).data();
    const time = (performance.now() - start) / inner;
    tf.dispose(result);
    return time;
  };
}

/**
 * The alternatives for a computation.
 *
 * @param ours computed with this library's kernels, on one thread and, on wasm, on all.
 * @param stock computed with tfjs's kernels; left out where there is nothing to compare with.
 * @param inner runs in a row that are timed together.
 */
export function alternatives(
  backend: BackendName,
  ours: () => tf.Tensor | tf.Tensor[],
  stock?: () => tf.Tensor | tf.Tensor[],
  inner = 1,
): Partial<Record<Names, Alternative>> {
  const on = (options: object, compute: () => tf.Tensor | tf.Tensor[]): Alternative => ({
    prepare: () => setupBackend(backend, options),
    run: reading(compute, inner),
  });
  return {
    one: on(backend === 'wasm' ? {threads: 1} : {}, ours),
    ...(backend === 'wasm' ? {all: on({}, ours)} : {}),
    ...(stock ? {stock: on({kernels: 'tfjs'}, stock)} : {}),
  };
}

/** The end of everything that computes here: tensors, models, backends, kernels, worker threads. */
import * as tf from '@tensorflow/tfjs-core';
import {workersEnded} from '../../kernels/wasm/runtime/worker_pool.js';

/**
 * Frees everything that tfjs and this library hold in this thread: all tensors and variables, and with them all models and
 * optimizers, whoever made them; every backend that was started, with its heap or its GPU device; what kernels keep beside
 * them; and the worker threads. For the end of a page's component, of a test, or of a script.
 *
 *     await disposeEverything();          // no tensor, no backend, no worker
 *     await setupBackend();               // and on with new models
 *
 * Settings stay: tfjs's flags, registered layers and backends. To free less: `model.dispose()` frees a model,
 * `tf.dispose(tensors)` tensors, `freeKernelMemory()` what kernels keep between two calls.
 *
 * On tensorflow, tfjs's package gives the memory of tensors back as they are disposed only: dispose those of your own before.
 *
 * What is computed meanwhile fails, so let it end first. A tensor or model made before must not be used again.
 *
 * @returns when the threads have ended.
 */
export async function disposeEverything(): Promise<void> {
  const engine = tf.engine();
  // tfjs puts its flags back to where they were at the start.
  const flags = {...tf.env().getFlags()};
  engine.reset();
  tf.env().setFlags(flags);
  await workersEnded();
}

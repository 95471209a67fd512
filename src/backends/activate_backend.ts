/** Makes a registered backend the active one, or leaves everything as it was and says why. */

import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';

/**
 * Activates `name`, starting it if need be.
 *
 * tfjs reports a backend that does not start as `false`, prints the reason and stays on the failed backend; the reason
 * is caught here on its way, and the backend that was active is active again.
 *
 * @param check what the backend has to pass to stay active: throws where it does not.
 * @param failed rejects where the start will never settle.
 * @throws BackendError whose `cause` is what the backend threw while starting; or what `check` throws.
 */
export async function activateBackend(
  name: string,
  check: (backend: tf.KernelBackend) => void = () => undefined,
  failed?: Promise<never>,
): Promise<void> {
  const engine = tf.engine();
  const previous = engine.backendName;
  const registration = engine.registryFactory[name];
  if (!registration) {
    throw new BackendError(`${name}: a backend must be registered before it can be activated; it is not.`);
  }
  const {factory} = registration;
  let cause: unknown;
  registration.factory = () => {
    try {
      const made = factory();
      // Not awaited: a synchronous backend must stay synchronous.
      if (!(made instanceof Promise)) return made;
      const settled = failed ? Promise.race([made, failed]) : made;
      settled.catch((error) => {
        cause = error;
      });
      return settled;
    } catch (error) {
      cause = error;
      throw error;
    }
  };
  let started = false;
  let accepted = false;
  try {
    started = await tf.setBackend(name);
    if (started) {
      check(tf.backend());
      accepted = true;
    }
  } finally {
    registration.factory = factory;
    if (!accepted) {
      if (previous) {
        await tf.setBackend(previous);
      } else {
        // None was active: tfjs is to choose at the first operation, as it would have.
        engine.backendName = previous;
      }
    }
  }
  if (!started) {
    if (cause instanceof BackendError) throw cause;
    // Emscripten rejects with a plain object that has a message.
    const why =
      (cause as {message?: unknown} | undefined)?.message ?? cause ?? 'another backend was set meanwhile';
    throw new BackendError(`${name}: the backend must start; got "${String(why)}".`, {cause});
  }
}

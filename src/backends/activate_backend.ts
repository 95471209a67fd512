/** Makes a registered backend the active one once it has computed something, or leaves everything as it was and says why. */

import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';

/** Backends that have computed. */
const computed = new WeakSet<tf.KernelBackend>();

/** @throws BackendError where 1 + 1 is not 2 on the active backend. */
async function checkComputes(name: string): Promise<void> {
  const backend = tf.backend();
  if (computed.has(backend)) return;
  let got: unknown;
  let cause: unknown;
  try {
    const sum = tf.tidy(() => tf.add(tf.tensor1d([1]), 1));
    try {
      [got] = await sum.data();
    } finally {
      sum.dispose();
    }
  } catch (error) {
    if (error instanceof BackendError) throw error;
    cause = error;
    got = error instanceof Error ? error.message : error;
  }
  if (got !== 2) {
    throw new BackendError(`${name}: the backend must compute 1 + 1; got "${String(got)}" (reinstall it).`, {
      cause,
    });
  }
  computed.add(backend);
}

/** What tf.engine() keeps beyond its typings. */
interface Engine {
  backendName: string;
  backendInstance: tf.KernelBackend | null;
}

/** The backend that is active now, and a function that makes it active again. */
export function keepActive(): () => Promise<void> {
  const engine = tf.engine() as unknown as Engine;
  const previous = engine.backendName;
  return async () => {
    if (previous) {
      await tf.setBackend(previous);
    } else {
      // None was active: tfjs is to choose at the first operation, as it would have.
      engine.backendName = previous;
      engine.backendInstance = null;
    }
  };
}

/**
 * Activates `name`, starting it if need be.
 *
 * tfjs reports a backend that does not start as `false`, prints the reason and stays on the failed backend; the reason
 * is caught here on its way, and the backend that was active is active again.
 *
 * @param check what the backend has to pass to stay active: throws where it does not.
 * @param failed rejects where the start will never settle.
 * @throws BackendError whose `cause` is what the backend threw while starting or computing; or what `check` throws.
 */
export async function activateBackend(
  name: string,
  check: (backend: tf.KernelBackend) => void = () => undefined,
  failed?: Promise<never>,
): Promise<void> {
  const restore = keepActive();
  const registration = tf.engine().registryFactory[name];
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
      await checkComputes(name);
      accepted = true;
    }
  } finally {
    registration.factory = factory;
    if (!accepted) await restore();
  }
  if (!started) {
    if (cause instanceof BackendError) throw cause;
    // Emscripten rejects with a plain object that has a message.
    const why =
      (cause as {message?: unknown} | undefined)?.message ?? cause ?? 'another backend was set meanwhile';
    throw new BackendError(`${name}: the backend must start; got "${String(why)}".`, {cause});
  }
}

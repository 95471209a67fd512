/**
 * Whether tfjs-image-recognition-base computes with the same @tensorflow/tfjs-core as this library.
 *
 * Its version 0.6.2 asks for tfjs-core 1, and npm installs that beside version 4. Both copies share one engine through a
 * global variable, made by the one that is loaded first, and neither works with the engine of the other: loaded second,
 * version 1 fails at its first operation; loaded first, it makes version 4 fail. What is looked at is what only version 4
 * has: a method of the engine, and one of the platform, which the last copy that is loaded sets.
 */

import * as tf from '@tensorflow/tfjs-core';
import {BackendError} from '../errors.js';

const FIX =
  'add "overrides": {"tfjs-image-recognition-base": {"@tensorflow/tfjs-core": "$@tensorflow/tfjs-core"}} to package.json, ' +
  'with @tensorflow/tfjs-core among its dependencies, and install again';

/**
 * @param who named in the message.
 * @throws BackendError where an older tfjs-core is loaded beside ours.
 */
export function checkOneCore(who: string): void {
  const {platform, platformName} = tf.env();
  const ownPlatform = platformName === 'node' || platformName === 'browser';
  const engineIsOlder = !('makeTensorFromTensorInfo' in tf.engine());
  const platformIsOlder = ownPlatform && !('isTypedArray' in platform);
  if (!engineIsOlder && !platformIsOlder) return;
  throw new BackendError(
    `${who}: tfjs-image-recognition-base and this library must share one @tensorflow/tfjs-core; got an older one, ` +
      `loaded ${engineIsOlder ? 'before' : 'after'} ${tf.version_core}, and both use one engine (${FIX}).`,
  );
}

/**
 * The package calls operations as methods of tensors, which `@tensorflow/tfjs` adds to them.
 *
 * @throws BackendError where they are not there.
 */
export function checkChainedOperations(who: string): void {
  if ('toFloat' in tf.Tensor.prototype) return;
  throw new BackendError(
    `${who}: tensors must have operations as methods, which tfjs-image-recognition-base calls; got none ` +
      "(import '@tensorflow/tfjs' first).",
  );
}

checkOneCore('tfjs-swint/image-recognition');

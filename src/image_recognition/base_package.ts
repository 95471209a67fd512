/**
 * What this library uses of the package tfjs-image-recognition-base 0.6.2: the shapes of its classes, so that neither types
 * nor code of ours import it. A program that has it passes it in.
 */

import type * as tf from '@tensorflow/tfjs-core';
import type {NetInputLike} from '../data/image_list.js';
import {ConfigError} from '../errors.js';

/** A weight by its path in `params`, the names of objects with / between them. */
export interface NetParam {
  path: string;
  tensor: tf.Tensor;
}

/** The module tfjs-image-recognition-base, as `import * as base` gives it. */
export interface ImageRecognitionBase {
  NeuralNetwork: abstract new (name: string) => object;
  // biome-ignore lint/suspicious/noExplicitAny: the package's own TNetInput, whose classes are not imported here.
  toNetInput(input: any): Promise<NetInputLike>;
}

/** What the package's NeuralNetwork has that a subclass uses. */
export interface NeuralNetworkParts {
  getParamList(): NetParam[];
}

/** @throws ConfigError for what is not that module. */
export function checkBase(who: string, base: ImageRecognitionBase): void {
  const {NeuralNetwork, toNetInput} = (base ?? {}) as Partial<ImageRecognitionBase>;
  if (typeof NeuralNetwork === 'function' && typeof toNetInput === 'function') return;
  throw new ConfigError(
    `${who}: base must be the module tfjs-image-recognition-base; got ${base === null ? 'null' : `a value of type ${typeof base}`} ` +
      "without its NeuralNetwork and toNetInput (import * as base from 'tfjs-image-recognition-base').",
  );
}

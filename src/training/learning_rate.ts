/** The learning rate of an optimizer, of this library, of tfjs or another that has one. */
import type * as tf from '@tensorflow/tfjs-core';

interface Rated {
  learningRate?: unknown;
  setLearningRate?: (rate: number) => void;
}

/** Undefined where it cannot be known. */
export function rateOf(optimizer: tf.Optimizer | undefined): number | undefined {
  const rate = (optimizer as Rated | undefined)?.learningRate;
  return typeof rate === 'number' ? rate : undefined;
}

/** @returns whether the optimizer has a rate to set. */
export function setRate(optimizer: tf.Optimizer, rate: number): boolean {
  const target = optimizer as Rated;
  if (typeof target.setLearningRate === 'function') target.setLearningRate(rate);
  else if (typeof target.learningRate === 'number') target.learningRate = rate;
  else return false;
  return true;
}

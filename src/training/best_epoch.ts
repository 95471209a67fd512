/**
 * Early stopping: which epoch was the best on the test set, how long ago that was, and its weights.
 *
 * An epoch is better than those before when its accuracy is higher, by any amount. Weights are kept as plain numbers, so
 * that no tensor, and no memory of a GPU, is held from epoch to epoch.
 *
 * Source: Goodfellow, Bengio, Courville 2016, "Deep Learning", section 7.8, algorithm 7.1.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {Evaluation} from './evaluate.js';

/** The weights of a model, trainable or not, at one moment. */
type WeightCopy = {weight: tfl.LayerVariable; values: tf.TypedArray}[];

async function copyWeights(model: tfl.LayersModel): Promise<WeightCopy> {
  const copy: WeightCopy = [];
  // One after the other: read at once, they would all be in memory twice.
  for (const weight of model.weights) {
    const values = (await weight.read().data()) as tf.TypedArray;
    // A copy: data() may hand out the array that the backend keeps.
    copy.push({weight, values: values.slice()});
  }
  return copy;
}

function restoreWeights(copy: WeightCopy): void {
  for (const {weight, values} of copy) {
    const tensor = tf.tensor(values, weight.shape as number[], weight.dtype);
    weight.write(tensor);
    tensor.dispose();
  }
}

export class BestEpoch {
  /** The best epoch so far, from 1, and its evaluation; null before the first. */
  epoch: number | null = null;
  evaluation: Evaluation | null = null;
  private copy: WeightCopy = [];

  /** @param keepsWeights whether the weights of the best epoch are copied, which takes as much memory as they do. */
  constructor(
    private readonly model: tfl.LayersModel,
    private readonly keepsWeights: boolean,
  ) {}

  /** Takes note of an evaluation that was made with the weights that the model has now. */
  async tested(epoch: number, evaluation: Evaluation): Promise<void> {
    if (this.evaluation !== null && evaluation.accuracy <= this.evaluation.accuracy) return;
    this.epoch = epoch;
    this.evaluation = evaluation;
    if (this.keepsWeights) this.copy = await copyWeights(this.model);
  }

  /**
   * Puts the weights of the best epoch back into the model.
   *
   * @param last the last epoch that took a step.
   * @returns the best epoch, or null where nothing was put back: none was evaluated, it was the last, or they are not kept.
   */
  putBack(last: number): number | null {
    if (!this.keepsWeights || this.epoch === null || this.epoch === last) return null;
    restoreWeights(this.copy);
    return this.epoch;
  }
}

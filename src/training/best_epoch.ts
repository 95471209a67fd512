/**
 * Early stopping: which epoch was the best on the test set, how long ago that was, and its weights.
 *
 * An epoch is better than those before when its accuracy is higher, by any amount. Weights are kept as plain numbers, so
 * that no tensor, and no memory of a GPU, is held from epoch to epoch.
 *
 * Source: Goodfellow, Bengio, Courville 2016, "Deep Learning", section 7.8, algorithm 7.1.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {copyWeights, type Resumable, restoreWeights, type SavedWeights} from './checkpoint_state.js';
import type {Evaluation} from './evaluate.js';

/** What a checkpoint holds of it. */
type BestState = Pick<BestEpoch, 'epoch' | 'evaluation'> & {copy: SavedWeights};

export class BestEpoch implements Resumable {
  /** The best epoch so far, from 1, and its evaluation; null before the first. */
  epoch: number | null = null;
  evaluation: Evaluation | null = null;
  private copy: SavedWeights = [];

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
    restoreWeights(this.model, this.copy);
    return this.epoch;
  }

  getState(): BestState {
    const {epoch, evaluation, copy} = this;
    return {epoch, evaluation, copy};
  }

  setState({epoch, evaluation, copy}: BestState): void {
    Object.assign(this, {epoch, evaluation, copy});
  }
}

/**
 * The last weights of a network that are known to be good, for a training whose loss becomes NaN: weights are good when all
 * are finite and a step taken with them had a finite loss. Kept as plain numbers, so that no tensor, and no memory of a GPU,
 * is held from step to step.
 */
import type * as tfl from '@tensorflow/tfjs-layers';
import {copyWeights, restoreWeights, type SavedWeights} from './checkpoint_state.js';

/** The places of the weights that have a number which is not finite. */
const notFinite = (weights: SavedWeights): number[] =>
  [...weights.keys()].filter((i) => weights[i].some((value) => !Number.isFinite(value)));

/** Weights, and when the model had them, as in "of epoch 2, step 30". */
interface Moment {
  weights: SavedWeights;
  when: string;
}

export class GoodWeights {
  /** Finite, but no step has been taken with them yet. */
  private latest: Moment | null = null;
  private proven: Moment | null = null;
  /** Weights that are not finite from the beginning, as a mask that is -Infinity; null before the first copy. */
  private excepted: ReadonlySet<number> | null = null;

  constructor(private readonly model: tfl.LayersModel) {}

  /**
   * Copies the weights that the model has now. @returns them; or, where they are not kept because a weight is not finite, the
   * name of that.
   */
  async copy(when: string): Promise<SavedWeights | string> {
    const weights = await copyWeights(this.model);
    const bad = notFinite(weights);
    this.excepted ??= new Set(bad);
    const one = bad.find((index) => !this.excepted!.has(index));
    if (one !== undefined) return this.model.weights[one].originalName;
    this.latest = {weights, when};
    this.proven ??= this.latest;
    return weights;
  }

  /** Takes note that a step with the weights copied last had a finite loss, or that a test had. */
  stepDone(): void {
    if (this.latest) this.proven = this.latest;
    this.latest = null;
  }

  /** Puts the last good weights back into the model. @returns when it had them; null where there are none. */
  putBack(): string | null {
    if (this.proven === null) return null;
    restoreWeights(this.model, this.proven.weights);
    return this.proven.when;
  }

  /** Whether the weights copied last are not those that `putBack` takes, because no step was taken with them. */
  get latestIsUnproven(): boolean {
    return this.latest !== null && this.latest !== this.proven;
  }
}

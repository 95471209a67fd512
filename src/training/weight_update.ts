/**
 * From gradients to new weights: gradients of several batches become one update, which is clipped, taken by the optimizer,
 * brought back by the layers' constraints, and averaged.
 *
 *     g = sum_i n_i g_i / sum_i n_i        g_i the gradient of batch i, a mean over its n_i images
 *
 * so that k batches are one of all their images, but for layers that look at a whole batch, such as batch norm.
 */
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {sgdUpdate} from '../../kernels/index.js';
import type {Resumable} from './checkpoint_state.js';
import type {TrainingPlan} from './training_plan.js';
import {type NamedTensor, updatedTogether} from './variable_optimizer.js';

type Gradients = Record<string, tf.Tensor>;

export class WeightUpdate implements Resumable {
  /** The model's trainable variables, with the layer weights they belong to. */
  readonly variables: ReadonlyMap<tf.Variable, tfl.LayerVariable>;
  /** Part of the training that is done with the update in preparation, 0 to 1. */
  done = 0;
  private batches = 0;
  private images = 0;
  /** By variable the sum of n_i g_i; empty where an update has one batch. */
  private sums: Gradients = {};

  constructor(
    model: tfl.LayersModel,
    private readonly plan: TrainingPlan,
    private readonly clipNorm?: number,
  ) {
    // read() returns the variable itself, though its type says tensor; tfjs's own training loop relies on it too.
    this.variables = new Map(model.trainableWeights.map((weight) => [weight.read() as tf.Variable, weight]));
  }

  /** Whether the next batch is the first of an update. */
  get begins(): boolean {
    return this.batches === 0;
  }

  /** Takes the gradients of a batch, which the caller keeps, and updates the weights where the batches are all there. */
  take(gradients: tf.NamedTensorMap, images: number): void {
    if (this.plan.accumulateSteps === 1) {
      this.apply(gradients);
      return;
    }
    this.batches += 1;
    this.images += images;
    this.add(gradients, images);
    if (this.batches === this.plan.accumulateSteps) this.flush();
  }

  /** Updates the weights with the batches that are there, if any. */
  flush(): void {
    if (this.begins) return;
    const {sums, images} = this;
    tf.tidy(() => {
      const count = tf.scalar(images);
      const mean = Object.entries(sums).map(([name, sum]) => [name, tf.div(sum, count)] as const);
      this.apply(Object.fromEntries(mean));
    });
    this.dispose();
  }

  /** Forgets the batches that are there. */
  dispose(): void {
    tf.dispose(this.sums);
    this.sums = {};
    this.batches = 0;
    this.images = 0;
  }

  /** The sums of an update that is begun, each by the place of its variable. The caller disposes them. */
  async getWeights(): Promise<NamedTensor[]> {
    return [...this.variables.keys()].flatMap(({name}, place) =>
      this.sums[name] ? [{name: String(place), tensor: tf.clone(this.sums[name])}] : [],
    );
  }

  async setWeights(weights: NamedTensor[]): Promise<void> {
    this.dispose();
    const variables = [...this.variables.keys()];
    for (const {name, tensor} of weights) this.sums[variables[Number(name)].name] = tf.clone(tensor);
  }

  getState(): {batches: number; images: number} {
    const {batches, images} = this;
    return {batches, images};
  }

  /** After setWeights. */
  setState({batches, images}: {batches: number; images: number}): void {
    this.batches = batches;
    this.images = images;
  }

  private add(gradients: Gradients, images: number): void {
    const {sums} = this;
    const named = Object.entries(gradients).map(([name, value]) => ({name, value}));
    for (const some of updatedTogether(named)) {
      tf.tidy(() => {
        const variables = some.map(({name, value}) => ({
          value: sums[name] ?? tf.zerosLike(value),
          gradient: value,
        }));
        const attrs = {learningRate: -images, momentum: 0, nesterov: false, weightDecay: some.map(() => 0)};
        for (const [i, [sum]] of sgdUpdate(variables, attrs).entries()) {
          const {name} = some[i];
          sums[name]?.dispose();
          sums[name] = tf.keep(sum);
        }
      });
    }
  }

  private apply(gradients: Gradients): void {
    const {optimizer, average} = this.plan;
    tf.tidy(() => {
      optimizer.applyGradients(this.clipNorm === undefined ? gradients : clipped(gradients, this.clipNorm));
      for (const [variable, {constraint}] of this.variables) {
        if (constraint != null) variable.assign(constraint.apply(variable));
      }
    });
    average?.update(this.done);
  }
}

/** The gradients scaled so that the root of the sum of all their squares is at most `clipNorm`. */
function clipped(gradients: Gradients, clipNorm: number): Gradients {
  const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.addN(squares));
  const scale = tf.div(clipNorm, tf.maximum(norm, clipNorm));
  const scaled = Object.entries(gradients).map(
    ([name, gradient]) => [name, tf.mul(gradient, scale)] as const,
  );
  return Object.fromEntries(scaled);
}

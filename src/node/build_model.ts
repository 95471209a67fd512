/**
 * Builds a model from its topology and its weights, as `tf.loadLayersModel` does, with three differences: a topology that
 * asks for more weights than the file has is refused before memory is taken for them, nothing is drawn for weights that are
 * replaced anyway, and what a failure leaves half-built is disposed.
 */
import {AsyncLocalStorage} from 'node:async_hooks';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {CheckpointError} from '../errors.js';
import type {ModelDescription} from '../weights/model_json.js';

/** The weights of one load: how many elements are left to make, and those made. */
interface Build {
  left: number;
  made: tfl.LayerVariable[];
}

/** The load that a call belongs to: several may go on at the same time, beside models that are built by hand. */
const builds = new AsyncLocalStorage<Build>();

/** The part of a layer that makes its weights, which is protected. */
interface WeightMaker {
  fastWeightInitDuringBuild: boolean;
  addWeight(name: string, shape: tfl.Shape, ...rest: unknown[]): tfl.LayerVariable;
}

let watched = false;

/** Has every layer ask before it makes a weight. Layers outside of a load are not concerned. */
function watchWeights(): void {
  if (watched) return;
  watched = true;
  const layers = tfl.layers.Layer.prototype as unknown as WeightMaker;
  const {addWeight} = layers;
  layers.addWeight = function (this: WeightMaker, name, shape, ...rest) {
    const build = builds.getStore();
    if (!build) return addWeight.call(this, name, shape, ...rest);
    build.left -= shape.reduce<number>((product, extent) => product * (extent ?? Number.NaN), 1);
    if (!(build.left >= 0)) {
      throw new CheckpointError(`it asks for more weights than the file has, at ${name} [${shape}]`);
    }
    this.fastWeightInitDuringBuild = true;
    // The first values are lost where the weight cannot be made, for example for its name.
    tf.tidy(() => {
      build.made.push(addWeight.call(this, name, shape, ...rest));
    });
    return build.made.at(-1)!;
  };
}

/** @throws what tfjs or a layer throws for a topology that cannot be built, or weights that are not its own. */
export async function buildModel(
  {modelTopology, userDefinedMetadata, specs, elements}: ModelDescription,
  weightData: ArrayBuffer,
): Promise<tfl.LayersModel> {
  watchWeights();
  const build: Build = {left: elements, made: []};
  let weights: tf.NamedTensorMap = {};
  try {
    const model = await builds.run(build, () =>
      tfl.loadLayersModel(tf.io.fromMemory({modelTopology, userDefinedMetadata})),
    );
    weights = tf.io.decodeWeights(weightData, specs);
    const own = specs.filter(({group}) => group !== 'optimizer').map(({name}) => [name, weights[name]]);
    // In a damaged file a layer may stand where a constraint belongs: applied to a weight, it makes weights of its own.
    builds.run(build, () => tf.tidy(() => model.loadWeights(Object.fromEntries(own), true)));
    return model;
  } catch (error) {
    for (const weight of build.made) weight.dispose();
    throw error;
  } finally {
    tf.dispose(weights);
  }
}

/**
 * The names that tfjs-layers keeps: it numbers the weights and the outputs of layers, and keeps every name that it has given, for
 * as long as the process lives. What a name costs is measured by a control: layers of tfjs alone, with the names of our
 * models, made and disposed.
 */
import * as tf from '@tensorflow/tfjs';
import {collectGarbage} from './soak_samples.js';

/** The names that a model takes, as they were before tfjs numbered them. */
export function namesOf({weights, layers}: tf.LayersModel): string[] {
  const outputs = layers.map(({name}) => `${name}/${name}`);
  return [...weights.map(({originalName}) => originalName), ...outputs];
}

/** A layer with a weight of one number for each name. */
class NamedWeights extends tf.layers.Layer {
  static className = 'SoakNamedWeights';

  constructor(private readonly names: readonly string[]) {
    super({});
  }

  override build(): void {
    for (const name of this.names) this.addWeight(name, [1], 'float32', tf.initializers.zeros());
    this.built = true;
  }
}

/**
 * Bytes of the JavaScript heap that stay for a name.
 *
 * @param models The names of each model, which are given in turn, over and over.
 * @param count Names to give at least: as many as the run has given, since the table grows by doubling.
 */
export async function measureNameBytes(models: readonly string[][], count: number): Promise<number> {
  await tf.setBackend('cpu');
  const give = (names: readonly string[]) => {
    const layer = new NamedWeights(names);
    layer.build();
    for (const weight of layer.weights) weight.dispose();
    return names.length;
  };
  give(models[0]); // What is compiled or kept at the first use is no name.
  await collectGarbage();
  const before = process.memoryUsage().heapUsed;
  let given = 0;
  while (given < count) for (const names of models) given += give(names);
  await collectGarbage();
  return (process.memoryUsage().heapUsed - before) / given;
}

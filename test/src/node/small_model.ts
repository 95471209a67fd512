/** A model of 500 numbers for tests of saving, and what they do with it. */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';

export function smallModel(seed: number): tf.Sequential {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        name: 'convolution',
        filters: 4,
        kernelSize: 3,
        inputShape: [8, 8, 3],
        kernelInitializer: tf.initializers.glorotUniform({seed}),
      }),
      tf.layers.flatten(),
      tf.layers.dense({
        name: 'head',
        units: 5,
        kernelInitializer: tf.initializers.glorotUniform({seed: seed + 1}),
      }),
    ],
  });
}

export async function predict(model: tf.LayersModel): Promise<number[]> {
  const logits = tf.tidy(() => model.predict(tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 9)) as tf.Tensor);
  const values = [...(await logits.data())];
  logits.dispose();
  return values;
}

export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('should have been rejected'),
    (error) => error,
  );
}

export async function artifactsOf(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
    }),
  );
  return artifacts!;
}

/** Saves a model in memory and loads it again, as a file on disk would. */
import * as tf from '@tensorflow/tfjs';

export async function savedAndLoaded(model: tf.LayersModel): Promise<tf.LayersModel> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      // Through text, so that nothing but what a file holds survives.
      artifacts = {
        ...JSON.parse(JSON.stringify({...saved, weightData: undefined})),
        weightData: saved.weightData,
      };
      return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(artifacts as tf.io.ModelArtifacts));
}

/** Runs `run` with zeros for weights that would start from a truncated normal: those of large models cost seconds. */
export function withoutInitialWeights(run: () => void): void {
  const {prototype} = tf.initializers.truncatedNormal({}).constructor;
  const {apply} = prototype;
  prototype.apply = (shape: number[]) => tf.zeros(shape);
  try {
    run();
  } finally {
    prototype.apply = apply;
    tf.disposeVariables();
  }
}

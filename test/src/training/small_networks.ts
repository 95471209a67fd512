/** Small networks in which everything is random that can be, for tests of trainings that go on. */
import * as tf from '@tensorflow/tfjs';
import {batchNormalization, dropPath, swinT} from '../../../layers/index.js';

/** For `colourSquares`: a SwinT with every kind of dropping, batch norm with moving statistics. */
export function droppingModel(initialSeed: number, heads = 2): tf.LayersModel {
  const init = (seed: number) => tf.initializers.glorotUniform({seed: seed + initialSeed});
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{filters: 8, kernelSize: 3, padding: 'same', dataFormat: 'channelsFirst'},
        ...{inputShape: [3, 4, 4], kernelInitializer: init(1)},
      }),
      batchNormalization({axis: 1}),
      swinT({
        ...{numHeads: heads, windowSize: 2, dropout: 0.1, attentionDropout: 0.1, dropPath: 0.2, seed: 5},
        kernelInitializer: init(2),
      }),
      dropPath({rate: 0.2, seed: 6}),
      tf.layers.flatten(),
      tf.layers.dense({units: 3, kernelInitializer: init(3)}),
    ],
  });
}

/** For masks of three classes on maps of any size, channels last. */
export function droppingSegmenter(initialSeed: number): tf.LayersModel {
  const init = (seed: number) => tf.initializers.heNormal({seed: seed + initialSeed});
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [null, null, 3] as unknown as number[],
        ...{filters: 8, kernelSize: 1, activation: 'relu', kernelInitializer: init(1)},
      }),
      swinT({
        ...{numHeads: 2, windowSize: 4, dropPath: 0.2, dropout: 0.1, seed: 7, dataFormat: 'channelsLast'},
        kernelInitializer: init(2),
      }),
      tf.layers.conv2d({filters: 3, kernelSize: 1, kernelInitializer: init(3)}),
    ],
  });
}

/** All weights, as one list of arrays. */
export async function weightsOf(model: tf.LayersModel): Promise<Float32Array[]> {
  return Promise.all(
    model.weights.map(async (weight) => (await weight.read().data()).slice() as Float32Array),
  );
}

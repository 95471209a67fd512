/**
 * A convolution of an ordinary tfjs Sequential model replaced by a SwinT of the same shapes. Trains both on drawn
 * shapes and prints what they reach.
 *
 *   node examples/replace_a_convolution.js [steps]        default 300
 */
import * as tf from '@tensorflow/tfjs';
import {batches, batchNormalization, setupBackend, shapesSplit, swinT} from 'tfjs-swint';

const steps = Number(process.argv[2] ?? 300);
console.log(`backend: ${await setupBackend()}`);

function network(middle) {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        filters: 16,
        kernelSize: 3,
        strides: 2,
        activation: 'relu',
        padding: 'same',
        inputShape: [32, 32, 3],
      }),
      middle,
      batchNormalization({axis: -1, momentum: 0.9}),
      tf.layers.conv2d({filters: 64, kernelSize: 3, strides: 2, activation: 'relu', padding: 'same'}),
      batchNormalization({axis: -1, momentum: 0.9}),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({units: 10}),
    ],
  });
}

const models = {
  convolution: network(
    tf.layers.conv2d({filters: 32, kernelSize: 3, strides: 2, activation: 'relu', padding: 'same'}),
  ),
  // Same input, same output, same place: [16, 16, 16] to [8, 8, 32].
  swinT: network(swinT({filters: 32, strides: 2, numHeads: 2, windowSize: 4, dataFormat: 'channelsLast'})),
};

const {train, test} = shapesSplit({trainSize: 32 * steps, testSize: 200, seed: 1});
const loss = (target, logits) => tf.losses.softmaxCrossEntropy(target, logits);
// Bytes become numbers around zero: (byte / 255 - mean) / std.
const scaling = {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], dataFormat: 'channelsLast'};

for (const [name, model] of Object.entries(models)) {
  model.compile({optimizer: tf.train.adam(3e-3), loss});
  let last = 0;
  for await (const {images, labels} of batches(train, {batchSize: 32, shuffle: true, ...scaling})) {
    const target = tf.oneHot(labels, 10);
    last = await model.trainOnBatch(images, target);
    tf.dispose([images, labels, target]);
  }
  let right = 0;
  for await (const {images, labels} of batches(test, {batchSize: 100, ...scaling})) {
    const hits = tf.tidy(() =>
      tf.sum(tf.cast(tf.equal(tf.argMax(model.predict(images), 1), labels), 'int32')),
    );
    right += (await hits.data())[0];
    tf.dispose([images, labels, hits]);
  }
  console.log(
    `${name}: ${model.countParams()} parameters, last loss ${last.toFixed(3)}, test accuracy ${right / test.size}`,
  );
}

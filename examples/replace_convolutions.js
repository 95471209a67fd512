/**
 * The convolutions of a network replaced by Swin Transformer stages. Trains a small network of convolutions on drawn shapes,
 * replaces those that see features by SwinT layers that start at zero beside them, and trains on.
 *
 *   node examples/replace_convolutions.js [steps]        default 200, before and after
 */
import * as tf from '@tensorflow/tfjs';
import {batches, batchNormalization, replaceConv2D, setupBackend, shapesSplit} from 'tfjs-swint';

const steps = Number(process.argv[2] ?? 200);
console.log(`backend: ${await setupBackend()}`);

const convolution = (args) => tf.layers.conv2d({kernelSize: 3, strides: 2, padding: 'same', ...args});
const network = tf.sequential({
  layers: [
    convolution({name: 'conv1', filters: 16, activation: 'relu', inputShape: [32, 32, 3]}),
    convolution({name: 'conv2', filters: 32}),
    batchNormalization({axis: -1, momentum: 0.9}),
    tf.layers.reLU(),
    convolution({name: 'conv3', filters: 64, strides: 1, activation: 'relu'}),
    tf.layers.globalAveragePooling2d({}),
    tf.layers.dense({units: 10}),
  ],
});

const {train, test} = shapesSplit({trainSize: 32 * steps, testSize: 200, seed: 1});
// Bytes become numbers around zero: (byte / 255 - mean) / std.
const scaling = {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], dataFormat: 'channelsLast'};

async function learn(model, learningRate) {
  const loss = (target, logits) => tf.losses.softmaxCrossEntropy(target, logits);
  model.compile({optimizer: tf.train.adam(learningRate), loss});
  for await (const {images, labels} of batches(train, {batchSize: 32, shuffle: true, ...scaling})) {
    const target = tf.oneHot(labels, 10);
    await model.trainOnBatch(images, target);
    tf.dispose([images, labels, target]);
  }
}

async function accuracy(model) {
  let right = 0;
  for await (const {images, labels} of batches(test, {batchSize: 100, ...scaling})) {
    const hits = tf.tidy(() =>
      tf.sum(tf.cast(tf.equal(tf.argMax(model.predict(images), 1), labels), 'int32')),
    );
    right += (await hits.data())[0];
    tf.dispose([images, labels, hits]);
  }
  return right / test.size;
}

await learn(network, 3e-3);
console.log(`convolutions: test accuracy ${await accuracy(network)}`);

const {model, report} = replaceConv2D(network, {windowSize: 4, keepPath: 'full', seed: 1});
network.dispose();
console.log(report.text);
console.log(`at the start: test accuracy ${await accuracy(model)}`);

await learn(model, 1e-3);
console.log(`with SwinT: test accuracy ${await accuracy(model)}`);

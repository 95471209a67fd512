/**
 * A network of one's own from convolutions and the parts of a Swin stage: a small encoder and decoder that marks the
 * drawn shape in each image, pixel by pixel. Trains it, prints the overlap with the true masks, saves and reloads it.
 *
 *   node examples/custom_hybrid.js [steps] [folder to save to]        default 150, runs/custom_hybrid
 */
import * as tf from '@tensorflow/tfjs';
import {batches, drawnShapes, patchExpanding, setupBackend, swinT} from 'tfjs-swint';
import {loadModel, saveModel} from 'tfjs-swint/node';

const steps = Number(process.argv[2] ?? 150);
const folder = process.argv[3] ?? 'runs/custom_hybrid';
console.log(`backend: ${await setupBackend()}`);

const dataFormat = 'channelsLast';
const image = tf.input({shape: [32, 32, 3]});
const local = tf.layers
  .conv2d({filters: 16, kernelSize: 3, padding: 'same', activation: 'relu'})
  .apply(image);
const half = swinT({filters: 32, strides: 2, numHeads: 2, windowSize: 4, dataFormat}).apply(local);
const wide = swinT({numHeads: 4, windowSize: 8, variant: 'v2', dataFormat}).apply(half);
const full = patchExpanding({outChannels: 16, dataFormat}).apply(wide);
const joined = tf.layers.concatenate().apply([full, local]);
const logits = tf.layers.conv2d({filters: 1, kernelSize: 3, padding: 'same'}).apply(joined);
const model = tf.model({inputs: image, outputs: logits});

const shapes = drawnShapes({size: 16 * steps + 100, seed: 2});
const masksOf = (indices) =>
  tf.tidy(() =>
    tf.tensor4d(
      indices.flatMap((i) => [...shapes.mask(i)]),
      [indices.length, 32, 32, 1],
    ),
  );
// Bytes become numbers around zero: (byte / 255 - mean) / std.
const scaling = {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], dataFormat};
const optimizer = tf.train.adam(5e-3);
const overlap = {both: 0, either: 0};
let step = 0;

for await (const {images, labels, indices} of batches(shapes, {batchSize: 16, ...scaling})) {
  const masks = masksOf(indices);
  if (step++ < steps) {
    const cost = optimizer.minimize(
      () => tf.losses.sigmoidCrossEntropy(masks, model.apply(images, {training: true})),
      true,
    );
    if (step % 10 === 0) console.log(`step ${step}: loss ${(await cost.data())[0].toFixed(3)}`);
    cost.dispose();
  } else {
    // The images after the training steps are the test set.
    const [both, either] = tf.tidy(() => {
      const marked = tf.greater(model.predict(images), 0);
      const truth = tf.cast(masks, 'bool');
      return [tf.logicalAnd(marked, truth), tf.logicalOr(marked, truth)].map((x) =>
        tf.sum(tf.cast(x, 'int32')),
      );
    });
    overlap.both += (await both.data())[0];
    overlap.either += (await either.data())[0];
    tf.dispose([both, either]);
  }
  tf.dispose([images, labels, masks]);
}
console.log(`intersection over union on 100 test images: ${(overlap.both / overlap.either).toFixed(3)}`);

await saveModel(model, folder);
const again = await loadModel(folder);
const probe = tf.ones([1, 32, 32, 3]);
const difference = tf.max(tf.abs(tf.sub(model.predict(probe), again.predict(probe))));
console.log(`saved to ${folder}; reloaded, it differs by ${(await difference.data())[0]}`);

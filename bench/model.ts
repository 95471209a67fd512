/**
 * All of Swin-T at 224x224, batch 1, forward, against the sum of its parts, each called on its own: patches, the six pairs
 * of blocks, the mergings, norm and head. What is above the sum is the cost of holding them together.
 */
import * as tf from '@tensorflow/tfjs';
import {type BackendName, setupBackend, swinTiny} from 'tfjs-swint';
import {type Alternative, interleaved} from './measure.js';
import type {Report} from './report.js';

/** Synchronous: kernels of the CPU have computed when they return. */
const timed = (backend: BackendName, threads: number | undefined, compute: () => void): Alternative => ({
  prepare: () => setupBackend(backend, threads ? {threads} : {}),
  run: async () => {
    const start = performance.now();
    compute();
    return performance.now() - start;
  },
});

export async function benchModel(backend: BackendName, repeats: number, report: Report): Promise<void> {
  report.title('Swin-T, 224x224, batch 1, forward');
  const model = swinTiny({seed: 1, dropPath: 0});
  const image = tf.randomNormal([1, 3, 224, 224]);
  const inputs: {layer: tf.layers.Layer; x: tf.Tensor}[] = [];
  let x: tf.Tensor = image;
  for (const layer of model.layers.slice(1)) {
    inputs.push({layer, x});
    x = layer.apply(x) as tf.Tensor;
  }
  const whole = () => tf.dispose(model.predict(image));
  const parts = () => {
    for (const {layer, x} of inputs) tf.dispose(layer.apply(x) as tf.Tensor);
  };
  const times = await interleaved(
    {
      one: timed(backend, 1, whole),
      onePart: timed(backend, 1, parts),
      all: timed(backend, undefined, whole),
      allParts: timed(backend, undefined, parts),
    },
    repeats,
  );
  report.add({what: 'the model', times: {one: times.one, all: times.all}});
  report.add({what: 'the sum of its parts', times: {one: times.onePart, all: times.allParts}});
  const ratio = (a: 'one' | 'all', b: 'onePart' | 'allParts') =>
    (times[a].median / times[b].median).toFixed(3);
  console.log(
    `    model / parts   ${ratio('one', 'onePart')} on 1 thread, ${ratio('all', 'allParts')} on all`,
  );
  tf.dispose([image, x, ...inputs.map((one) => one.x)]);
  model.dispose();
}

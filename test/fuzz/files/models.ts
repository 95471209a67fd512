/** Damaged model.json files beside whole weights: a model, or a CheckpointError that leaves no tensor behind. */
import {readFileSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import {swinResNet, swinTransformer} from '../../../architectures/index.js';
import {CheckpointError} from '../../../src/errors.js';
import {loadModel} from '../../../src/node/load_model.js';
import {saveModel} from '../../../src/node/save_model.js';
import {damaged, damagedJson, pick} from '../../helpers/damage.js';
import {type FileFormat, ROOM} from './file_format.js';

function wholeModels(): tf.LayersModel[] {
  const dense = (name: string, units: number) => tf.layers.dense({name, units, activation: 'relu'});
  const input = tf.input({shape: [4]});
  const joined = tf.layers
    .concatenate()
    .apply([
      dense('a', 3).apply(input) as tf.SymbolicTensor,
      dense('b', 2).apply(input) as tf.SymbolicTensor,
    ]) as tf.SymbolicTensor;
  const swin = {imageSize: 8, patchSize: 2, embedDim: 8, depths: [2], numHeads: [2], windowSize: 2};
  return [
    tf.model({inputs: input, outputs: dense('c', 2).apply(joined) as tf.SymbolicTensor}),
    tf.sequential({
      layers: [tf.layers.conv2d({filters: 2, kernelSize: 3, inputShape: [8, 8, 3]}), dense('d', 2)],
    }),
    swinTransformer({...swin, numClasses: 3}),
    swinResNet({depth: 14, inputShape: [3, 16, 16], numClasses: 2}),
  ];
}

export const models: FileFormat = {
  name: 'model.json',
  // The weights of a SwinResNet of 14 layers, 0.6 MB, many times over.
  mostMemory: ROOM + 256 * 2 ** 20,
  async open() {
    await tf.setBackend('cpu');
    const root = await mkdtemp(join(tmpdir(), 'swint-fuzz-'));
    const corpus: {dir: string; json: Uint8Array}[] = [];
    for (const [i, model] of wholeModels().entries()) {
      for (const [k, options] of [{}, {quantize: 'uint8', shardBytes: 2 ** 19} as const].entries()) {
        const dir = join(root, `${i}-${k}`);
        await saveModel(model, dir, options);
        corpus.push({dir, json: new Uint8Array(readFileSync(join(dir, 'model.json')))});
      }
      model.dispose();
    }
    const texts = corpus.map(({json}) => json);
    let {numTensors} = tf.memory();
    return {
      async run(random) {
        const {dir, json} = random() < 0.9 ? pick(random, corpus.slice(0, 6)) : pick(random, corpus);
        const parsed = JSON.parse(new TextDecoder().decode(json));
        const other =
          random() < 0.8
            ? new TextEncoder().encode(JSON.stringify(damagedJson(random, parsed)))
            : damaged(random, json, texts);
        await writeFile(join(dir, 'model.json'), other);
        const size = other.length;
        try {
          await loadModel(dir);
          // Not model.dispose(): tfjs keeps the weights of layers that no output needs.
          tf.disposeVariables();
          numTensors = tf.memory().numTensors;
          return {read: true, size};
        } catch (error) {
          if (error instanceof CheckpointError) return {read: false, size};
          throw error;
        } finally {
          expect(tf.memory().numTensors, 'tensors').to.equal(numTensors);
        }
      },
      close: () => rm(root, {recursive: true, force: true}),
    };
  },
};

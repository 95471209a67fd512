/**
 * Networks of timm and transformers, from their weights alone: results, and gradients under their names. Gradients are
 * written as weights, so that what saveWeights makes of names and axes is compared too.
 */
import * as tf from '@tensorflow/tfjs';
import {expect} from 'chai';
import type {NdArray} from '../../../kernels/reference/array.js';
import {bytesSource} from '../../../src/weights/byte_source.js';
import {swinFromCheckpoint} from '../../../src/weights/from_checkpoint.js';
import {renamedCheckpoint} from '../../../src/weights/renaming.js';
import {openSafetensors, writeSafetensors} from '../../../src/weights/safetensors.js';
import {saveWeights} from '../../../src/weights/save_weights.js';
import {expectRelativeClose} from '../../helpers/compare.js';
import {goldenFiles, readGolden} from '../../helpers/golden.js';

interface Config {
  package: 'timm' | 'transformers';
  backbone?: boolean;
  options: Parameters<typeof swinFromCheckpoint>[1];
}

/** The tensors whose names begin with a prefix, without it. */
const under = (prefix: string, tensors: Record<string, NdArray>) =>
  Object.entries(tensors)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, {shape, data}]) => ({
      name: name.slice(prefix.length),
      shape,
      values: Float32Array.from(data),
    }));

const toTensor = ({shape, data}: NdArray) => tf.tensor(new Float32Array(data), [...shape]);

/** All tensors whose names begin with `name.` and a number, in that order. */
function numbered(name: string, tensors: Record<string, NdArray>): NdArray[] {
  const found: NdArray[] = [];
  for (let i = 0; tensors[`${name}.${i}`]; i++) found.push(tensors[`${name}.${i}`]);
  return found;
}

describe('networks of timm and transformers', () => {
  before(() => tf.setBackend('cpu'));

  for (const name of goldenFiles('', 'published')) {
    it(`${name}: results, and every gradient under its name`, async () => {
      const {tensors, config} = readGolden(name, 'published');
      const {options, package: from} = config as unknown as Config;
      const {model, report} = await swinFromCheckpoint(writeSafetensors(under('state.', tensors)), options);
      expect([report.missing, report.resized, report.unexpected]).to.deep.equal([[], [], []]);
      const cotangents = numbered('cotangent', tensors).map(toTensor);
      const image = toTensor(tensors.input);
      const results = [model.predict(image)].flat() as tf.Tensor[];
      for (const [i, expected] of numbered('output', tensors).entries()) {
        expect(results[i].shape).to.deep.equal([...expected.shape]);
        expectRelativeClose(`output ${i}`, await results[i].data(), expected.data, 1e-5);
      }
      const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
      const loss = () => {
        const outputs = [model.apply(image)].flat() as tf.Tensor[];
        return tf.addN(outputs.map((y, i) => tf.sum(tf.mul(y, cotangents[i])))) as tf.Scalar;
      };
      const {grads} = tf.variableGrads(loss, variables);
      const [imageGradient] = tf.grads((x) =>
        tf.addN(([model.apply(x)].flat() as tf.Tensor[]).map((y, i) => tf.sum(tf.mul(y, cotangents[i])))),
      )([image]);
      expectRelativeClose(
        'gradient of the image',
        await imageGradient.data(),
        tensors['grad.input'].data,
        1e-4,
      );
      for (const weight of model.trainableWeights) weight.write(grads[(weight.read() as tf.Variable).name]);
      const layout = from === 'timm' ? 'timm' : 'huggingface';
      const saved = openSafetensors(bytesSource(await saveWeights(model, {layout})));
      const gradients = under('grad.', tensors).filter(({name}) => name !== 'input');
      const theirs = renamedCheckpoint(openSafetensors(bytesSource(writeSafetensors(gradients))));
      for (const [name, {shape}] of theirs.tensors) {
        expect(saved.tensors.get(name)?.shape, name).to.deep.equal(shape);
        // What all keys have in common changes no attention: of their bias there is rounding only.
        if (/key\.bias$/.test(name)) expect(Math.max(...saved.values(name).map(Math.abs))).to.be.below(1e-4);
        else expectRelativeClose(name, saved.values(name), theirs.values(name), 1e-4);
      }
    });
  }
});

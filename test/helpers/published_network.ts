/**
 * A network made of another project's checkpoint, beside what that project computed: results, the gradient of the image, and
 * the gradient of every weight under its name. Gradients are written as weights, so that what saveWeights makes of names and
 * axes is compared too.
 */
import * as tf from '@tensorflow/tfjs';
import type {NdArray} from '../../kernels/reference/array.js';
import {bytesSource} from '../../src/weights/byte_source.js';
import type {LoadedSwin} from '../../src/weights/from_checkpoint.js';
import {renamedCheckpoint} from '../../src/weights/renaming.js';
import {openSafetensors, writeSafetensors} from '../../src/weights/safetensors.js';
import {saveWeights} from '../../src/weights/save_weights.js';
import {valuesUnder} from './golden.js';

/** Ours and theirs of one tensor; `actual` is null where we have none of that name and shape. */
export interface Compared {
  name: string;
  actual: ArrayLike<number> | null;
  expected: ArrayLike<number>;
}

const toTensor = ({shape, data}: NdArray) => tf.tensor(new Float32Array(data), [...shape]);

/** All tensors whose names begin with `name.` and a number, in that order. */
function numbered(name: string, tensors: Record<string, NdArray>): NdArray[] {
  const found: NdArray[] = [];
  for (let i = 0; tensors[`${name}.${i}`]; i++) found.push(tensors[`${name}.${i}`]);
  return found;
}

const sameShape = (a: readonly number[] | undefined, b: readonly number[]) =>
  a?.length === b.length && a.every((size, axis) => size === b[axis]);

/**
 * @param tensors `input`, `output.<i>`, `cotangent.<i>`, `grad.input` and `grad.<name>`, of the sum of outputs times
 *   cotangents. The weights of the model are its gradients afterwards.
 */
export async function compareNetwork(
  {model, report}: LoadedSwin,
  tensors: Record<string, NdArray>,
): Promise<Compared[]> {
  const all: Compared[] = [];
  const cotangents = numbered('cotangent', tensors).map(toTensor);
  const image = toTensor(tensors.input);
  const results = [model.predict(image)].flat() as tf.Tensor[];
  for (const [i, {shape, data}] of numbered('output', tensors).entries()) {
    const actual = sameShape(results[i]?.shape, shape) ? await results[i].data() : null;
    all.push({name: `output ${i}`, actual, expected: data});
  }
  const lossOf = (x: tf.Tensor) => {
    const outputs = [model.apply(x)].flat() as tf.Tensor[];
    return tf.addN(outputs.map((y, i) => tf.sum(tf.mul(y, cotangents[i])))) as tf.Scalar;
  };
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const {grads} = tf.variableGrads(() => lossOf(image), variables);
  const [imageGradient] = tf.grads((x) => lossOf(x))([image]);
  const gradient = {actual: await imageGradient.data(), expected: tensors['grad.input'].data};
  all.push({name: 'gradient of the image', ...gradient});
  for (const weight of model.trainableWeights) weight.write(grads[(weight.read() as tf.Variable).name]);
  const saved = openSafetensors(bytesSource(await saveWeights(model, {layout: report.layout})));
  const gradients = valuesUnder('grad.', tensors).filter(({name}) => name !== 'input');
  const theirs = renamedCheckpoint(openSafetensors(bytesSource(writeSafetensors(gradients))));
  for (const [name, {shape}] of theirs.tensors) {
    const actual = sameShape(saved.tensors.get(name)?.shape, shape) ? saved.values(name) : null;
    all.push({name, actual, expected: theirs.values(name)});
  }
  tf.dispose([image, imageGradient, ...cotangents, ...results, ...Object.values(grads)]);
  return all;
}

/** What all keys have in common changes no attention: the gradient of their bias is rounding only. */
export const isKeyBias = (name: string): boolean => /key\.bias$/.test(name);

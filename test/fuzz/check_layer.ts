/**
 * Runs a case of a layer on the current backend and compares what it makes of the input, the gradients of the input and of
 * every weight, and the weights that it moves itself with the float64 reference.
 *
 * An error counts relative to the norm of the whole, or to 1 where that is larger. Where large terms cancel (a norm over two
 * nearly equal channels, the gradient of a softmax that has chosen), no float32 program stays within the bounds: there the
 * error may be a few times that of the composed version in tfjs's plain JavaScript, unless that is wrong as well, or of what
 * a change of the input and the weights by half a bit does to the reference.
 */
import * as tf from '@tensorflow/tfjs';
import {type NdArray, ndArray} from '../../kernels/reference/array.js';
import {setThreads} from '../../kernels/wasm/runtime/worker_pool.js';
import {expectRelativeClose} from '../helpers/compare.js';
import {Draw} from './draw.js';
import type {FuzzBackend} from './fuzz_case.js';
import type {LayerCase, NamedArrays} from './layer_case.js';

/** Largest relative error of the result, and of a gradient. */
const TOLERANCES = {wasm: {y: 1e-5, gradient: 1e-5}, webgpu: {y: 1e-5, gradient: 1e-4}};

/** How many times those an error may be where terms cancel. */
const FEW_TIMES = 20;

/** From this error on the composed version is wrong too and no measure. */
const WRONG = 2e-2;

const toTensor = ({shape, data}: NdArray) => tf.tensor(Float32Array.from(data), [...shape]);

async function toArray(tensor: tf.Tensor): Promise<NdArray> {
  return ndArray(tensor.shape, await tensor.data());
}

/** The arrays that a layer made: y of both ways to call it, dx, and by name the weights' gradients and moved weights. */
export async function resultsOf(one: LayerCase, dy: NdArray): Promise<NamedArrays> {
  const layer = one.create();
  const x = tf.tidy(() => tf.variable(toTensor(one.x)));
  const cotangent = toTensor(dy);
  const made: Record<string, tf.Tensor> = {};
  try {
    layer.build([...one.x.shape]);
    for (const [i, array] of Object.values(one.weights).entries()) {
      const value = toTensor(array);
      layer.weights[i].write(value);
      value.dispose();
    }
    const trained = Object.keys(one.weights).filter((_, i) => layer.weights[i].trainable);
    const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const run = () => {
      made.y = tf.keep(layer.apply(x, {training: one.training}) as tf.Tensor);
      return tf.sum(tf.mul(made.y, cotangent)) as tf.Scalar;
    };
    const {value, grads} = tf.variableGrads(run, [x, ...variables]);
    value.dispose();
    made.dx = grads[x.name];
    for (const [i, name] of trained.entries()) made[`d ${name}`] = grads[variables[i].name];
    for (const [i, name] of Object.keys(one.weights).entries()) {
      if (!layer.weights[i].trainable) made[`moved ${name}`] = tf.clone(layer.weights[i].read());
    }
    // Without gradients other kernels may run. In training it would draw other random numbers, and move weights again.
    if (!one.training) made['y without gradients'] = layer.apply(x) as tf.Tensor;
    const arrays: NamedArrays = {};
    for (const [name, tensor] of Object.entries(made)) arrays[name] = await toArray(tensor);
    return arrays;
  } finally {
    tf.dispose([made, x, cotangent]);
    for (const weight of layer.weights) weight.dispose();
  }
}

/** The factors of drop-path that the pass will draw. */
export async function scalesOf(one: LayerCase): Promise<NdArray[]> {
  const drawn = one.scales?.() ?? [];
  const scales = await Promise.all(drawn.map(toArray));
  tf.dispose(drawn);
  return scales;
}

/** What the reference has for each of the results. */
export function expectedOf(one: LayerCase, dy: NdArray | undefined, scales: NdArray[]): NamedArrays {
  const {y, back, moved = {}} = one.reference(one.x, one.weights, scales);
  const expected: NamedArrays = {y};
  if (!dy) return expected;
  if (!one.training) expected['y without gradients'] = y;
  const gradients: NamedArrays = {};
  expected.dx = back(dy, gradients);
  for (const [name, array] of Object.entries(gradients)) expected[`d ${name}`] = array;
  for (const name of ['moving_mean', 'moving_variance']) {
    if (name in one.weights) expected[`moved ${name}`] = moved[name] ?? one.weights[name];
  }
  return expected;
}

/** The case with every number of its input and its weights off by up to half a bit of a float32. */
function nudged(one: LayerCase, draw: Draw): LayerCase {
  const nudge = ({shape, data}: NdArray) =>
    ndArray(
      shape,
      data.map((value) => value * (1 + (draw.integer(0, 2) - 1) * 2 ** -24)),
    );
  const weights = Object.fromEntries(
    Object.entries(one.weights).map(([name, array]) => [name, nudge(array)]),
  );
  return {...one, x: nudge(one.x), weights};
}

const norm = (values: ArrayLike<number>) =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0));

/** The largest error that each of the results may have beside what is usual: see above. */
async function allowances(
  one: LayerCase,
  dy: NdArray,
  scales: NdArray[],
  expected: NamedArrays,
): Promise<Record<string, number>> {
  const backend = tf.getBackend();
  await tf.setBackend('cpu');
  let plain: NamedArrays;
  try {
    plain = await resultsOf(one, dy);
  } finally {
    await tf.setBackend(backend);
  }
  const others = ['a', 'b'].map((seed) => expectedOf(nudged(one, new Draw(seed)), dy, scales));
  const error = (name: string, other: NamedArrays) => {
    const {data} = expected[name];
    return norm(data.map((value, i) => value - other[name].data[i])) / Math.max(norm(data), 1);
  };
  const allowed = (name: string) => {
    const own = error(name, plain);
    return FEW_TIMES * Math.max(own < WRONG ? own : 0, ...others.map((other) => error(name, other)));
  };
  return Object.fromEntries(Object.keys(expected).map((name) => [name, allowed(name)]));
}

/** What is wrong; undefined where all is right. */
export async function wrongWithLayer(
  one: LayerCase,
  {backend, threads}: {backend: FuzzBackend; threads: readonly number[]},
): Promise<string | undefined> {
  const scales = await scalesOf(one);
  const dy = new Draw(one.text).array(expectedOf(one, undefined, scales).y.shape);
  const expected = expectedOf(one, dy, scales);
  let allowance: Record<string, number> | undefined;
  for (const count of threads) {
    setThreads(count);
    const before = tf.memory().numTensors;
    const found = await resultsOf(one, dy);
    const left = tf.memory().numTensors - before;
    if (left !== 0) return `${left} tensors left over`;
    const names = [Object.keys(expected), Object.keys(found)].map((keys) => keys.sort().join(', '));
    if (names[0] !== names[1]) return `results ${names[1]} where ${names[0]} are right`;
    for (const [name, {shape, data}] of Object.entries(expected)) {
      const got = found[name];
      if (!tf.util.arraysEqual([...got.shape], [...shape]))
        return `${name} of [${got.shape}], not [${shape}]`;
      const tolerance = TOLERANCES[backend][name.startsWith('d') ? 'gradient' : 'y'];
      const wrong = (allowed: number) => wrongValues(name, got.data, data, allowed);
      if (!wrong(tolerance)) continue;
      allowance ??= await allowances(one, dy, scales, expected);
      const message = wrong(tolerance + allowance[name]);
      if (message) return `${message}, on ${count} thread(s)`;
    }
  }
  return undefined;
}

function wrongValues(name: string, actual: Float64Array, expected: Float64Array, tolerance: number) {
  try {
    expectRelativeClose(name, actual, expected, tolerance, 1);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
